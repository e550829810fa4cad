"""Removing from the cache's folder what is past its time: looked at again, confirmed, in batches."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.tts_cache.entry import CacheEntry, check_ttl, is_expired
from novel_audio_pipeline.tts_cache.files import files_in, ids_in, look, unlink
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.refusals import Refusals
from novel_audio_pipeline.tts_cache.removing import confirm_removal, remove_wav, restore_taken
from novel_audio_pipeline.tts_cache.watch import WATCH_NAME, Watch, watch_to_json
from novel_audio_pipeline.tts_cache.writing import is_leftover_file, write_whole

_BATCH = 500  # entries removed under one lock, so that nobody waits long to store
_CHUNK = 50  # records removed beside the next WAVs


@dataclass(frozen=True, slots=True)
class Expired:
    """What one expiry did.

    Attributes:
        removed: The entries that went, oldest first.
        refused: What the disk refused, in a sentence; empty if it refused nothing.
    """

    removed: list[CacheEntry]
    refused: str


def restore(cache: CacheFolder) -> None:
    """Give back what a process that died while it removed entries had taken aside.

    Raises:
        StorageError: If the folder cannot be read, or locked.
    """
    with cache.locked():
        restore_taken(cache.root)


def expire(
    cache: CacheFolder,
    *,
    now: datetime,
    ttl: timedelta,
    is_shared_with_others: bool = False,
    watch: Watch | None = None,
) -> Expired:
    """Remove what is past its time to live.

    Each entry is looked at again, under the lock, just before it goes. An entry dated after ``now``
    goes when it has been watched for ``ttl``; the watch is kept in the folder and advanced here. A
    record without a WAV goes by its own date; leftovers of dead writers go too. One file that does
    not go, or a disk too full to keep the watch, holds nothing else up: it is told in the end.

    Args:
        cache: The folder.
        now: The moment to judge at, timezone-aware.
        ttl: Time to live, more than zero.
        is_shared_with_others: Whether programs write here that know no lock (the existing
            backends): then an entry is taken aside before it is looked at.
        watch: That has looked at ``now``, after ``restore``; without one, a look is taken.

    Raises:
        ValueError: If ``ttl`` is not more than zero or ``now`` has no timezone.
        StorageError: If the folder cannot be read, or locked.
    """
    check_ttl(ttl, now=now)
    if watch is None:
        restore(cache)
        watch = cache.watch().look(cache.entries(), now=now)
    refused = Refusals()
    with cache.locked():
        # If another process has kept one since the look, ours replaces it: what that saw first is
        # seen first again at the next look.
        try:
            write_whole((cache.root / WATCH_NAME, watch_to_json(watch).encode()), dated=now)
        except StorageError as error:
            refused.add(error)
    overdue = watch.overdue(now=now, ttl=ttl)
    removed: list[CacheEntry] = []
    batch = _Batch(cache, watch, refused, is_shared_with_others=is_shared_with_others)
    for start in range(0, len(overdue), _BATCH):
        removed += batch.remove(overdue[start : start + _BATCH])
    _remove_stray_records(cache, watch, refused, now=now, ttl=ttl)
    _remove_leftovers(cache, refused, now=now)
    return Expired(removed, str(refused))


class _Batch:
    """Removes entries under one lock, the records of some beside the WAVs of the next."""

    def __init__(
        self,
        cache: CacheFolder,
        watch: Watch,
        refused: Refusals,
        *,
        is_shared_with_others: bool,
    ) -> None:
        self._cache = cache
        self._watch = watch
        self._refused = refused
        self._is_shared = is_shared_with_others

    def remove(self, file_ids: Sequence[str]) -> list[CacheEntry]:
        """Remove what the watch knows of these, WAV and record; return those whose WAV is gone."""
        removed: list[CacheEntry] = []
        confirmed: list[Future[None]] = []
        # Whatever ends this, what runs beside it ends before the lock is given back.
        with self._cache.locked(), ThreadPoolExecutor(1) as beside:
            with_record = self._cache.has_own_records()
            for start in range(0, len(file_ids), _CHUNK):
                gone: list[CacheEntry] = []
                try:
                    for file_id in file_ids[start : start + _CHUNK]:
                        entry = self._remove_wav(file_id)
                        if entry is not None:
                            gone.append(entry)
                finally:
                    confirmed.append(beside.submit(self._confirm, gone, with_record=with_record))
                removed += gone
        for each in confirmed:
            each.result()
        return removed

    def _remove_wav(self, file_id: str) -> CacheEntry | None:
        """Remove the WAV if it is still the one that was judged; return what it was, if it went."""
        wav, _ = self._cache.paths(file_id)
        try:
            entry = look(file_id, wav)
            if entry is None or not self._watch.knows(entry):
                return None  # gone, or stored anew since it was judged
            is_gone = remove_wav(wav, entry, is_shared_with_others=self._is_shared)
        except StorageError as error:
            self._refused.add(error)
            return None
        return entry if is_gone else None

    def _confirm(self, gone: Sequence[CacheEntry], *, with_record: bool) -> None:
        for entry in gone:
            wav, record = self._cache.paths(entry.file_id)
            own = record if with_record else None
            try:
                confirm_removal(wav, own, entry, is_shared_with_others=self._is_shared)
            except StorageError as error:
                self._refused.add(error)


def _remove_stray_records(
    cache: CacheFolder, watch: Watch, refused: Refusals, *, now: datetime, ttl: timedelta
) -> None:
    """Remove old records without a WAV; only those the watch saw no WAV of are looked at."""
    if not cache.has_own_records():
        return
    for file_id, path in ids_in(cache.metadata_dir, ".json", is_required=False):
        if file_id in watch.first_seen:
            continue
        try:
            record = look(file_id, path)
            if record is None or not is_expired(record, now=now, ttl=ttl):
                continue
            with cache.locked():
                if cache.find(file_id) is None and look(file_id, path) == record:
                    unlink(path)
        except StorageError as error:
            refused.add(error)


def _remove_leftovers(cache: CacheFolder, refused: Refusals, *, now: datetime) -> None:
    """Remove what dead writers left; looked at again under the lock, which a living one holds."""
    folders = [cache.root, cache.metadata_dir] if cache.has_own_records() else [cache.root]
    for folder in folders:
        for name, path in files_in(folder, is_required=folder == cache.root):
            try:
                if name.endswith(".tmp") and is_leftover_file(path, now=now):
                    with cache.locked():
                        if is_leftover_file(path, now=now):
                            unlink(path)
            except (OSError, StorageError) as error:
                refused.add(error)
