"""What is expired in the TTS cache: the rule over everything seen in its folder. No disk here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from novel_audio_pipeline.tts_cache.entry import check_ttl, is_expired
from novel_audio_pipeline.tts_cache.survey import SeenFile, SeenKind
from novel_audio_pipeline.tts_cache.watch import Watch
from novel_audio_pipeline.tts_cache.writing import is_leftover

REMOVAL_DELAY = timedelta(minutes=2)  # an entry is served for its time, and removed within this

State = Literal["live", "expired", "kept"]

PAST_ITS_TIME = "past_its_time"
WATCHED_PAST_ITS_TIME = "watched_past_its_time"
DATED_IN_THE_FUTURE = "dated_in_the_future"
RECORD_WITHOUT_AUDIO = "record_without_audio"
REMOVAL_INTERRUPTED = "removal_interrupted"
BEING_WRITTEN = "being_written"
WRITER_IS_DEAD = "writer_is_dead"
NOT_OURS = "not_ours"


@dataclass(frozen=True, slots=True)
class Judged:
    """One thing in the cache folder, judged.

    Attributes:
        seen: What was seen.
        state: ``live`` until its time is over, then ``expired``; ``kept`` is never touched.
        reason: Stable word for why; empty for a plain live entry.
        age: Now minus its own date; negative if it is dated in the future.
    """

    seen: SeenFile
    state: State
    reason: str
    age: timedelta

    @property
    def is_entry(self) -> bool:
        """Whether it is audio under its own name, as the backend serves it."""
        return self.seen.kind is SeenKind.AUDIO


def judge(seen: Iterable[SeenFile], *, watch: Watch, now: datetime, ttl: timedelta) -> list[Judged]:
    """Return a verdict on everything seen, oldest first; records beside their audio are part of it.

    Audio goes by its own date, whatever any record, client or time zone says; at exactly ``ttl`` it
    has expired. Dated after ``now`` it goes once it has been watched for ``ttl``. A record without
    audio goes by its own date, a temporary file when its writer is dead or after two hours. What is
    not ours is kept whatever its age.

    Args:
        seen: From one survey of the folder.
        watch: As it is kept in the folder; it is not advanced here.
        now: The moment to judge at, timezone-aware.
        ttl: Time to live, more than zero.

    Raises:
        ValueError: If ``ttl`` is not more than zero or ``now`` has no timezone.
    """
    check_ttl(ttl, now=now)
    everything = list(seen)
    entries = {one.file_id: one for one in everything if one.kind is SeenKind.AUDIO}
    watched = watch.look((one.as_entry() for one in entries.values()), now=now)
    overdue = frozenset(watched.overdue(now=now, ttl=ttl))
    verdicts = [
        Judged(one, *_verdict(one, overdue=overdue, now=now, ttl=ttl), age=now - one.modified_at)
        for one in everything
        if not (one.kind is SeenKind.RECORD and one.file_id in entries)
    ]
    return sorted(verdicts, key=lambda judged: judged.seen.modified_at)


def _verdict(
    one: SeenFile, *, overdue: frozenset[str], now: datetime, ttl: timedelta
) -> tuple[State, str]:
    """Return state and reason of one thing."""
    is_old = one.modified_at + ttl <= now
    match one.kind:
        case SeenKind.AUDIO:
            if one.file_id in overdue:
                return "expired", PAST_ITS_TIME if is_old else WATCHED_PAST_ITS_TIME
            return "live", DATED_IN_THE_FUTURE if one.modified_at > now else ""
        case SeenKind.RECORD:
            is_old = is_expired(one.as_entry(), now=now, ttl=ttl)
            return ("expired" if is_old else "live"), RECORD_WITHOUT_AUDIO
        case SeenKind.EXPIRING:
            return ("expired" if is_old else "live"), REMOVAL_INTERRUPTED
        case SeenKind.TEMPORARY:
            name = one.name.rpartition("/")[2]
            is_dead = is_leftover(name, modified_at=one.modified_at, now=now)
            return ("expired", WRITER_IS_DEAD) if is_dead else ("live", BEING_WRITTEN)
        case SeenKind.UNKNOWN:
            return "kept", NOT_OURS


@dataclass(frozen=True, slots=True)
class CacheSummary:
    """Numbers over the verdicts of one look.

    Attributes:
        entries: Audio in the cache, expired or not.
        size_bytes: Of that audio.
        oldest_age: Of the oldest entry; zero if there is none, or all are dated in the future.
        overdue: Entries and other things of ours whose time is over.
        overdue_bytes: Their size.
        lag: How long the oldest overdue entry is past its time; zero if none is.
        unknown: Things that are not ours.
        unknown_names: Names of some of them.
    """

    entries: int
    size_bytes: int
    oldest_age: timedelta
    overdue: int
    overdue_bytes: int
    lag: timedelta
    unknown: int
    unknown_names: tuple[str, ...]


_NAMED = 20


def summarize(judged: Iterable[Judged], *, ttl: timedelta) -> CacheSummary:
    """Return the numbers over the verdicts of one look."""
    everything = list(judged)
    entries = [one for one in everything if one.is_entry]
    overdue = [one for one in everything if one.state == "expired"]
    unknown = [one for one in everything if one.state == "kept"]
    zero = timedelta(0)
    return CacheSummary(
        entries=len(entries),
        size_bytes=sum(one.seen.size_bytes for one in entries),
        oldest_age=max([zero, *(one.age for one in entries)]),
        overdue=len(overdue),
        overdue_bytes=sum(one.seen.size_bytes for one in overdue),
        lag=max((one.age - ttl for one in overdue), default=zero),
        unknown=len(unknown),
        unknown_names=tuple(one.seen.name for one in unknown[:_NAMED]),
    )
