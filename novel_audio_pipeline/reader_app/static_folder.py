"""The folder that the app serves audio from: what stands at a chapter's place, links put there.

A chapter's place is ``{static root}/audio/{novel_id}/chapter_{number}``. Nothing outside the audio
folder is ever written, and no folder that holds files of anybody else is touched.
"""

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from enum import Enum
from pathlib import Path, PurePosixPath

from novel_audio_pipeline.errors import SettingError, StorageError
from novel_audio_pipeline.library.layout import chapter_number_of, novel_id_of
from novel_audio_pipeline.storage.calls import FileCalls
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.storage.problems import explained
from novel_audio_pipeline.storage.temporary import (
    is_left_over,
    is_temporary,
    temporary_name,
    this_process,
)

AUDIO = "audio"  # /static/audio/... in the app's addresses
COPY_MARK = "novel_audio_copy.json"
_APP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")

Symlink = Callable[[str, str], None]


class Place(Enum):
    """What stands at a chapter's place."""

    ABSENT = "absent"
    OURS = "ours"  # a link to this chapter's folder of a library
    DANGLING = "dangling"  # a link of ours that leads nowhere
    EMPTY = "empty"  # folders without any file: the app makes them when it looks for audio
    COPY = "copy"  # a folder of copies that we made
    FOLDER = "folder"  # a folder with files of somebody else
    LINK = "link"  # a link of somebody else


class StaticFolder:
    """Where the reader app serves audio from.

    Attributes:
        audio: The folder of all novels, links on the way to it resolved.
        store: The same as a store of durable files, for copies.
    """

    def __init__(
        self, static_root: Path, *, library_dir: Path, symlink: Symlink | None = None
    ) -> None:
        """Take the folder that the app serves as ``/static``, or its ``audio`` folder.

        Args:
            static_root: Must exist.
            library_dir: The library; may not lie in the audio folder, nor the other way round.
            symlink: Makes a link to a folder; may raise ``OSError`` where links are not possible.

        Raises:
            SettingError: If it is no folder, or overlaps the library.
        """
        if not static_root.is_dir():
            raise SettingError(
                f"{static_root} is no folder; name the one that the reader app serves as /static "
                "(novel-app/storage)"
            )
        root = static_root.resolve()
        self.audio = root if root.name == AUDIO else (root / AUDIO).resolve()
        self.store = LocalFileStore(self.audio)
        self._library = library_dir.resolve()
        self._symlink = symlink or _symlink
        self._calls = FileCalls()
        if self.audio.is_relative_to(self._library) or self._library.is_relative_to(self.audio):
            raise SettingError(
                f"the library ({self._library}) and the folder that the app plays from "
                f"({self.audio}) lie in each other; give the library a folder of its own and take "
                "over what the app has with: novel-audio library adopt"
            )

    def chapter(self, novel_id: str, number: int) -> Path:
        """Return a chapter's place.

        Args:
            novel_id: The app's id; see ``is_fit``.
            number: From 1.
        """
        return self.novel(novel_id) / f"chapter_{number:03d}"

    def novel(self, novel_id: str) -> Path:
        """Return a novel's folder.

        Raises:
            ValueError: If the id cannot be the name of a folder.
        """
        if not is_fit(novel_id):
            raise ValueError(f"{novel_id!r} cannot be the name of a folder")
        return self.audio / novel_id

    def standing(self, novel_id: str, number: int) -> Place:
        """Return what stands at a chapter's place.

        Raises:
            StorageError: If it cannot be looked at.
        """
        place = self.chapter(novel_id, number)
        with explained("look at", str(place)):
            if place.parent.is_symlink():
                return Place.LINK
            if place.is_symlink():
                return self._link(place, novel_id, number)
            if not os.path.lexists(place):
                return Place.ABSENT
            if (place / COPY_MARK).is_file():
                return Place.COPY
            return Place.FOLDER if not place.is_dir() or _has_files(place) else Place.EMPTY

    def leads_to(self, novel_id: str, number: int, folder: PurePosixPath) -> bool:
        """Return whether the link at a chapter's place is the one to a folder of the library."""
        place = self.chapter(novel_id, number)
        return place.is_symlink() and str(place.readlink()) == self._target(place, folder)

    def put_link(self, novel_id: str, number: int, folder: PurePosixPath, *, now: datetime) -> bool:
        """Put a relative link to a folder of the library at a chapter's place, by one rename.

        Args:
            novel_id: The app's id.
            number: Of the chapter; nothing of somebody else's may stand there.
            folder: Relative to the library.
            now: Aware instant, for clearing what dead processes left.

        Returns:
            False if links are not possible here, and nothing was changed.

        Raises:
            StorageError: If it could not be done.
        """
        place = self.chapter(novel_id, number)
        self.store.make_folder(PurePosixPath(novel_id))
        self._clear_temporaries(place.parent, now)
        temporary = place.with_name(temporary_name(place.name, this_process()))
        try:
            self._symlink(self._target(place, folder), str(temporary))
        except (OSError, NotImplementedError):
            return False
        with explained("put the link", str(place)):
            try:
                if place.is_dir() and not place.is_symlink():
                    _remove_empty_folders(place)
                _replace(temporary, place)
            finally:
                temporary.unlink(missing_ok=True)
            self._calls.sync_folder(str(place.parent))
        return True

    def remove_link(self, novel_id: str, number: int) -> None:
        """Remove the link at a chapter's place, and the novel's folder if nothing else is in it."""
        place = self.chapter(novel_id, number)
        with explained("remove the link", str(place)):
            place.unlink(missing_ok=True)
        self.remove_novel_if_empty(novel_id)

    def remove_novel_if_empty(self, novel_id: str) -> None:
        """Remove a novel's folder if nothing is in it."""
        with suppress(OSError):
            self.novel(novel_id).rmdir()

    def chapters(self, novel_id: str) -> list[int]:
        """Return the numbers of the chapters at whose place anything stands.

        Raises:
            StorageError: If the folder cannot be listed.
        """
        folder = self.novel(novel_id)
        if folder.is_symlink():
            return []
        entries = self.store.entries(PurePosixPath(novel_id)) or []
        numbers = {chapter_number_of(entry.name): entry.name for entry in entries}
        return sorted(n for n, name in numbers.items() if n and name == f"chapter_{n:03d}")

    def size_of(self, path: Path) -> int | None:
        """Return the size of a file as the app would serve it; None if there is none."""
        try:
            return path.stat().st_size if path.is_file() else None
        except OSError:
            return None

    def _link(self, place: Path, novel_id: str, number: int) -> Place:
        target = PurePosixPath(str(place.readlink()).replace(os.sep, "/"))
        is_named_so = (
            novel_id_of(target.parent.name) == novel_id.lower()
            and chapter_number_of(target.name) == number
        )
        if not is_named_so:
            return Place.LINK
        if not place.exists():
            return Place.DANGLING
        is_in_library = place.resolve().is_relative_to(self._library)
        return Place.OURS if is_in_library else Place.LINK

    def _target(self, place: Path, folder: PurePosixPath) -> str:
        target = self._library.joinpath(*folder.parts)
        try:
            return os.path.relpath(target, place.parent)
        except ValueError:  # another drive of Windows, to which no relative path leads
            return str(target)

    def _clear_temporaries(self, folder: Path, now: datetime) -> None:
        for path in folder.iterdir():
            if not (is_temporary(path.name) and path.is_symlink()):
                continue
            with suppress(FileNotFoundError):
                facts = path.lstat()
                if is_left_over(
                    path.name, modified_ns=facts.st_mtime_ns, now=now, owner=this_process()
                ):
                    path.unlink()


def is_fit(novel_id: str) -> bool:
    """Return whether an id of the app can be the name of a folder, and an id of the library."""
    return _APP_ID.fullmatch(novel_id) is not None


def _symlink(target: str, path: str) -> None:
    Path(path).symlink_to(target, target_is_directory=True)


def _replace(temporary: Path, place: Path) -> None:
    if sys.platform == "win32" and place.is_symlink():  # a rename there goes over no folder
        place.rmdir()
    os.replace(temporary, place)


def _has_files(folder: Path) -> bool:
    return any(
        files or any((Path(where) / name).is_symlink() for name in folders)
        for where, folders, files in os.walk(folder, onerror=_raise)
    )


def _remove_empty_folders(folder: Path) -> None:
    """Remove folders from the inside out; stops at the first that holds something by now.

    Raises:
        StorageError: If there is a file.
    """
    for where, _, files in os.walk(folder, topdown=False, onerror=_raise):
        if files:
            raise StorageError(f"{where} holds files by now; they are left. Publish again.")
        Path(where).rmdir()


def _raise(error: OSError) -> None:
    raise error
