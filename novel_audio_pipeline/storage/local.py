"""A folder of the local disk as a store of durable files."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TypeVar

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.storage.calls import FileCalls
from novel_audio_pipeline.storage.paths import ROOT, checked
from novel_audio_pipeline.storage.problems import explained, storage_error
from novel_audio_pipeline.storage.store import Entry, FileFacts, FileStore, Space
from novel_audio_pipeline.storage.temporary import (
    Owner,
    is_alive_here,
    is_left_over,
    temporary_name,
    this_process,
)

_CHUNK_BYTES = 1 << 20
_MOST_TRIES = 4
_MAX_ANCHORED = 1_000  # then forgotten: a few more syncs, and memory stays flat
_Result = TypeVar("_Result")
# What a file system without hard links, or without room for one more, may answer.
_NO_LINK = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS, errno.EACCES}


class LocalFileStore(FileStore):
    """Files below a folder of this machine.

    Attributes:
        root: The folder; made, with the folders above it, by the first write.
    """

    def __init__(
        self,
        root: Path,
        *,
        calls: FileCalls | None = None,
        owner: Owner | None = None,
        is_alive: Callable[[int], bool] = is_alive_here,
    ) -> None:
        self.root = root.absolute()
        self._calls = calls or FileCalls()
        self._owner = owner or this_process()
        self._is_alive = is_alive
        # Folders whose name is known to be durable in the folder above.
        self._anchored: set[PurePosixPath] = set()
        self._lock = threading.Lock()

    def make_folder(self, path: PurePosixPath) -> None:
        """See ``FileStore``."""
        absolute = self._absolute(path)
        with explained("make the folder", absolute):
            self._make_folder(path)

    def write(self, path: PurePosixPath, data: bytes) -> FileFacts:
        """See ``FileStore``."""
        target = self._absolute(path)
        with explained("write", target):
            return _persistently(lambda: self._written(path, target, data))

    def link_or_copy(
        self, source: PurePosixPath, target: PurePosixPath, *, sha256: str
    ) -> FileFacts | None:
        """See ``FileStore``. The link pins the bytes before they are hashed."""
        origin, end = self._absolute(source), self._absolute(target)
        with explained(f"file {origin} as", end):
            try:
                return _persistently(lambda: self._linked(origin, target, end, sha256))
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
        data = self.read(source)
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            return None
        return self.write(target, data)

    def read(self, path: PurePosixPath) -> bytes | None:
        """See ``FileStore``."""
        absolute = self._absolute(path)
        with explained("read", absolute):
            try:
                return self._read(absolute)
            except FileNotFoundError:
                return None

    def facts(self, path: PurePosixPath) -> FileFacts | None:
        """See ``FileStore``."""
        absolute = self._absolute(path)
        with explained("look at", absolute):
            try:
                return self._calls.lstat(absolute).facts
            except FileNotFoundError:
                return None

    def entries(self, path: PurePosixPath) -> list[Entry] | None:
        """See ``FileStore``."""
        absolute = self._absolute(path)
        self._refuse_links(path)
        with explained("list the folder", absolute):
            try:
                return sorted(self._calls.scan(absolute), key=lambda entry: entry.name)
            except FileNotFoundError:
                return None

    def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See ``FileStore``."""
        old, new = self._absolute(source), self._absolute(target)
        with explained(f"rename {old} to", new):
            if os.path.lexists(new) and not Path(new).samefile(old):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            self._calls.rename(old, new)
            self._forget(source)
            for folder in {os.path.dirname(old), os.path.dirname(new)}:
                self._calls.sync_folder(folder)

    def remove(self, paths: Iterable[PurePosixPath]) -> None:
        """See ``FileStore``."""
        touched: dict[str, None] = {}
        for path in paths:
            absolute = self._absolute(path)
            with explained("remove", absolute), suppress(FileNotFoundError):
                self._calls.unlink(absolute)
                touched[os.path.dirname(absolute)] = None
        for folder in touched:
            with explained("make a removal durable in", folder), suppress(FileNotFoundError):
                self._calls.sync_folder(folder)

    def remove_folder(self, path: PurePosixPath) -> bool:
        """See ``FileStore``."""
        absolute = self._absolute(path)
        with explained("remove the folder", absolute):
            try:
                self._calls.rmdir(absolute)
            except FileNotFoundError:
                return True
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                return False
            self._forget(path)
            self._calls.sync_folder(os.path.dirname(absolute))
            return True

    def space(self) -> Space:
        """See ``FileStore``; of the nearest folder that exists, if the root does not yet."""
        nearest = next(p for p in (self.root, *self.root.parents) if p.exists())
        with explained("ask for the free space of", str(nearest)):
            return self._calls.disk_usage(str(nearest))

    def clear_temporaries(self, folder: PurePosixPath, *, now: datetime) -> list[str]:
        """See ``FileStore``."""
        names = [
            entry.name
            for entry in self.entries(folder) or ()
            if entry.facts is not None
            and is_left_over(
                entry.name,
                modified_ns=entry.facts.modified_ns,
                now=now,
                owner=self._owner,
                is_alive=self._is_alive,
            )
        ]
        self.remove(folder / name for name in names)
        return names

    def _absolute(self, path: PurePosixPath) -> str:
        """Return the path for the system, once no folder on the way to it is a link.

        A link at its end is the caller's business: replaced, removed, refused or not looked at.
        """
        self._refuse_links(checked(path).parent)
        return os.path.join(self.root, *path.parts)

    def _refuse_links(self, folder: PurePosixPath) -> None:
        absolute = self.root
        for part in folder.parts:
            absolute /= part
            if absolute.is_symlink():
                raise storage_error(
                    "use", str(absolute), OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                )

    def _fresh_temporary(self, path: PurePosixPath) -> str:
        """Return an unused temporary path beside a final one, whose folder is made durable."""
        self._make_folder(path.parent)
        return self._absolute(path.parent / temporary_name(path.name, self._owner))

    def _make_folder(self, folder: PurePosixPath) -> None:
        """Make a folder and those above it, each durable in the one above.

        A folder that already exists may be what a killed process made and never synced, so the
        folder above it is synced once in the life of this store all the same.
        """
        with self._lock:
            known = folder in self._anchored
        absolute = self._absolute(folder)
        if known and Path(absolute).is_dir():
            return
        if folder == ROOT:
            self._make_root(self.root)
        else:
            self._make_folder(folder.parent)
            self._mkdir(absolute)
            self._calls.sync_folder(os.path.dirname(absolute))
        with self._lock:
            if len(self._anchored) >= _MAX_ANCHORED:
                self._anchored.clear()
            self._anchored.add(folder)

    def _make_root(self, folder: Path) -> None:
        """Make the root where it is missing; what the user made is the user's."""
        if folder.is_dir():
            return
        self._make_root(folder.parent)
        self._mkdir(str(folder))
        self._calls.sync_folder(str(folder.parent))

    def _mkdir(self, absolute: str) -> None:
        try:
            self._calls.mkdir(absolute)
        except FileExistsError as error:
            if Path(absolute).is_symlink():
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
            if not Path(absolute).is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error

    def _written(self, path: PurePosixPath, target: str, data: bytes) -> FileFacts:
        temporary = self._fresh_temporary(path)
        try:
            self._fill(temporary, data)
            self._calls.replace(temporary, target)
        except BaseException:
            self._discard(temporary)
            raise
        self._calls.sync_folder(os.path.dirname(target))
        return _facts(self._calls.lstat(target))

    def _fill(self, temporary: str, data: bytes) -> None:
        """Write a new file, sync it, and compare what the system gives back."""
        descriptor = self._calls.create(temporary)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._calls.write(descriptor, rest) :]
            self._calls.sync_file(descriptor)
        finally:
            self._calls.close(descriptor)
        if self._read(temporary) != data:
            raise StorageError(
                f"Wrote {len(data)} bytes to {temporary}, and the disk gave back others. "
                "Check the disk and the memory of this machine before you run again."
            )

    def _linked(
        self, origin: str, target: PurePosixPath, end: str, sha256: str
    ) -> FileFacts | None:
        temporary = self._fresh_temporary(target)
        try:
            self._calls.link(origin, temporary)
        except FileNotFoundError:
            if os.path.lexists(origin):
                raise
            return None
        try:
            if hashlib.sha256(self._read(temporary)).hexdigest() != sha256:
                return None
            descriptor = self._calls.open_to_sync(temporary)
            try:
                self._calls.sync_file(descriptor)
            finally:
                self._calls.close(descriptor)
            self._calls.replace(temporary, end)
        finally:
            # Also after success: renaming one name of a file to another of its names does nothing.
            self._discard(temporary)
        self._calls.sync_folder(os.path.dirname(end))
        return _facts(self._calls.lstat(end))

    def _read(self, absolute: str) -> bytes:
        descriptor = self._calls.open(absolute)
        try:
            chunks: list[bytes] = []
            while chunk := self._calls.read(descriptor, _CHUNK_BYTES):
                chunks.append(chunk)
            return b"".join(chunks)
        finally:
            self._calls.close(descriptor)

    def _discard(self, temporary: str) -> None:
        """Remove a temporary file if it is there. What cannot be removed is cleared later."""
        with suppress(OSError):
            self._calls.unlink(temporary)

    def _forget(self, folder: PurePosixPath) -> None:
        with self._lock:
            self._anchored = {f for f in self._anchored if not f.is_relative_to(folder)}


def _persistently(do: Callable[[], _Result]) -> _Result:
    """Do it, and again if what was made was gone at once.

    Whoever finds a folder empty may remove it (``.aside/`` of a novel is shared by its chapters),
    also between the making of the folder and of the first file in it.
    """
    for _ in range(_MOST_TRIES - 1):
        try:
            return do()
        except FileNotFoundError:
            continue
    return do()


def _facts(entry: Entry) -> FileFacts:
    if entry.facts is None:  # a folder or link took the place since the rename
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    return entry.facts
