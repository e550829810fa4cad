"""What a novel is, wherever it comes from: numbers, titles and paragraphs, nothing about speech."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from novel_audio_pipeline.errors import NotFoundError
from novel_audio_pipeline.novels.packed_texts import PackedTexts

NOVEL_ID_PATTERN = re.compile(r"[a-z0-9-]{1,64}")
_CHAPTER_KEY_PATTERN = re.compile(r"([a-z0-9-]{1,64})/(\d{4,9})")


@dataclass(frozen=True, slots=True, order=True)
class ChapterKey:
    """Which chapter: ``{novel_id}/{number:04d}`` as text, a partition key in Dagster.

    ``ChapterKey.parse`` and ``str`` are inverses.

    Raises:
        ValueError: If the id does not match ``[a-z0-9-]{1,64}`` or the number is less than 1.
    """

    novel_id: str
    number: int

    def __post_init__(self) -> None:
        if not NOVEL_ID_PATTERN.fullmatch(self.novel_id):
            raise ValueError(f"novel_id must match [a-z0-9-]{{1,64}}, got {self.novel_id!r}")
        if self.number < 1:
            raise ValueError(f"chapters are numbered from 1, got {self.number}")

    def __str__(self) -> str:
        return f"{self.novel_id}/{self.number:04d}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key that ``str`` wrote.

        Raises:
            ValueError: If the text is not in exactly that form (``so-do/7`` is not).
        """
        match = _CHAPTER_KEY_PATTERN.fullmatch(text)
        if match is None or str(key := cls(match[1], int(match[2]))) != text:
            raise ValueError(f"a chapter key looks like so-do/0007, got {text!r}")
        return key


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter of the reading.

    Attributes:
        number: Position in reading order, from 1; in a reader app's database, the app's number.
        title: For people; may be empty.
        paragraphs: Original texts in order, at least one. Those of a reader app's database are
            its rows as they are, a blank one included; others have a visible character. They are
            kept packed, so that a long novel takes little memory while its chapters wait.
    """

    number: int
    title: str
    paragraphs: Sequence[str]

    def __post_init__(self) -> None:
        if not isinstance(self.paragraphs, PackedTexts):
            object.__setattr__(self, "paragraphs", PackedTexts(self.paragraphs))


@dataclass(frozen=True, slots=True)
class OmittedUnit:
    """Part of a source that is not read as a chapter, named so that nothing is left out silently.

    Attributes:
        role: ``cover``, ``front``, ``part-title``, ``contents``, ``notes``, ``back``, ``licence``,
            ``advert``, ``non-linear`` or ``no-text``.
        title: Its heading or entry in the table of contents; may be empty.
        place: Document or lines it stands in.
        paragraphs: How many paragraphs it holds.
    """

    role: str
    title: str
    place: str
    paragraphs: int


@dataclass(frozen=True, slots=True)
class NovelSettings:
    """What a novel's settings file says; None or empty where it says nothing.

    Attributes:
        novel_id: Keeps the identity when the file is renamed.
        title: Instead of the source's.
        author: Instead of the source's.
        language: Primary language tag, instead of the detected one.
        voice: Voice for the novel's language, instead of the general setting.
        speed: Instead of the general setting.
        model: Instead of the general setting.
        takes: Take number, 1 to 99, by content key of take 0 of a paragraph.
    """

    novel_id: str | None = None
    title: str | None = None
    author: str | None = None
    language: str | None = None
    voice: str | None = None
    speed: float | None = None
    model: str | None = None
    takes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Novel:
    """One novel, read whole.

    Attributes:
        novel_id: Stable while the source is edited; see DESIGN "Words".
        title: For people.
        author: For people; may be empty.
        language: Primary language tag in lower case (``vi``, ``en``, or another).
        source: Path of the file it was read from.
        chapters: In reading order, numbered from 1 without gaps (a reader app's database may
            have gaps).
        omitted: What the source holds beside the chapters.
        warnings: Sentences about what was mended or doubtful in the source.
        settings: What its settings file says; title, author and language are applied already.
    """

    novel_id: str
    title: str
    author: str
    language: str
    source: str
    chapters: tuple[Chapter, ...]
    omitted: tuple[OmittedUnit, ...] = ()
    warnings: tuple[str, ...] = ()
    settings: NovelSettings = field(default_factory=NovelSettings)

    def chapter(self, number: int) -> Chapter:
        """Return the chapter with this number.

        Raises:
            NotFoundError: If there is none.
        """
        for chapter in self.chapters:
            if chapter.number == number:
                return chapter
        numbers = [chapter.number for chapter in self.chapters]
        known = f"{numbers[0]} to {numbers[-1]}" if numbers else "none"
        raise NotFoundError(f"{self.novel_id} has no chapter {number}; its chapters are {known}")


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """Why a source, or a novel in it, is not narrated.

    Attributes:
        source: Path of the source.
        code: Stable, ``lower_snake_case``.
        message: What is wrong, where, why, and what to do.
    """

    source: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SourceFingerprint:
    """Tells whether a source may have changed without reading it.

    Attributes:
        path: Path of the source.
        size_bytes: Size of the source itself.
        modified_at: Modification time of the source itself, to the microsecond.
        stamps: Name, size and modification time in nanoseconds of each file that has a say: the
            source, its settings files, a database's write-ahead log.
    """

    path: str
    size_bytes: int
    modified_at: datetime
    stamps: tuple[tuple[str, int, int], ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256, 64 hex digits, of the stamps: short, and fit for a cursor."""
        return hashlib.sha256(json.dumps(self.stamps).encode()).hexdigest()
