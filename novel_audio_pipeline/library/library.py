"""The permanent library: where a novel and a chapter are found, and opened for commits."""

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.library.aside import empty_aside, keys_aside
from novel_audio_pipeline.library.chapter import ChapterFolder
from novel_audio_pipeline.library.commit import Wanted
from novel_audio_pipeline.library.inventory import ChapterInventory, HeldAudio, NovelInventory
from novel_audio_pipeline.library.layout import (
    ASIDE,
    LOCKS,
    chapter_folder_name,
    chapter_number_of,
    novel_folder_name,
    novel_id_of,
)
from novel_audio_pipeline.library.locks import ChapterLocks, FileLocks, Lease, ProcessLocks
from novel_audio_pipeline.library.scan import inventory_of, scan_aside, scan_chapter
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.storage.paths import ROOT
from novel_audio_pipeline.storage.store import FileStore


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


class AudioLibrary:
    """The library under one store; see ``docs/library-format.md``. Threads may share it."""

    def __init__(
        self,
        store: FileStore,
        *,
        locks: ChapterLocks | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Take the store; nothing is looked at yet.

        Args:
            store: Where the library lies.
            locks: Leases on chapters; among the threads of this process if not given.
            now: Gives aware instants.
        """
        self.store = store
        self._locks = locks or ProcessLocks()
        self._now = now

    def novel_ids(self) -> list[str]:
        """Return the ids of the novels that have a folder, in order.

        Raises:
            StorageError: If the library cannot be listed. An absent library is empty.
        """
        return sorted({found for name in self._folders(ROOT) if (found := novel_id_of(name))})

    def inventory(self, novel_id: str, *, verify: bool = True) -> NovelInventory:
        """Return what is held of a novel; of an unknown one: nothing.

        Args:
            novel_id: As everywhere.
            verify: Whether a WAV that no manifest vouches for (interrupted run, copied library) is
                hashed; else it is UNVERIFIED.

        Raises:
            StorageError: If a folder or file cannot be read.
        """
        folders = self._novel_folders(novel_id)
        if not folders:
            return NovelInventory(novel_id)
        novel = folders[0]
        chapters: dict[int, ChapterInventory] = {}
        strays: list[HeldAudio] = []
        for number, (chapter, *twins) in self._chapter_folders(novel).items():
            chapters[number] = self._chapter_inventory(chapter, number, verify=verify)
            for twin in twins:
                strays += _audio_of(self._chapter_inventory(twin, number, verify=verify))
        for twin in folders[1:]:
            strays += self._strays(twin, verify=verify)
        return NovelInventory(
            novel_id=novel_id,
            folder=novel,
            chapters=chapters,
            aside=tuple(scan_aside(self.store, novel)),
            strays=tuple(strays),
        )

    def held(self, novel_id: str, *, verify: bool = True) -> Iterator[HeldAudio]:
        """Yield the audio that a novel's folders hold: chapters in order, aside, second folders.

        The same as ``inventory(...).held()``, a chapter at a time in memory.

        Args:
            novel_id: As everywhere.
            verify: See ``inventory``.

        Raises:
            StorageError: If a folder or file cannot be read.
        """
        folders = self._novel_folders(novel_id)
        twins: list[PurePosixPath] = []
        for novel in folders[:1]:
            for number, (chapter, *others) in self._chapter_folders(novel).items():
                yield from _audio_of(self._chapter_inventory(chapter, number, verify=verify))
                twins += others
            yield from scan_aside(self.store, novel)
        for twin in twins:
            number = chapter_number_of(twin.name) or 0
            yield from _audio_of(self._chapter_inventory(twin, number, verify=verify))
        for twin in folders[1:]:
            yield from self._strays(twin, verify=verify)

    def chapter_inventory(
        self, novel_id: str, number: int, *, verify: bool = True
    ) -> ChapterInventory:
        """Return what is held of one chapter; see ``inventory``."""
        for novel in self._novel_folders(novel_id)[:1]:
            for folder in self._folders_of_chapter(novel, number)[:1]:
                return self._chapter_inventory(folder, number, verify=verify)
        return ChapterInventory(number)

    def chapter_lookup(
        self, novel_id: str, *, verify: bool = True
    ) -> Callable[[int], ChapterInventory]:
        """Return a function that looks at one chapter of a novel; its folders are listed once.

        Args:
            novel_id: As everywhere.
            verify: See ``inventory``.

        Raises:
            StorageError: If a folder cannot be read; of the function: or a file.
        """
        novels = self._novel_folders(novel_id)[:1]
        folders = self._chapter_folders(novels[0]) if novels else {}

        def look(number: int) -> ChapterInventory:
            for folder in folders.get(number, ())[:1]:
                return self._chapter_inventory(folder, number, verify=verify)
            return ChapterInventory(number)

        return look

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

        Raises:
            ValueError: If the id or number is none.
            StorageError: If the library cannot be read or locked.
        """
        names = (
            novel_folder_name(novel_id, novel_title),
            chapter_folder_name(novel_id, number, chapter_title),
        )
        self.store.make_folder(ROOT)
        lease = self._locks.chapter(novel_id, number, wait_s=wait_s)
        try:
            novel, novel_pending = self._named_novel(novel_id, names[0], lease)
            path, pending = self._named_chapter(novel, number, names[1], lease)
        except BaseException:
            lease.release()
            raise
        return ChapterFolder(
            store=self.store,
            path=path,
            number=number,
            titles=(novel_title, chapter_title),
            novel_id=novel_id,
            title_pending=novel_pending or pending,
            lease=lease,
            find=lambda key: self._find(novel_id, key),
            now=self._now,
        )

    def tidy(self, novel_id: str, *, wanted: Wanted) -> bool:
        """Empty a novel's ``.aside/`` of what nobody wants and what stands in some chapter.

        Called at the end of a run: ``ChapterFolder.finish`` looks at its own chapter only. Does
        nothing while a chapter of the novel is open, since what stands may then be displaced.

        Args:
            novel_id: As everywhere.
            wanted: Whether some script of the novel wants the audio of a key.

        Returns:
            Whether nothing is left aside.

        Raises:
            StorageError: If something cannot be read or removed.
        """
        folders = self._novel_folders(novel_id)[:1]
        if not folders or self.store.entries(folders[0] / ASIDE) is None:
            return True
        with self._locks.alone(novel_id) as is_alone:
            if not is_alone:
                return False
            aside = folders[0] / ASIDE
            waiting = keys_aside(self.store, folders[0])
            stands = {
                audio.key
                for audio in self.held(novel_id)
                if audio.key in waiting and not audio.path.is_relative_to(aside)
            }
            return empty_aside(
                self.store,
                folders[0],
                lambda key: key in stands or not wanted(key),
                now=self._now(),
            )

    def lease(self, novel_id: str, number: int) -> Lease:
        """Take a chapter without opening it, if nobody has it; the caller releases it."""
        self.store.make_folder(ROOT)
        return self._locks.chapter(novel_id, number)

    def alone(self, novel_id: str) -> AbstractContextManager[bool]:
        """Have a whole novel for a moment; yields whether no chapter of it is open."""
        return self._locks.alone(novel_id)

    def twins(self, novel_id: str) -> list[PurePosixPath]:
        """Return the second folders of a novel and of its chapters: what a failed rename leaves.

        The one that holds more counts as the first.
        """
        novels = self._novel_folders(novel_id)
        chapters = self._chapter_folders(novels[0]) if novels else {}
        return novels[1:] + [twin for folders in chapters.values() for twin in folders[1:]]

    def _named_novel(
        self, novel_id: str, name: str, lease: Lease
    ) -> tuple[PurePosixPath, str | None]:
        """Return the novel's folder, renamed if need be and possible, and why not if not."""
        wanted = PurePosixPath(name)
        found = self._novel_folders(novel_id)[:1]
        if not found or _same_name(found[0].name, name):
            return (found[0] if found else wanted), None
        with self._locks.alone(novel_id, but=lease) as is_alone:
            if not is_alone:
                return found[0], f"{found[0]} is in use, and keeps its name until it is not"
            return self._renamed(found[0], wanted)

    def _named_chapter(
        self, novel: PurePosixPath, number: int, name: str, lease: Lease
    ) -> tuple[PurePosixPath, str | None]:
        """Return the chapter's folder likewise."""
        wanted = novel / name
        found = self._folders_of_chapter(novel, number)[:1]
        if not found or _same_name(found[0].name, name):
            return (found[0] if found else wanted), None
        if not lease.locked:
            return found[0], f"{found[0]} is in use, and keeps its name until it is not"
        return self._renamed(found[0], wanted)

    def _renamed(
        self, found: PurePosixPath, wanted: PurePosixPath
    ) -> tuple[PurePosixPath, str | None]:
        try:
            self.store.rename(found, wanted)
        except StorageError as error:
            if self.store.entries(found) is None:
                raise
            return found, str(error)
        return wanted, None

    def _find(self, novel_id: str, key: str) -> Iterator[HeldAudio]:
        """Yield what the whole novel holds under a key; costs a look at all of it."""
        for held in self.held(novel_id, verify=False):
            if held.key == key:
                yield held

    def _chapter_inventory(
        self, folder: PurePosixPath, number: int, *, verify: bool
    ) -> ChapterInventory:
        scan = scan_chapter(self.store, folder, verify=verify)
        return inventory_of(scan, folder=folder, number=number)

    def _strays(self, novel: PurePosixPath, *, verify: bool) -> Iterator[HeldAudio]:
        """Yield the audio of a second folder of a novel."""
        for number, folders in self._chapter_folders(novel).items():
            for folder in folders:
                yield from _audio_of(self._chapter_inventory(folder, number, verify=verify))
        yield from scan_aside(self.store, novel)

    def _novel_folders(self, novel_id: str) -> list[PurePosixPath]:
        """Return the folders of a novel, the one that counts first; two only if a rename failed."""
        found = [name for name in self._folders(ROOT) if novel_id_of(name) == novel_id]
        return self._fullest_first([PurePosixPath(name) for name in found])

    def _chapter_folders(self, novel: PurePosixPath) -> dict[int, list[PurePosixPath]]:
        """Return the folders of each chapter, the one that counts first."""
        found: dict[int, list[PurePosixPath]] = {}
        for name in self._folders(novel):
            if (number := chapter_number_of(name)) is not None:
                found.setdefault(number, []).append(novel / name)
        return {number: self._fullest_first(found[number]) for number in sorted(found)}

    def _folders_of_chapter(self, novel: PurePosixPath, number: int) -> list[PurePosixPath]:
        """Return the folders of one chapter likewise, among thousands if need be."""
        found = [name for name in self._folders(novel) if chapter_number_of(name) == number]
        return self._fullest_first([novel / name for name in found])

    def _fullest_first(self, folders: list[PurePosixPath]) -> list[PurePosixPath]:
        """Return folders by how many folders they hold, most first, then by name."""
        if len(folders) < 2:  # noqa: PLR2004 - nothing to order
            return folders
        return sorted(folders, key=lambda folder: (-len(self._folders(folder)), folder.name))

    def _folders(self, folder: PurePosixPath) -> list[str]:
        return [e.name for e in self.store.entries(folder) or () if e.kind == "folder"]


def open_library(root: Path) -> AudioLibrary:
    """Return the library in a local folder, with its locks. The folder need not exist yet."""
    return AudioLibrary(LocalFileStore(root), locks=FileLocks(root.absolute() / LOCKS))


def _audio_of(chapter: ChapterInventory) -> list[HeldAudio]:
    return [held.audio for held in chapter.paragraphs.values() if held.audio is not None]


def _same_name(one: str, other: str) -> bool:
    """Return whether two names are one to a file system that stores them decomposed."""
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
