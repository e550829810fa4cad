"""The permanent library: where a novel and a chapter are found, and opened for commits."""

from pathlib import Path

from novel_audio_pipeline.library.chapter import ChapterFolder
from novel_audio_pipeline.library.inventory import ChapterInventory, NovelInventory
from novel_audio_pipeline.storage.store import FileStore


class AudioLibrary:
    """The library under one store; see ``docs/library-format.md``."""

    def __init__(self, store: FileStore) -> None:
        self.store = store

    def novel_ids(self) -> list[str]:
        """Return the ids of the novels that have a folder, in order.

        Raises:
            StorageError: If the library cannot be listed. An absent library is empty.
        """
        raise NotImplementedError

    def inventory(self, novel_id: str, *, verify: bool = True) -> NovelInventory:
        """Return what is held of a novel; of an unknown one: nothing.

        Args:
            novel_id: As everywhere.
            verify: Whether a WAV that no manifest vouches for (interrupted run, copied library) is
                hashed; else it is UNVERIFIED.

        Raises:
            StorageError: If a folder or file cannot be read.
        """
        raise NotImplementedError

    def chapter_inventory(
        self, novel_id: str, number: int, *, verify: bool = True
    ) -> ChapterInventory:
        """Return what is held of one chapter; see ``inventory``."""
        raise NotImplementedError

    def chapter(
        self,
        novel_id: str,
        number: int,
        *,
        novel_title: str,
        chapter_title: str,
        wait_s: float = 0.0,
    ) -> ChapterFolder:
        """Open a chapter for commits, renaming its folders if a title has changed.

        Args:
            novel_id: As everywhere.
            number: From 1.
            novel_title: Present title; may be empty.
            chapter_title: Likewise.
            wait_s: How long to wait for another process that has the chapter open; then it is
                opened all the same, with ``locked`` False.
        """
        raise NotImplementedError


def open_library(root: Path) -> AudioLibrary:
    """Return the library in a local folder, with its locks. The folder need not exist yet."""
    raise NotImplementedError
