"""A bounded glance at the cache's folder: is something overdue? Cheap enough to ask every minute."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.watch import Watch

ENTRIES_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Glance:
    """What one glance saw.

    Attributes:
        seen: Entries looked at.
        overdue: Of these, past their time.
        oldest_age: Of these; zero if there is none.
        cursor: Where the next glance goes on; empty if it begins anew.
        watch: As it is after this glance.
        ttl: Time to live.
    """

    seen: int
    overdue: int
    oldest_age: timedelta
    cursor: str
    watch: Watch
    ttl: timedelta

    def was_overdue(self, at: datetime) -> int:
        """Return how many of the entries were there, and past their time, at an earlier moment."""
        return self.watch.was_overdue(at=at, ttl=self.ttl)


def glance_at(
    folder: CacheFolder, *, cursor: str, now: datetime, ttl: timedelta, limit: int = ENTRIES_AT_ONCE
) -> Glance:
    """Look at the next entries in the order of their ids; nothing is changed.

    Args:
        folder: ``guard.refuse_wrong_root`` was asked about it.
        cursor: Of the glance before; ``""`` begins.
        now: Timezone-aware.
        ttl: Time to live, more than zero.
        limit: Most entries to look at.

    Raises:
        StorageError: If the folder cannot be read.
    """
    entries = folder.page(after=cursor, limit=limit)
    watch = folder.watch().look(entries, now=now)
    overdue = watch.overdue(now=now, ttl=ttl)
    oldest = min((entry.stored_at for entry in entries), default=now)
    return Glance(
        seen=len(entries),
        overdue=len(overdue),
        oldest_age=max(timedelta(0), now - oldest),
        cursor=entries[-1].file_id if len(entries) == limit else "",
        watch=watch,
        ttl=ttl,
    )
