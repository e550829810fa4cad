"""One entry of the TTS cache and the rule of when it expires; no disk here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One audio file in the TTS cache.

    Attributes:
        file_id: 32 lowercase hex digits.
        stored_at: Modification time of the WAV, aware UTC.
        size_bytes: Size of the WAV.
    """

    file_id: str
    stored_at: datetime
    size_bytes: int


def check_ttl(ttl: timedelta, *, now: datetime) -> None:
    """Refuse what no rule of this room can judge by.

    Raises:
        ValueError: If ``ttl`` is not more than zero or ``now`` has no timezone.
    """
    if ttl <= timedelta(0):
        raise ValueError(f"ttl must be more than zero, got {ttl}")
    if now.tzinfo is None:
        raise ValueError("now must be timezone-aware")


def is_expired(entry: CacheEntry, *, now: datetime, ttl: timedelta) -> bool:
    """Return whether the entry's time to live has passed.

    Reading an entry does not prolong it. At exactly ``ttl`` it has expired; an entry dated after
    ``now`` has not (``watch.py`` deals with those).

    Raises:
        ValueError: If ``ttl`` is not more than zero or ``now`` has no timezone.
    """
    check_ttl(ttl, now=now)
    return entry.stored_at + ttl <= now


def expired(entries: Iterable[CacheEntry], *, now: datetime, ttl: timedelta) -> list[CacheEntry]:
    """Return the entries whose time to live has passed, oldest first.

    Args:
        entries: The entries to judge, in any order.
        now: The moment to judge at, timezone-aware.
        ttl: Time to live, more than zero.

    Raises:
        ValueError: If ``ttl`` is not more than zero or ``now`` has no timezone.
    """
    check_ttl(ttl, now=now)
    return sorted((e for e in entries if e.stored_at + ttl <= now), key=lambda e: e.stored_at)
