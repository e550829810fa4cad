"""How long entries have been watched, whatever their dates and the clock say; no disk here.

An entry's own date cannot be trusted alone: a copied file may be dated in the future, and a clock
set back makes every file look young again. What has been watched for its time to live has expired.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from novel_audio_pipeline.speech.request import FILE_ID_PATTERN
from novel_audio_pipeline.tts_cache.entry import CacheEntry, check_ttl

WATCH_NAME = ".first_seen.json"  # in the cache folder

_FORM = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Watch:
    """A steady clock, and when each entry was first seen by it.

    The steady clock is the wall clock plus everything by which that was seen to jump back, so it
    never runs backwards; a jump costs at most the time between two looks.

    Attributes:
        looked_at: The wall clock at the last look, or None before the first.
        jumped_back: Sum of all jumps back of the wall clock so far.
        first_seen: By ``file_id``: the entry's own date (a new date is a new entry) and the steady
            time at which it was first seen, both in microseconds since 1970.
    """

    looked_at: datetime | None = None
    jumped_back: timedelta = timedelta(0)
    first_seen: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def look(self, entries: Iterable[CacheEntry], *, now: datetime) -> "Watch":
        """Return the watch after seeing these entries, and only these, at ``now``."""
        jumped_back = self.jumped_back
        if self.looked_at is not None and now < self.looked_at:
            jumped_back += self.looked_at - now
        steady_us = _microseconds(now + jumped_back)
        first_seen: dict[str, tuple[int, int]] = {}
        for entry in entries:
            dated_us = _microseconds(entry.stored_at)
            known = self.first_seen.get(entry.file_id)
            is_known = known is not None and known[0] == dated_us
            first_seen[entry.file_id] = known if known and is_known else (dated_us, steady_us)
        return Watch(looked_at=now, jumped_back=jumped_back, first_seen=first_seen)

    def knows(self, entry: CacheEntry) -> bool:
        """Return whether this very entry was seen at the last look, not another of its id."""
        known = self.first_seen.get(entry.file_id)
        return known is not None and known[0] == _microseconds(entry.stored_at)

    def overdue(self, *, now: datetime, ttl: timedelta) -> list[str]:
        """Return the ids of what has expired by its own date or by being watched, oldest first.

        Call it on the watch that has just looked at ``now``.

        Raises:
            ValueError: If ``ttl`` is not more than zero or ``now`` has no timezone.
        """
        check_ttl(ttl, now=now)
        latest_date = _microseconds(now - ttl)
        latest_sight = _microseconds(now + self.jumped_back - ttl)
        found = (
            (min(dated, seen), file_id)
            for file_id, (dated, seen) in self.first_seen.items()
            if dated <= latest_date or seen <= latest_sight
        )
        return [file_id for _, file_id in sorted(found)]

    def was_overdue(self, *, at: datetime, ttl: timedelta) -> int:
        """Return how many of these entries had been seen and had expired at an earlier moment."""
        latest_date = _microseconds(at - ttl)
        steady = _microseconds(at + self.jumped_back)
        latest_sight = _microseconds(at + self.jumped_back - ttl)
        return sum(
            seen <= steady and (dated <= latest_date or seen <= latest_sight)
            for dated, seen in self.first_seen.values()
        )


def watch_to_json(watch: Watch) -> str:
    """Return the watch as a JSON document, for the next process to go on with."""
    return json.dumps(
        {
            "form": _FORM,
            "looked_at_us": None if watch.looked_at is None else _microseconds(watch.looked_at),
            "jumped_back_us": watch.jumped_back // _MICROSECOND,
            "first_seen": watch.first_seen,
        }
    )


def watch_from_json(text: str) -> Watch:
    """Return the watch that was written; a torn or foreign document is a watch that starts now."""
    try:
        document = json.loads(text)
        if document["form"] != _FORM:
            return Watch()
        looked_at_us = document["looked_at_us"]
        return Watch(
            looked_at=None if looked_at_us is None else _instant(looked_at_us),
            jumped_back=timedelta(microseconds=document["jumped_back_us"]),
            first_seen={
                file_id: (int(dated_us), int(seen_us))
                for file_id, (dated_us, seen_us) in document["first_seen"].items()
                if FILE_ID_PATTERN.fullmatch(file_id)
            },
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return Watch()


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
