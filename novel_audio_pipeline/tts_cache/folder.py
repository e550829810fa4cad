"""The TTS cache folder on disk: ``{file_id}.wav`` and ``metadata/{file_id}.json``, flat.

Shared by the backend and by the pipeline's upkeep. Nothing else in the folder is ever touched: no
other names, no links, no folders. HTTP and speech belong elsewhere.
"""

import contextlib
import errno
import heapq
import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import filelock

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.instants import instant_of
from novel_audio_pipeline.speech.request import FILE_ID_PATTERN
from novel_audio_pipeline.tts_cache.entry import CacheEntry, check_ttl, is_expired
from novel_audio_pipeline.tts_cache.metadata import (
    EntryMetadata,
    document_from_json,
    document_to_json,
    metadata_document,
)
from novel_audio_pipeline.tts_cache.opened import OpenedEntry
from novel_audio_pipeline.tts_cache.taking import restore_taken, take_away
from novel_audio_pipeline.tts_cache.watch import Watch, watch_from_json, watch_to_json
from novel_audio_pipeline.tts_cache.writing import is_leftover_file, write_whole

METADATA_FOLDER = "metadata"
LOCK_NAME = ".lock"
WATCH_NAME = ".first_seen.json"
LOCK_TIMEOUT_S = 60.0
_LOCK_POLL_S = 0.005
_BATCH = 200  # entries removed under one lock, so that nobody waits long to store
_MAX_METADATA_BYTES = 4 * 1024 * 1024


class CacheFolder:
    """A flat folder of audio that lives for hours; every call looks at the disk, nothing is kept.

    Safe in several threads and processes at once. An unreadable folder is a ``StorageError``,
    never an empty one; a missing folder is made by ``prepare`` and an error before that.

    Args:
        root: The folder. ``guard.refuse_wrong_root`` is asked before, by whoever chooses it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.metadata_dir = root / METADATA_FOLDER

    def prepare(self) -> None:
        """Make the folder if it is missing, and see that it can be written.

        Raises:
            StorageError: If it cannot be made or written.
        """
        with _storage_errors("cannot make the TTS cache folder", self.root):
            self.metadata_dir.mkdir(parents=True, exist_ok=True)
        with self.locked():
            pass

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold ``{root}/.lock``; waiting for it is bounded.

        Raises:
            StorageError: If it cannot be had within a minute, or not be made.
        """
        path = self.root / LOCK_NAME
        lock = filelock.FileLock(path, timeout=LOCK_TIMEOUT_S, poll_interval=_LOCK_POLL_S)
        with _storage_errors("cannot lock the TTS cache folder", self.root):
            os.scandir(self.root).close()  # filelock would make a folder that is missing
            try:
                lock.acquire()
            except filelock.Timeout as error:
                raise StorageError(
                    f"{path} has been held by another process for {LOCK_TIMEOUT_S:.0f} s; "
                    "see which program uses this TTS cache folder and end it"
                ) from error
        try:
            yield
        finally:
            lock.release()

    def entries(self) -> Iterator[CacheEntry]:
        """Yield every entry, in the order of the disk; one that goes meanwhile is left out.

        Raises:
            StorageError: If the folder cannot be read.
        """
        for file_id, path in self._names(self.root, ".wav"):
            entry = self._look(file_id, path)
            if entry is not None:
                yield entry

    def page(self, *, after: str, limit: int) -> list[CacheEntry]:
        """Return the next entries in the order of their ids, at most ``limit``.

        Args:
            after: Id of the last entry seen; ``""`` begins.
            limit: At least 1.

        Raises:
            StorageError: If the folder cannot be read.
        """
        names = (file_id for file_id, _ in self._names(self.root, ".wav") if file_id > after)
        found = (self.find(file_id) for file_id in heapq.nsmallest(limit, names))
        return [entry for entry in found if entry]

    def paths(self, file_id: str) -> tuple[str, str]:
        """Return where the entry's WAV and its record lie, or would lie.

        Text, not ``Path``: making a ``Path`` costs as much as a look at the file.

        Raises:
            ValueError: If ``file_id`` is not 32 lowercase hex digits.
        """
        name = _checked(file_id)
        return f"{self.root}{os.sep}{name}.wav", f"{self.metadata_dir}{os.sep}{name}.json"

    def find(self, file_id: str) -> CacheEntry | None:
        """Return the entry, expired or not, or None if there is none.

        Raises:
            ValueError: If ``file_id`` is not 32 lowercase hex digits.
            StorageError: If the disk does not say.
        """
        return self._look(file_id, self.paths(file_id)[0])

    def metadata(self, file_id: str) -> dict[str, Any] | None:
        """Return the entry's record as it stands, or None if it is missing, torn or foreign.

        Raises:
            ValueError: If ``file_id`` is not 32 lowercase hex digits.
            StorageError: If the disk does not say.
        """
        data = self._read_small(self._json(file_id))
        document = None if data is None else document_from_json(data)
        return document if document is not None and document.get("file_id") == file_id else None

    def open(self, file_id: str) -> OpenedEntry | None:
        """Return the entry opened for reading, or None if there is none or it is cut short.

        What is opened stays readable to its end even if the entry is removed meanwhile.

        Raises:
            ValueError: If ``file_id`` is not 32 lowercase hex digits.
            StorageError: If the disk does not say.
        """
        path = self._wav(file_id)
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with _storage_errors("cannot open a file of the TTS cache", path):
            try:
                descriptor = os.open(path, flags)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno == errno.ELOOP:  # a link: not ours
                    return None
                raise
        file = os.fdopen(descriptor, "rb")
        try:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                file.close()
                return None
            opened = OpenedEntry(
                entry=_entry(file_id, facts), file=file, metadata=self.metadata(file_id)
            )
        except BaseException:
            file.close()
            raise
        if opened.is_cut_short:
            file.close()
            return None
        return opened

    def store(self, wav: bytes, metadata: EntryMetadata) -> CacheEntry:
        """Store the audio and its record, replacing an entry of this id; return the entry.

        Both carry ``metadata.created_at`` as their date. The record gets its name first, so that a
        WAV of ours is never without one.

        Raises:
            ValueError: If the id is none, or the size is not that of the WAV.
            StorageError: If it cannot be written; what stood there stands then. Only if the disk
                refuses the WAV its name after the record got its own, the record is the new one.
        """
        if metadata.size_bytes != len(wav) or not wav:
            raise ValueError(f"a WAV of {len(wav)} bytes, said to be {metadata.size_bytes}")
        path, record = self._wav(metadata.file_id), self._json(metadata.file_id)
        data = document_to_json(metadata_document(metadata))
        with self.locked():
            write_whole((record, data), (path, wav), dated=metadata.created_at)
        return CacheEntry(metadata.file_id, metadata.created_at, len(wav))

    def remove(self, file_id: str) -> bool:
        """Remove the entry, expired or not; return whether there was anything of it.

        Raises:
            ValueError: If ``file_id`` is not 32 lowercase hex digits.
            StorageError: If it is still there afterwards.
        """
        with self.locked():
            return self._unlink(file_id, with_record=self._has_own_records())

    def remove_same(self, entry: CacheEntry, *, is_shared_with_others: bool = False) -> bool:
        """Remove this very entry; return False if it is gone, or another one of its id is there.

        Args:
            entry: As it was seen.
            is_shared_with_others: As for ``expire``.

        Raises:
            StorageError: If it is still there afterwards.
        """
        with self.locked():
            if self.find(entry.file_id) != entry:
                return False
            return self._unlink_same(
                entry,
                with_record=self._has_own_records(),
                is_shared_with_others=is_shared_with_others,
            )

    def overdue(self, *, now: datetime, ttl: timedelta) -> list[CacheEntry]:
        """Return what ``expire`` would remove now, oldest first; nothing is changed.

        Raises:
            ValueError: If ``ttl`` is not more than zero or ``now`` has no timezone.
            StorageError: If the folder cannot be read.
        """
        watch = self.watch().look(self.entries(), now=now)
        found = (self.find(file_id) for file_id in watch.overdue(now=now, ttl=ttl))
        return [entry for entry in found if entry]

    def expire(
        self, *, now: datetime, ttl: timedelta, is_shared_with_others: bool = False
    ) -> list[CacheEntry]:
        """Remove what is past its time to live; return those entries, oldest first.

        Each entry is looked at again, under the lock, just before it goes. An entry dated after
        ``now`` goes when it has been watched for ``ttl``; the watch is kept in the folder and
        advanced here. A record without a WAV goes by its own date; leftovers of dead writers go too.

        Args:
            now: The moment to judge at, timezone-aware.
            ttl: Time to live, more than zero.
            is_shared_with_others: Whether programs write here that know no lock (the existing
                backends): then an entry is taken aside before it is looked at.

        Raises:
            ValueError: If ``ttl`` is not more than zero or ``now`` has no timezone.
            StorageError: If the folder cannot be read, or a file does not go.
        """
        check_ttl(ttl, now=now)
        with self.locked():
            restore_taken(self.root)
            watch = self.watch().look(self.entries(), now=now)
            write_whole((self.root / WATCH_NAME, watch_to_json(watch).encode()), dated=now)
        overdue = watch.overdue(now=now, ttl=ttl)
        removed: list[CacheEntry] = []
        for start in range(0, len(overdue), _BATCH):
            with self.locked():
                with_record = self._has_own_records()
                for file_id in overdue[start : start + _BATCH]:
                    entry = self.find(file_id)
                    if entry is None or not watch.knows(entry):
                        continue  # gone, or stored anew since it was judged
                    if self._unlink_same(
                        entry, with_record=with_record, is_shared_with_others=is_shared_with_others
                    ):
                        removed.append(entry)
        self._remove_stray_records(watch, now=now, ttl=ttl)
        self._remove_leftovers(now=now)
        return removed

    def watch(self) -> Watch:
        """Return the watch kept in the folder, as of its last look; a new one if there is none."""
        data = self._read_small(self.root / WATCH_NAME, limit=None)
        return watch_from_json(data.decode(errors="replace")) if data else Watch()

    def _remove_stray_records(self, watch: Watch, *, now: datetime, ttl: timedelta) -> None:
        """Remove old records without a WAV; only those the watch saw no WAV of are looked at."""
        if not self._has_own_records():
            return
        for file_id, path in self._names(self.metadata_dir, ".json"):
            if file_id in watch.first_seen:
                continue
            record = self._look(file_id, path)
            if record is None or not is_expired(record, now=now, ttl=ttl):
                continue
            with self.locked():
                if self.find(file_id) is None and self._look(file_id, path) == record:
                    self._unlink(file_id, with_record=True)

    def _remove_leftovers(self, *, now: datetime) -> None:
        """Remove what dead writers left; looked at again under the lock, which a living one holds."""
        with _storage_errors("cannot look at a file of the TTS cache in", self.root):
            found = [
                path
                for folder in (self.root, self.metadata_dir)
                for name, path in self._files(folder)
                if name.endswith(".tmp") and is_leftover_file(path, now=now)
            ]
        if found:
            with self.locked():
                for path in found:
                    with (
                        _storage_errors("cannot remove a file of the TTS cache", path),
                        contextlib.suppress(FileNotFoundError),
                    ):
                        if is_leftover_file(path, now=now):
                            os.unlink(path)

    def _has_own_records(self) -> bool:
        """Return False if ``metadata/`` is a link: what lies behind it is not ours to remove."""
        return not self.metadata_dir.is_symlink()

    def _unlink_same(
        self, entry: CacheEntry, *, with_record: bool, is_shared_with_others: bool
    ) -> bool:
        wav, record = self.paths(entry.file_id)
        if not is_shared_with_others:
            return self._unlink(entry.file_id, with_record=with_record)
        if not take_away(Path(wav), entry):
            return False
        # What has the WAV's name by now is another one, and the record may be of that.
        if with_record and self._look(entry.file_id, wav) is None:
            self._unlink_files(record)
        return True

    def _unlink(self, file_id: str, *, with_record: bool) -> bool:
        """Unlink WAV and record, and confirm that the WAV is gone; return whether there was any."""
        wav, record = self.paths(file_id)
        was_there = self._unlink_files(wav, record) if with_record else self._unlink_files(wav)
        if self._look(file_id, wav) is not None:
            raise StorageError(f"{wav} is still there after it was removed")
        return was_there

    def _unlink_files(self, *paths: str) -> bool:
        """Unlink those that are files, links left alone; return whether any was."""
        is_gone = False
        for path in paths:
            try:
                if stat.S_ISREG(os.lstat(path).st_mode):
                    os.unlink(path)
                    is_gone = True
            except FileNotFoundError:
                pass
            except OSError as error:
                raise StorageError(
                    f"cannot remove a file of the TTS cache {path}: {error.strerror or error}"
                ) from error
        return is_gone

    def _wav(self, file_id: str) -> Path:
        return self.root / f"{_checked(file_id)}.wav"

    def _json(self, file_id: str) -> Path:
        return self.metadata_dir / f"{_checked(file_id)}.json"

    def _names(self, folder: Path, suffix: str) -> Iterator[tuple[str, str]]:
        """Yield id and path of the files named by an id, links and folders left out."""
        for name, path in self._files(folder):
            file_id = name.removesuffix(suffix)
            if name.endswith(suffix) and FILE_ID_PATTERN.fullmatch(file_id):
                yield file_id, path

    def _files(self, folder: Path) -> Iterator[tuple[str, str]]:
        with _storage_errors("cannot read the TTS cache folder", folder):
            try:
                found = os.scandir(folder)
            except FileNotFoundError:
                if folder == self.metadata_dir and self.root.is_dir():
                    return
                raise
            with found:
                for entry in found:
                    if entry.is_file(follow_symlinks=False):
                        yield entry.name, entry.path

    def _look(self, file_id: str, path: str) -> CacheEntry | None:
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(
                f"cannot look at a file of the TTS cache {path}: {error.strerror or error}"
            ) from error
        return _entry(file_id, facts) if stat.S_ISREG(facts.st_mode) else None

    def _read_small(self, path: Path, *, limit: int | None = _MAX_METADATA_BYTES) -> bytes | None:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            with os.fdopen(os.open(path, flags), "rb") as file:
                return file.read(-1 if limit is None else limit)
        except OSError:  # a record that cannot be read counts as torn; the WAV decides
            return None


def _checked(file_id: str) -> str:
    if not FILE_ID_PATTERN.fullmatch(file_id):
        raise ValueError("a file_id is 32 lowercase hex digits")
    return file_id


def _entry(file_id: str, facts: os.stat_result) -> CacheEntry:
    return CacheEntry(file_id, instant_of(facts.st_mtime_ns), facts.st_size)


@contextlib.contextmanager
def _storage_errors(what: str, path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{what} {path}: {error.strerror or error}") from error
