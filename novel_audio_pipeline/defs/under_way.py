"""Whether chapters are being narrated, or are queued to be, by any run or backfill."""

import dagster as dg

from novel_audio_pipeline.defs.versions import ORGANIZED_AUDIO

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_LOOKED_AT = 1000


def narration_under_way(instance: dg.DagsterInstance) -> str | None:
    """Return what narrates or waits to: ``run <id>`` or ``backfill <id>``, or None."""
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED), limit=_LOOKED_AT):
        if run.job_name == "narrate_job" or ORGANIZED_AUDIO in (run.asset_selection or ()):
            return f"run {run.run_id}"
    for backfill in instance.get_backfills(limit=_LOOKED_AT):
        if backfill.is_asset_backfill and not backfill.status.name.startswith(
            ("COMPLETED", "FAILED", "CANCELED")
        ):
            return f"backfill {backfill.backfill_id}"
    return None
