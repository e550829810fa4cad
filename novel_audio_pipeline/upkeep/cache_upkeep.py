"""One round of upkeep of the TTS cache: expire what is past its time, evict what is proven held."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.refusals import Refusals, told_together
from novel_audio_pipeline.upkeep.asked import AskedNotes
from novel_audio_pipeline.upkeep.audit import AuditLog, Removal
from novel_audio_pipeline.upkeep.cache_place import CachePlace
from novel_audio_pipeline.upkeep.enforcement import ExpiryOutcome, expire_folder
from novel_audio_pipeline.upkeep.eviction import evict_held, held_entries
from novel_audio_pipeline.upkeep.expiry import CacheSummary, Judged, summarize
from novel_audio_pipeline.upkeep.known_entries import KnownEntries
from novel_audio_pipeline.upkeep.remote_cache import expire_at_backend

_NAMED = 20
_NOTES_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CacheRound:
    """What one round did and left.

    Attributes:
        at: When.
        removed: Everything that went, expired or evicted.
        judged: What is there afterwards.
        left: The same in numbers.
        lag: How long the oldest of what went, or is left, was past its time.
        why_not: Why the two hours cannot be enforced; empty if they can.
        refused: What the disk or the backend refused, in a sentence; empty if nothing.
    """

    at: datetime
    removed: tuple[Removal, ...]
    judged: tuple[Judged, ...]
    left: CacheSummary
    lag: timedelta
    why_not: str
    refused: str = ""

    def count(self, action: str) -> int:
        """Return how many things were ``expired`` or ``evicted``."""
        return sum(removal.action == action for removal in self.removed)

    @property
    def entries_left_overdue(self) -> int:
        """How many entries are still there although their time is over."""
        return sum(one.is_entry and one.state == "expired" for one in self.judged)

    @property
    def lost(self) -> list[Removal]:
        """What expired before anybody had downloaded it for a chapter that waits for it."""
        return [removal for removal in self.removed if removal.is_lost]

    def lost_sentence(self) -> str:
        """Return whose audio expired before it was downloaded, for people."""
        waiting = sorted({removal.asked_for for removal in self.lost})
        named = ", ".join(waiting[:_NAMED]) + (" and others" if len(waiting) > _NAMED else "")
        return (
            f"expired before it was downloaded, since the run that asked for it ended: {named}. "
            "Narrate these chapters again: only what is missing is spoken"
        )


def run_cache_round(place: CachePlace, *, now: Callable[[], datetime]) -> CacheRound:
    """Enforce the two hours wherever the cache can be reached, and write down what went.

    The folder is enforced first; a backend elsewhere is then asked what it still has. If neither
    can be reached, ``why_not`` says so: that is an error, never "nothing to expire". Notes of what
    was asked for and never filed are dropped when they are thirty days old.

    Raises:
        SettingError: If the folder may not be a cache; nothing has been looked at then.
        StorageError: If the folder cannot be read or locked.
    """
    at = now()
    AskedNotes(place.reports_dir).drop_before(at - _NOTES_KEPT)
    known, audit = KnownEntries(place.reports_dir), AuditLog(place.reports_dir)
    removed: list[Removal] = []
    judged: list[Judged] = []
    why_not = refused = ""
    try:
        folder = place.folder()
        if folder is not None:
            why_not = place.why_no_cache()  # before anything goes
            outcome = _enforce_folder(folder, place, known=known, audit=audit, now=at)
            removed += outcome.removed
            judged += outcome.left
            refused = outcome.refused
    except StorageError as error:
        if place.backend_url is None:
            raise
        why_not = str(error)
    if place.backend_url is not None:
        remote = expire_at_backend(place, now=at, known=known)
        audit.write(remote.removed, at=at, place=place.backend_url)
        removed += remote.removed
        here = {one.seen.file_id for one in judged if one.is_entry}
        judged += [one for one in remote.judged if one.seen.file_id not in here]
        refused = told_together(refused, remote.refused)
        why_not = place.why_not_enforceable(backend_trouble=remote.why_not, folder_trouble=why_not)
    left = summarize(judged, ttl=place.ttl)
    late = [one.age - place.ttl for one in removed if one.action == "expired"]
    lag = max([timedelta(0), left.lag, *late])
    return CacheRound(at, tuple(removed), tuple(judged), left, lag, why_not, refused)


def _enforce_folder(
    folder: CacheFolder, place: CachePlace, *, known: KnownEntries, audit: AuditLog, now: datetime
) -> ExpiryOutcome:
    """Expire, then evict, writing every removal down; return what went and what is left."""
    outcome = expire_folder(
        folder,
        now=now,
        ttl=place.ttl,
        is_shared_with_others=place.is_shared_with_others,
        known=known,
        audit=audit,
    )
    evicted: list[Removal] = []
    refused = Refusals()
    try:
        for removal in _evict(folder, outcome.left, place, known=known, refused=refused):
            evicted.append(removal)
    finally:
        audit.write(evicted, at=now, place=str(folder.root))
    gone = {removal.name for removal in evicted}
    return replace(
        outcome,
        removed=(*outcome.removed, *evicted),
        left=tuple(one for one in outcome.left if one.seen.name not in gone),
        refused=told_together(outcome.refused, str(refused)),
    )


def evictable(place: CachePlace, judged: Iterable[Judged]) -> tuple[list[Judged], str]:
    """Return what a round would evict of these, and what could not be read, in a sentence.

    Nothing is changed. Only in a folder is something evicted: where there is none, it is nothing.

    Raises:
        SettingError: If the folder may not be a cache.
    """
    try:
        folder = place.folder()
    except StorageError:
        folder = None  # told by whoever looked for these
    if folder is None:
        return [], ""
    refused = Refusals()
    known = KnownEntries(place.reports_dir)
    live, places = _candidates(judged, place, known=known, refused=refused)
    store = LocalFileStore(place.library_dir)
    groups = held_entries(folder, live, store=store, places=places, refused=refused)
    return [one for group in groups for one in group], str(refused)


def _evict(
    folder: CacheFolder,
    judged: Iterable[Judged],
    place: CachePlace,
    *,
    known: KnownEntries,
    refused: Refusals,
) -> Iterable[Removal]:
    live, places = _candidates(judged, place, known=known, refused=refused)
    return evict_held(
        folder,
        live,
        store=LocalFileStore(place.library_dir),
        places=places,
        is_shared_with_others=place.is_shared_with_others,
        refused=refused,
    )


def _candidates(
    judged: Iterable[Judged], place: CachePlace, *, known: KnownEntries, refused: Refusals
) -> tuple[list[Judged], Mapping[str, tuple[str, int]]]:
    """Return the entries, and where the library is said to hold some of them."""
    entries = [one for one in judged if one.is_entry]
    if place.evict == "never":
        return entries, {}
    try:
        return entries, known.places(one.seen.file_id for one in entries)
    except StorageError as error:
        refused.add(error)
        return entries, {}
