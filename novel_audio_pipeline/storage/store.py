"""What a store of durable files promises. Where the files lie is said by its implementations."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Literal


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What tells whether a file is still the one that was looked at.

    Attributes:
        size_bytes: Length.
        modified_ns: When it was last written, in nanoseconds since 1970.
    """

    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder.

    Attributes:
        name: The last component of its path.
        kind: ``other`` is a link, a device or a socket: none of ours, never followed.
        facts: Of a file; None for everything else.
    """

    name: str
    kind: Literal["file", "folder", "other"]
    facts: FileFacts | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """Room on the disk that a store lies on."""

    free_bytes: int
    total_bytes: int


class FileStore(ABC):
    """Files under one root, where a write is atomic, durable and verified, or did not happen.

    Paths are relative ``PurePosixPath``: never absolute, never with ``..``, never through a link;
    the empty path is the root (``paths.checked``). A path that is not so raises ``ValueError``
    before anything is touched. What looks (``read``, ``facts``, ``entries``) answers None for what is not
    there; everything else that fails raises ``StorageError`` with the operating system's error as
    its cause. All methods may be called from several threads at once.
    """

    @abstractmethod
    def make_folder(self, path: PurePosixPath) -> None:
        """Make a folder, and what is missing above it, durably; one that exists stays."""

    @abstractmethod
    def write(self, path: PurePosixPath, data: bytes) -> FileFacts:
        """Replace or create a file, and return its facts once it is durable and read back equal.

        Missing folders above it are created. A reader sees the old bytes or the new ones, also
        after a crash at any moment. If it fails, the old file stands and no temporary file is left
        (but by a crash: see ``clear_temporaries``).
        """

    @abstractmethod
    def link_or_copy(
        self, source: PurePosixPath, target: PurePosixPath, *, sha256: str
    ) -> FileFacts | None:
        """Let the target hold the bytes of the source too, as durably as ``write``.

        A hard link where the file system knows them, else a copy. The bytes are hashed on the way.

        Args:
            source: The file that has the bytes; it stays.
            target: Created or replaced.
            sha256: What the bytes must hash to, 64 lowercase hex digits.

        Returns:
            The facts of the target, or None if the source is not there or hashes to something
            else; then nothing has changed.
        """

    @abstractmethod
    def read(self, path: PurePosixPath) -> bytes | None:
        """Return the bytes of a file, or None if there is no such file."""

    @abstractmethod
    def facts(self, path: PurePosixPath) -> FileFacts | None:
        """Return the facts of a file, or None if there is no such file (a folder is none)."""

    @abstractmethod
    def entries(self, path: PurePosixPath) -> list[Entry] | None:
        """Return what a folder holds, ordered by name, or None if there is no such folder."""

    @abstractmethod
    def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """Give a file or folder a new path, durably. The target's folder must exist.

        Raises:
            StorageError: Also if something stands at the target (a name that differs from the
                source only in case is the source itself), or nothing at the source.
        """

    @abstractmethod
    def remove(self, paths: Iterable[PurePosixPath]) -> None:
        """Remove files durably: each name, then one sync per folder. Absent ones are passed over."""

    @abstractmethod
    def remove_folder(self, path: PurePosixPath) -> bool:
        """Remove a folder if it is empty; return whether it is gone. Absent is gone."""

    @abstractmethod
    def space(self) -> Space:
        """Return how much room there is."""

    @abstractmethod
    def clear_temporaries(self, folder: PurePosixPath, *, now: datetime) -> list[str]:
        """Remove left-over temporary files directly in a folder, and return their names.

        Left over is what a process of this host that no longer lives has made, or what is older
        than two hours. The folder may be absent.

        Args:
            folder: Where to look; not below it.
            now: Timezone-aware.
        """
