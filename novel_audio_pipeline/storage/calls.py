"""Every call to the operating system that the local store makes, one method each.

So that the crash sweeps can count them, and make the N-th of them the last one or a failing one.
Only what Linux, macOS and Windows do differently is decided here.
"""

import os
import shutil
import stat
import sys
from typing import Literal

from novel_audio_pipeline.storage.store import Entry, FileFacts, Space

_BINARY = getattr(os, "O_BINARY", 0)  # Windows translates line ends without it
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0)


class FileCalls:
    """The calls. Paths are absolute; every one may raise ``OSError``."""

    def create(self, path: str) -> int:
        """Open a file that must not exist yet for writing; return its descriptor."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | _CLOSE_ON_EXEC
        return os.open(path, flags, 0o666)

    def open(self, path: str) -> int:
        """Open a file for reading, a link at its end refused; return its descriptor."""
        return os.open(path, os.O_RDONLY | _BINARY | _NO_FOLLOW | _CLOSE_ON_EXEC)

    def open_to_sync(self, path: str) -> int:
        """Open an existing file so that it can be synced (Windows flushes no read-only handle)."""
        access = os.O_RDWR if sys.platform == "win32" else os.O_RDONLY
        return os.open(path, access | _BINARY | _NO_FOLLOW | _CLOSE_ON_EXEC)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write some of the data; return how many bytes."""
        return os.write(descriptor, data)

    def read(self, descriptor: int, size: int) -> bytes:
        """Read at most so many bytes; empty at the end."""
        return os.read(descriptor, size)

    def close(self, descriptor: int) -> None:
        """Close a file."""
        os.close(descriptor)

    def sync_file(self, descriptor: int) -> None:
        """Wait until the file's data, and what is needed to find them, are on the disk.

        Linux: ``fdatasync`` (a changed size is needed to find the data, so it is synced too).
        macOS: ``F_FULLFSYNC``, since its ``fsync`` leaves data in the drive's cache; a file system
        that does not know it gets ``fsync``. Windows: ``FlushFileBuffers`` through ``fsync``.
        """
        if sys.platform == "darwin":
            import fcntl  # noqa: PLC0415 - Windows has no such module

            try:
                fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            except OSError:
                os.fsync(descriptor)
        elif sys.platform == "linux":
            os.fdatasync(descriptor)
        else:
            os.fsync(descriptor)

    def sync_folder(self, path: str) -> None:
        """Wait until the names in a folder are on the disk.

        Windows has no such call; NTFS keeps the order of its changes of names in its journal, and
        that is what is relied on there.
        """
        if sys.platform == "win32":
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _CLOSE_ON_EXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, source: str, target: str) -> None:
        """Rename a file, replacing what stands at the target."""
        os.replace(source, target)

    def rename(self, source: str, target: str) -> None:
        """Rename a file or folder; the caller has seen that nothing stands at the target."""
        os.rename(source, target)

    def link(self, source: str, target: str) -> None:
        """Give a file a second name."""
        os.link(source, target)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        os.mkdir(path)  # noqa: PTH102 - one call of the system, as all others here

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(path)  # noqa: PTH106 - as mkdir

    def lstat(self, path: str) -> Entry:
        """Return what stands at a path, a link not followed; the name is left empty."""
        found = os.lstat(path)
        return _entry("", found)

    def scan(self, path: str) -> list[Entry]:
        """Return what a folder holds, in the system's order."""
        with os.scandir(path) as found:
            return [entry for item in found if (entry := _scanned(item)) is not None]

    def disk_usage(self, path: str) -> Space:
        """Return the room on the disk that a path lies on."""
        usage = shutil.disk_usage(path)
        return Space(free_bytes=usage.free, total_bytes=usage.total)


def _scanned(item: "os.DirEntry[str]") -> Entry | None:
    """Return the entry, or None if it was removed since the folder was read."""
    if item.is_dir(follow_symlinks=False):
        return Entry(item.name, "folder")
    try:
        return _entry(item.name, item.stat(follow_symlinks=False))
    except FileNotFoundError:
        return None


def _entry(name: str, found: os.stat_result) -> Entry:
    if stat.S_ISREG(found.st_mode):
        return Entry(name, "file", FileFacts(found.st_size, found.st_mtime_ns))
    kind: Literal["folder", "other"] = "folder" if stat.S_ISDIR(found.st_mode) else "other"
    return Entry(name, kind)
