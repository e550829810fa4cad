"""What was asked of the TTS backend and is not filed yet: a small file for each such paragraph.

A note is written as soon as the backend has answered, and goes when its paragraph is settled. What a
killed run leaves tells whose an entry was that expires before anybody has downloaded it. Notes are
hints: no guarantee rests on them, and they are not synced.
"""

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.storage.problems import explained

FOLDER = "asked"  # below the reports
# Numbers first: a name that begins with "con." is a device on Windows.
_NAME = re.compile(r"(?P<chapter>\d{1,9})\.(?P<paragraph>\d{1,9})\.(?P<novel>[a-z0-9-]{1,64})")
_FILE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class AskedNote:
    """Speech that was asked for and never filed.

    Attributes:
        key: For which chapter.
        number: Of the paragraph.
        at: When the backend last answered, aware UTC.
        file_ids: The cache entries that it named.
    """

    key: ChapterKey
    number: int
    at: datetime
    file_ids: tuple[str, ...]

    def __str__(self) -> str:
        """Return whose it is, for people."""
        return f"{self.key} paragraph {self.number}"


class AskedNotes:
    """The notes in a folder.

    Args:
        reports_dir: Where they lie, in a folder of their own, made when first needed.
    """

    def __init__(self, reports_dir: Path) -> None:
        self._folder = reports_dir / FOLDER

    def asked(self, key: ChapterKey, number: int, file_id: str) -> None:
        """Note that the backend has made an entry for a paragraph.

        Raises:
            StorageError: If it cannot be written.
        """
        path = self._folder / _name(key, number)
        with explained("write", str(path)):
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="ascii") as file:
                file.write(f"{file_id}\n")

    def settled(self, key: ChapterKey, number: int) -> None:
        """Forget a paragraph: it is filed, or its failure is.

        Raises:
            StorageError: If the note does not go.
        """
        path = self._folder / _name(key, number)
        with explained("remove", str(path)):
            path.unlink(missing_ok=True)

    def settle_chapter(self, key: ChapterKey) -> None:
        """Forget all of a chapter that is complete, also paragraphs that its text has no more.

        Raises:
            StorageError: If a note does not go.
        """
        for name in self._names():
            of = _of(name)
            if of is not None and of[0] == key:
                self.settled(*of)

    def drop_before(self, at: datetime) -> None:
        """Drop the notes not written to since then, so that they do not pile up for ever.

        A chapter that was never narrated again, or has gone from the sources, leaves its notes. What
        such a chapter misses is told by the library itself. What does not go stays: it is a hint.
        """
        with contextlib.suppress(StorageError):
            for name in self._names():
                path = self._folder / name
                with contextlib.suppress(OSError):
                    if _of(name) and path.lstat().st_mtime <= at.timestamp():
                        path.unlink()

    def read(self) -> list[AskedNote]:
        """Return all notes, oldest first; what is none is passed over.

        Raises:
            StorageError: If the folder cannot be read; one that was never made holds none.
        """
        notes = [self._note(name) for name in self._names()]
        return sorted((note for note in notes if note), key=lambda note: note.at)

    def _names(self) -> list[str]:
        with explained("read", str(self._folder)):
            try:
                return os.listdir(self._folder)
            except FileNotFoundError:
                return []

    def _note(self, name: str) -> AskedNote | None:
        if (of := _of(name)) is None:
            return None
        try:
            with (self._folder / name).open(encoding="ascii", errors="replace") as file:
                at = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, tz=UTC)
                file_ids = tuple(dict.fromkeys(_FILE_ID.findall(file.read())))
        except OSError:
            return None  # settled meanwhile, or no file that can be read
        return AskedNote(*of, at, file_ids)


def by_entry(notes: list[AskedNote]) -> Mapping[str, AskedNote]:
    """Return the notes by the cache entries they name; of several, the last."""
    return {file_id: note for note in notes for file_id in note.file_ids}


def _of(name: str) -> tuple[ChapterKey, int] | None:
    """Return of which chapter and paragraph a note is by its name, or None if it is no note."""
    match = _NAME.fullmatch(name)
    if match is None or not int(match["chapter"]):
        return None
    return ChapterKey(match["novel"], int(match["chapter"])), int(match["paragraph"])


def _name(key: ChapterKey, number: int) -> str:
    return f"{key.number:04d}.{number:04d}.{key.novel_id}"
