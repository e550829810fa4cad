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
from pathlib import Path
from typing import Any

import filelock

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.speech.request import FILE_ID_PATTERN
from novel_audio_pipeline.tts_cache.entry import CacheEntry
from novel_audio_pipeline.tts_cache.files import entry_of, ids_in, look, storage_errors, unlink
from novel_audio_pipeline.tts_cache.metadata import (
    EntryMetadata,
    document_from_json,
    document_to_json,
    metadata_document,
)
from novel_audio_pipeline.tts_cache.opened import OpenedEntry
from novel_audio_pipeline.tts_cache.removing import confirm_removal, remove_wav
from novel_audio_pipeline.tts_cache.watch import WATCH_NAME, Watch, watch_from_json
from novel_audio_pipeline.tts_cache.writing import write_whole

METADATA_FOLDER = "metadata"
LOCK_NAME = ".lock"
LOCK_TIMEOUT_S = 60.0
_LOCK_POLL_S = 0.005
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
        with storage_errors("cannot make the TTS cache folder", self.root):
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
        with storage_errors("cannot lock the TTS cache folder", self.root):
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
        for file_id, path in ids_in(self.root, ".wav"):
            entry = look(file_id, path)
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
        names = (file_id for file_id, _ in ids_in(self.root, ".wav") if file_id > after)
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
        return look(file_id, self.paths(file_id)[0])

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
        with storage_errors("cannot open a file of the TTS cache", path):
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
                entry=entry_of(file_id, facts), file=file, metadata=self.metadata(file_id)
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
            wav, record = self.paths(file_id)
            was_there = unlink(wav)
            if look(file_id, wav) is not None:
                raise StorageError(f"{wav} is still there after it was removed")
            if self.has_own_records():
                was_there |= unlink(record)
            return was_there

    def remove_same(self, entry: CacheEntry, *, is_shared_with_others: bool = False) -> bool:
        """Remove this very entry; return False if it is gone, or another one of its id is there.

        Args:
            entry: As it was seen.
            is_shared_with_others: As for ``expiring.expire``.

        Raises:
            StorageError: If it is still there afterwards.
        """
        wav, record = self.paths(entry.file_id)
        with self.locked():
            if look(entry.file_id, wav) != entry or not remove_wav(
                wav, entry, is_shared_with_others=is_shared_with_others
            ):
                return False
            confirm_removal(
                wav,
                record if self.has_own_records() else None,
                entry,
                is_shared_with_others=is_shared_with_others,
            )
            return True

    def watch(self) -> Watch:
        """Return the watch kept in the folder, as of its last look; a new one if there is none."""
        data = self._read_small(self.root / WATCH_NAME, limit=None)
        return watch_from_json(data.decode(errors="replace")) if data else Watch()

    def has_own_records(self) -> bool:
        """Return False if ``metadata/`` is a link: what lies behind it is not ours to remove."""
        return not self.metadata_dir.is_symlink()

    def _wav(self, file_id: str) -> Path:
        return self.root / f"{_checked(file_id)}.wav"

    def _json(self, file_id: str) -> Path:
        return self.metadata_dir / f"{_checked(file_id)}.json"

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
