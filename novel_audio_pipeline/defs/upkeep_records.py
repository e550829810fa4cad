"""What upkeep asks Dagster's records: partitions, what was made, and how its own runs went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from novel_audio_pipeline.defs.dead_runs import end_dead_runs
from novel_audio_pipeline.defs.partitions import known_chapters
from novel_audio_pipeline.defs.versions import organized_versions
from novel_audio_pipeline.upkeep.ledger import DagsterLedger

EXPIRY_JOB, UPKEEP_JOB = "tts_cache_expiry_job", "storage_upkeep_job"
NOT_REMOVED_TAG = "novel_audio/not_removed"  # of a run, see NotRemoved
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
class NotRemoved:
    """What a run of expiry tried to remove and could not; ``{left} {tried_at}`` as a run's tag.

    Attributes:
        left: How many entries.
        tried_at: The moment at which it judged what was past its time.
    """

    left: int
    tried_at: datetime

    def as_tags(self) -> Mapping[str, str]:
        """Return the tag."""
        return {NOT_REMOVED_TAG: f"{self.left} {self.tried_at.isoformat()}"}

    @classmethod
    def of(cls, run: dg.DagsterRun) -> "NotRemoved | None":
        """Return what a run left, or None if it left nothing."""
        left, _, tried_at = run.tags.get(NOT_REMOVED_TAG, "0").partition(" ")
        return cls(int(left), datetime.fromisoformat(tried_at)) if int(left) else None


@dataclass(frozen=True, slots=True)
class Setbacks:
    """The latest runs of expiry that failed or could not remove everything, in a row.

    Attributes:
        ended: When each ended, latest first; empty if the last run removed everything.
        failed: How many of them, the latest first, failed; 0 if the latest only left something.
        left: What the latest could not remove; None if it failed before.
    """

    ended: Sequence[datetime]
    failed: int
    left: NotRemoved | None


def setbacks_in_a_row(instance: dg.DagsterInstance) -> Setbacks:
    """Return how the latest runs of expiry went, up to the last that removed everything.

    Of the hourly job only what its expiry left counts: what failed may have been the report.
    """
    records = [
        record
        for job in (EXPIRY_JOB, UPKEEP_JOB)
        for record in instance.get_run_records(
            dg.RunsFilter(job_name=job, statuses=_OVER), limit=len(BACKOFF)
        )
    ]
    ended: list[datetime] = []
    failed, latest = 0, None
    for record in sorted(records, key=lambda record: record.storage_id, reverse=True):
        run, at = record.dagster_run, record.end_time
        has_failed, left = run.status is dg.DagsterRunStatus.FAILURE, NotRemoved.of(run)
        if has_failed and left is None and run.job_name == UPKEEP_JOB:
            continue
        if not has_failed and left is None:
            break
        latest = latest if ended else left
        failed += has_failed and failed == len(ended)
        ended.append(record.update_timestamp if at is None else datetime.fromtimestamp(at, tz=UTC))
    return Setbacks(ended, failed, latest)


def wait_after(ended: Sequence[datetime], *, now: datetime) -> timedelta:
    """Return how long to wait yet after setbacks in a row: 1, 5, then always 30 minutes.

    Args:
        ended: When each ended, latest first.
        now: Timezone-aware.
    """
    if not ended or ended[0] > now:  # the clock was set back since: nothing is known of the time
        return timedelta(0)
    pause = BACKOFF[min(len(ended), len(BACKOFF)) - 1]
    return max(timedelta(0), ended[0] + pause - now)


def _under_way(instance: dg.DagsterInstance) -> str | None:
    for job in (EXPIRY_JOB, UPKEEP_JOB):
        for run in instance.get_runs(dg.RunsFilter(job_name=job, statuses=_UNDER_WAY), limit=1):
            return run.run_id
    return None
