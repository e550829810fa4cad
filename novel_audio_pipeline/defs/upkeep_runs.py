"""Running upkeep in this process, on the same Dagster instance as the UI's: for the command line."""

from typing import Literal

import dagster as dg

from novel_audio_pipeline.defs.dead_runs import end_dead_runs, process_tags
from novel_audio_pipeline.defs.resources import default_resources
from novel_audio_pipeline.defs.upkeep_assets import POOL, orphan_report, tts_cache_expiry
from novel_audio_pipeline.defs.upkeep_jobs import tts_cache_expiry_job
from novel_audio_pipeline.defs.upkeep_records import EXPIRY_JOB
from novel_audio_pipeline.upkeep.listener import UpkeepListener

REPORT_JOB = "orphan_report_job"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class UpkeepRuns:
    """Dagster's side of the upkeep commands; needs ``DAGSTER_HOME``."""

    def __init__(self) -> None:
        """Open the instance that ``DAGSTER_HOME`` names; end the runs of dead processes."""
        self._instance = dg.DagsterInstance.get()
        end_dead_runs(self._instance)

    def run_in_the_way(self) -> str | None:
        """Return the id of a live run of upkeep, which ours waits for, or None."""
        slots = self._instance.event_log_storage.get_concurrency_info(POOL).claimed_slots
        return slots[0].run_id if slots else None

    def run(self, what: Literal["expiry", "report"]) -> UpkeepListener:
        """Run one of the two assets, and return what it did."""
        listener = UpkeepListener()
        report_job = dg.define_asset_job(
            REPORT_JOB, selection=dg.AssetSelection.assets(orphan_report)
        )
        job = dg.Definitions(
            assets=[tts_cache_expiry, orphan_report],
            jobs=[tts_cache_expiry_job, report_job],
            executor=dg.in_process_executor,
            resources={**default_resources(), "upkeep_listener": listener},
        ).resolve_job_def(EXPIRY_JOB if what == "expiry" else REPORT_JOB)
        job.execute_in_process(
            run_config=_QUIET,
            instance=self._instance,
            tags=process_tags(),
            raise_on_error=False,
        )
        return listener
