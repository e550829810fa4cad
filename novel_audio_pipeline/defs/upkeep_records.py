"""What upkeep asks Dagster's records: partitions, what was made, and how its own runs went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from novel_audio_pipeline.defs.dead_runs import end_dead_runs
from novel_audio_pipeline.defs.partitions import known_chapters
from novel_audio_pipeline.defs.versions import organized_versions
from novel_audio_pipeline.upkeep.ledger import DagsterLedger

EXPIRY_JOB, UPKEEP_JOB = "tts_cache_expiry_job", "storage_upkeep_job"
NOT_REMOVED_TAG = "novel_audio/not_removed"  # of a run: how many overdue entries it left
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


@dataclass(frozen=True, slots=True)
class Setbacks:
    """The latest expiry runs that failed or could not remove everything, in a row.

    Attributes:
        ended: When each ended, latest first; empty if the last run removed everything.
        left: Entries that the last of them could not remove; None if it failed.
    """

    ended: Sequence[datetime]
    left: int | None


def setbacks_in_a_row(instance: dg.DagsterInstance) -> Setbacks:
    """Return how the latest expiry runs went, up to the last that removed everything."""
    ended: list[datetime] = []
    left: list[int | None] = []
    records = instance.get_run_records(
        dg.RunsFilter(job_name=EXPIRY_JOB, statuses=_OVER), limit=len(BACKOFF)
    )
    for record in records:
        run, at = record.dagster_run, record.end_time
        has_failed = run.status is dg.DagsterRunStatus.FAILURE
        not_removed = int(run.tags.get(NOT_REMOVED_TAG, "0"))
        if not has_failed and not not_removed:
            break
        ended.append(record.update_timestamp if at is None else datetime.fromtimestamp(at, tz=UTC))
        left.append(None if has_failed else not_removed)
    return Setbacks(ended, left[0] if left else 0)


def wait_after(ended: Sequence[datetime], *, now: datetime) -> timedelta:
    """Return how long to wait yet after setbacks in a row: 1, 5, then always 30 minutes.

    Args:
        ended: When each ended, latest first.
        now: Timezone-aware.
    """
    if not ended:
        return timedelta(0)
    pause = BACKOFF[min(len(ended), len(BACKOFF)) - 1]
    return min(pause, max(timedelta(0), ended[0] + pause - now))  # a clock may be set back


def _under_way(instance: dg.DagsterInstance) -> str | None:
    for job in (EXPIRY_JOB, UPKEEP_JOB):
        for run in instance.get_runs(dg.RunsFilter(job_name=job, statuses=_UNDER_WAY), limit=1):
            return run.run_id
    return None
