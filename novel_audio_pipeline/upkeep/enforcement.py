"""Enforcing the two hours in the cache's folder: look, remove, look again, write down what went."""

import os
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from novel_audio_pipeline.instants import instant_of
from novel_audio_pipeline.tts_cache.expiring import Expired, expire, restore
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.survey import SeenFile, SeenKind, survey
from novel_audio_pipeline.upkeep.audit import UNKNOWN, AuditLog, Removal
from novel_audio_pipeline.upkeep.expiry import WATCHED_PAST_ITS_TIME, Judged, judge
from novel_audio_pipeline.upkeep.known_entries import EntryKnowledge, KnownEntries


@dataclass(frozen=True, slots=True)
class ExpiryOutcome:
    """What one enforcement did.

    Attributes:
        at: When.
        removed: What went, oldest first.
        left: Verdicts on what is there afterwards, by another look.
        refused: What the disk refused, in a sentence; empty if it refused nothing.
    """

    at: datetime
    removed: tuple[Removal, ...]
    left: tuple[Judged, ...]
    refused: str


def look_into(folder: CacheFolder, *, now: datetime, ttl: timedelta) -> list[Judged]:
    """Return a verdict on everything in the folder; nothing is changed.

    Raises:
        StorageError: If the folder cannot be read.
    """
    return judge(_survey(folder), watch=folder.watch(), now=now, ttl=ttl)


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

    What the audit says of each is found out before the first goes.

    Args:
        folder: ``guard.refuse_wrong_root`` was asked about it.
        now: The moment to judge at, timezone-aware.
        ttl: Time to live, more than zero.
        is_shared_with_others: Whether programs write there that know no lock.
        known: What the audit says of an entry beside what was seen of it.
        audit: Where removals are written down.

    Raises:
        StorageError: If the folder cannot be read or locked. What went before is written down.
    """
    restore(folder)
    seen = list(_survey(folder))
    entries = (one.as_entry() for one in seen if one.kind is SeenKind.AUDIO)
    watch = folder.watch().look(entries, now=now)  # one for verdicts and removal: they agree
    before = judge(seen, watch=watch, now=now, ttl=ttl)
    # What is taken aside was given back: where it is so again, another process is removing it.
    going = [j for j in before if j.state == "expired" and j.seen.kind is not SeenKind.EXPIRING]
    removals = _removals(going, known=known)
    done: Expired | None = None
    try:
        done = expire(
            folder,
            now=now,
            ttl=ttl,
            is_shared_with_others=is_shared_with_others,
            watch=watch,
        )
    finally:
        went = None if done is None else {f"{entry.file_id}.wav" for entry in done.removed}
        removed = [line for one, line in removals if _has_gone(one, went, root=folder.root)]
        audit.write(removed, at=now, place=str(folder.root))
    after = list(_survey(folder))
    left = judge(after, watch=watch, now=now, ttl=ttl)
    return ExpiryOutcome(at=now, removed=tuple(removed), left=tuple(left), refused=done.refused)


def _survey(folder: CacheFolder) -> Iterator[SeenFile]:
    """Yield what a verdict is wanted on: a record beside its audio is a part of it."""
    return survey(folder.root, with_records_of_audio=False)


_NO_ENTRY = EntryKnowledge(UNKNOWN, "")


def _removals(
    expired: Sequence[Judged], *, known: KnownEntries
) -> Sequence[tuple[SeenFile, Removal]]:
    """Return the line of the audit for each thing that is about to go."""
    about = known.about(
        {one.seen.file_id: one.seen.modified_at for one in expired if one.seen.file_id}
    )
    found = []
    for one in expired:
        knowledge = about.get(one.seen.file_id, _NO_ENTRY)
        removal = Removal(
            name=one.seen.name,
            file_id=one.seen.file_id,
            action="expired",
            reason=one.reason or WATCHED_PAST_ITS_TIME,
            age=one.age,
            size_bytes=one.seen.size_bytes,
            in_library=knowledge.in_library,
            asked_for=knowledge.asked_for,
        )
        found.append((one.seen, removal))
    return found


def _has_gone(seen: SeenFile, went: Container[str] | None, *, root: Path) -> bool:
    """Return whether what was seen was removed.

    Args:
        seen: As it was judged.
        went: Names of the audio that is confirmed to have gone; None if that is not known.
        root: The folder, which is looked into for everything else.
    """
    if went is not None and seen.kind is SeenKind.AUDIO:
        return seen.name in went
    try:
        facts = os.lstat(f"{root}{os.sep}{seen.name}")  # text: a Path costs more than the look
    except FileNotFoundError:
        return True
    except OSError:  # the disk does not say: nothing is told as removed that may be there
        return False
    return instant_of(facts.st_mtime_ns) != seen.modified_at  # something newer has its name
