"""A store that lives in memory: for tests, and for whatever needs no disk."""

import errno
import hashlib
import os
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePosixPath

from novel_audio_pipeline.storage.paths import ROOT, checked
from novel_audio_pipeline.storage.problems import storage_error
from novel_audio_pipeline.storage.store import Entry, FileFacts, FileStore, Space
from novel_audio_pipeline.storage.temporary import Owner, is_left_over, this_process

_ROOM = Space(free_bytes=1 << 40, total_bytes=1 << 41)


class MemoryFileStore(FileStore):
    """Files in a dictionary. As durable as the process."""

    def __init__(self, *, owner: Owner | None = None) -> None:
        self._files: dict[PurePosixPath, tuple[bytes, FileFacts]] = {}
        self._folders: set[PurePosixPath] = set()
        self._owner = owner or this_process()
        self._lock = threading.RLock()
        self._last_ns = 0

    def make_folder(self, path: PurePosixPath) -> None:
        """See ``FileStore``."""
        with self._lock:
            for folder in (checked(path), *path.parents):
                self._refuse("make the folder", path, folder in self._files, errno.ENOTDIR)
            self._folders.update((path, *path.parents))

    def write(self, path: PurePosixPath, data: bytes) -> FileFacts:
        """See ``FileStore``."""
        with self._lock:
            self._refuse("write", checked(path), path in self._folders, errno.EISDIR)
            for folder in path.parents:
                self._refuse("write", path, folder in self._files, errno.ENOTDIR)
            self._folders.update(path.parents)
            facts = FileFacts(len(data), self._next_ns())
            self._files[path] = (bytes(data), facts)
            return facts

    def link_or_copy(
        self, source: PurePosixPath, target: PurePosixPath, *, sha256: str
    ) -> FileFacts | None:
        """See ``FileStore``."""
        checked(target)
        with self._lock:
            data = self.read(source)
            if data is None or hashlib.sha256(data).hexdigest() != sha256:
                return None
            return self.write(target, data)

    def read(self, path: PurePosixPath) -> bytes | None:
        """See ``FileStore``."""
        with self._lock:
            self._refuse("read", checked(path), path in self._folders, errno.EISDIR)
            found = self._files.get(path)
            return None if found is None else found[0]

    def facts(self, path: PurePosixPath) -> FileFacts | None:
        """See ``FileStore``."""
        with self._lock:
            found = self._files.get(checked(path))
            return None if found is None else found[1]

    def entries(self, path: PurePosixPath) -> list[Entry] | None:
        """See ``FileStore``."""
        with self._lock:
            self._refuse("list the folder", checked(path), path in self._files, errno.ENOTDIR)
            if path not in self._folders:
                return None
            folders = [Entry(f.name, "folder") for f in self._folders if self._is_in(f, path)]
            files = [
                Entry(f.name, "file", facts)
                for f, (_, facts) in self._files.items()
                if self._is_in(f, path)
            ]
            return sorted(folders + files, key=lambda entry: entry.name)

    def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See ``FileStore``."""
        checked(source), checked(target)
        with self._lock:
            there = source in self._files or source in self._folders
            taken = target in self._files or target in self._folders
            self._refuse("rename", source, not there, errno.ENOENT)
            self._refuse("rename to", target, target.parent not in self._folders, errno.ENOENT)
            self._refuse("rename to", target, taken and source != target, errno.EEXIST)
            self._files = {_moved(p, source, target): f for p, f in self._files.items()}
            self._folders = {_moved(p, source, target) for p in self._folders}

    def remove(self, paths: Iterable[PurePosixPath]) -> None:
        """See ``FileStore``."""
        for path in paths:
            with self._lock:
                self._refuse("remove", checked(path), path in self._folders, errno.EISDIR)
                self._files.pop(path, None)

    def remove_folder(self, path: PurePosixPath) -> bool:
        """See ``FileStore``."""
        with self._lock:
            if self.entries(path):
                return False
            self._folders.discard(path)
            return True

    def space(self) -> Space:
        """See ``FileStore``; always the same, plenty."""
        return _ROOM

    def clear_temporaries(self, folder: PurePosixPath, *, now: datetime) -> list[str]:
        """See ``FileStore``."""
        names = [
            entry.name
            for entry in self.entries(folder) or ()
            if entry.facts is not None
            and is_left_over(
                entry.name, modified_ns=entry.facts.modified_ns, now=now, owner=self._owner
            )
        ]
        self.remove(folder / name for name in names)
        return names

    def _next_ns(self) -> int:
        """Return now, later than ever before, so that two writes never look the same."""
        self._last_ns = max(self._last_ns + 1, int(datetime.now(UTC).timestamp() * 1e9))
        return self._last_ns

    @staticmethod
    def _is_in(path: PurePosixPath, folder: PurePosixPath) -> bool:
        return path != ROOT and path.parent == folder

    @staticmethod
    def _refuse(action: str, path: PurePosixPath, is_so: bool, number: int) -> None:  # noqa: FBT001 - private, and reads as a sentence
        if is_so:
            error = OSError(number, os.strerror(number))
            raise storage_error(action, str(path), error) from error


def _moved(path: PurePosixPath, source: PurePosixPath, target: PurePosixPath) -> PurePosixPath:
    return target / path.relative_to(source) if path.is_relative_to(source) else path
