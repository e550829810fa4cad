"""What a novel is, wherever it comes from: numbers, titles and paragraphs, nothing about speech."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self

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
        number: Position in reading order, from 1.
        title: For people; may be empty.
        paragraphs: Original texts in order, each with at least one visible character.
    """

    number: int
    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OmittedUnit:
    """Part of a source that is not read as a chapter, named so that nothing is left out silently.

    Attributes:
        role: ``cover``, ``front``, ``contents``, ``notes``, ``back``, ``licence``, ``advert``,
            ``non-linear`` or ``no-text``.
        title: Its heading or entry in the table of contents; may be empty.
        place: Document or lines it stands in.
        paragraphs: How many paragraphs it holds.
    """

    role: str
    title: str
    place: str
    paragraphs: int


@dataclass(frozen=True, slots=True)
class Novel:
    """One novel, read whole.

    Attributes:
        novel_id: Stable while the source is edited; see DESIGN "Words".
        title: For people.
        author: For people; may be empty.
        language: Primary language tag in lower case (``vi``, ``en``, or another).
        source: Path of the file it was read from.
        chapters: In reading order, numbered from 1 without gaps.
        omitted: What the source holds beside the chapters.
        warnings: Sentences about what was mended or doubtful in the source.
    """

    novel_id: str
    title: str
    author: str
    language: str
    source: str
    chapters: tuple[Chapter, ...]
    omitted: tuple[OmittedUnit, ...] = ()
    warnings: tuple[str, ...] = ()


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
    """Tells whether a source may have changed without reading it."""

    path: str
    size_bytes: int
    modified_at: datetime
