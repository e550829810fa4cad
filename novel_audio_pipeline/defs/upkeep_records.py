"""What upkeep asks Dagster's records: partitions, what was made, and how its own runs went."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from novel_audio_pipeline.defs.dead_runs import end_dead_runs
from novel_audio_pipeline.defs.partitions import known_chapters
from novel_audio_pipeline.defs.versions import organized_versions
from novel_audio_pipeline.upkeep.ledger import DagsterLedger

EXPIRY_JOB, UPKEEP_JOB = "tts_cache_expiry_job", "storage_upkeep_job"
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_OVER = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


def ledger_of(instance: dg.DagsterInstance) -> DagsterLedger:
    """Return what Dagster's records say of chapters."""
    return DagsterLedger(tuple(known_chapters(instance)), organized_versions(instance))


def upkeep_under_way(instance: dg.DagsterInstance) -> str | None:
    """Return the id of a run of upkeep that is queued or at work, or None.

    Runs of processes that are gone are ended first: they would be at work for ever.
    """
    found = _under_way(instance)
    if found is not None and end_dead_runs(instance):
        found = _under_way(instance)
    return found


def failures_in_a_row(instance: dg.DagsterInstance) -> list[datetime]:
    """Return when the latest expiry runs failed, latest first, up to the last that did not."""
    failed = []
    records = instance.get_run_records(
        dg.RunsFilter(job_name=EXPIRY_JOB, statuses=_OVER), limit=len(BACKOFF)
    )
    for record in records:
        if record.dagster_run.status is not dg.DagsterRunStatus.FAILURE:
            break
        ended = record.end_time
        failed.append(
            record.update_timestamp if ended is None else datetime.fromtimestamp(ended, tz=UTC)
        )
    return failed


def wait_after(failures: Sequence[datetime], *, now: datetime) -> timedelta:
    """Return how long to wait yet after failures in a row: 1, 5, then always 30 minutes.

    Args:
        failures: When they ended, latest first.
        now: Timezone-aware.
    """
    if not failures:
        return timedelta(0)
    pause = BACKOFF[min(len(failures), len(BACKOFF)) - 1]
    return min(pause, max(timedelta(0), failures[0] + pause - now))  # a clock may be set back


def _under_way(instance: dg.DagsterInstance) -> str | None:
    for job in (EXPIRY_JOB, UPKEEP_JOB):
        for run in instance.get_runs(dg.RunsFilter(job_name=job, statuses=_UNDER_WAY), limit=1):
            return run.run_id
    return None
