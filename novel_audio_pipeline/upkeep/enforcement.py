"""Enforcing the two hours in the cache's folder: look, remove, look again, write down what went."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.survey import SeenFile, survey
from novel_audio_pipeline.tts_cache.watch import Watch
from novel_audio_pipeline.upkeep.audit import AuditLog, Removal
from novel_audio_pipeline.upkeep.expiry import (
    WATCHED_PAST_ITS_TIME,
    Judged,
    judge,
)
from novel_audio_pipeline.upkeep.known_entries import EntryKnowledge, KnownEntries


@dataclass(frozen=True, slots=True)
class ExpiryOutcome:
    """What one enforcement did.

    Attributes:
        at: When.
        removed: What went, oldest first.
        left: Verdicts on what is there afterwards, by another look.
    """

    at: datetime
    removed: tuple[Removal, ...]
    left: tuple[Judged, ...]


def look_into(folder: CacheFolder, *, now: datetime, ttl: timedelta) -> list[Judged]:
    """Return a verdict on everything in the folder; nothing is changed.

    Raises:
        StorageError: If the folder cannot be read.
    """
    return judge(survey(folder.root), watch=folder.watch(), now=now, ttl=ttl)


def expire_folder(
    folder: CacheFolder,
    *,
    now: datetime,
    ttl: timedelta,
    is_shared_with_others: bool,
    known: KnownEntries,
    audit: AuditLog,
) -> ExpiryOutcome:
    """Remove what is expired, confirm by another look that it is gone, and write every removal down.

    Args:
        folder: ``guard.refuse_wrong_root`` was asked about it.
        now: The moment to judge at, timezone-aware.
        ttl: Time to live, more than zero.
        is_shared_with_others: Whether programs write there that know no lock.
        known: What the audit says of an entry beside what was seen of it.
        audit: Where removals are written down.

    Raises:
        StorageError: If the folder cannot be read, or something does not go. What went before is
            written down.
    """
    before = look_into(folder, now=now, ttl=ttl)
    expired = [one for one in before if one.state == "expired"]
    try:
        folder.expire(now=now, ttl=ttl, is_shared_with_others=is_shared_with_others)
    finally:
        after = list(survey(folder.root))
        removed = tuple(_removals(expired, after, known=known))
        audit.write(removed, at=now, place=str(folder.root))
    watch = folder.watch() if after else Watch()
    left = judge(after, watch=watch, now=now, ttl=ttl)
    return ExpiryOutcome(at=now, removed=removed, left=tuple(left))


_NO_ENTRY = EntryKnowledge("unknown", "")


def _removals(
    expired: Iterable[Judged], after: Iterable[SeenFile], *, known: KnownEntries
) -> Iterable[Removal]:
    """Yield what was expired and is there no more."""
    still_there: Mapping[str, datetime] = {one.name: one.modified_at for one in after}
    gone = [one for one in expired if still_there.get(one.seen.name) != one.seen.modified_at]
    about = known.about({one.seen.file_id: one.seen.modified_at for one in gone})
    for one in gone:
        knowledge = about[one.seen.file_id] if one.seen.file_id else _NO_ENTRY
        yield Removal(
            name=one.seen.name,
            file_id=one.seen.file_id,
            action="expired",
            reason=one.reason or WATCHED_PAST_ITS_TIME,
            age=one.age,
            size_bytes=one.seen.size_bytes,
            in_library=knowledge.in_library,
            asked_for=knowledge.asked_for,
        )
