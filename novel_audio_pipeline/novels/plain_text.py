"""Reading a plain text file: from the file to a novel. Encodings are known in decoding.py."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.blocks import plain
from novel_audio_pipeline.novels.decoding import Decoded, UnknownEncodingError, decode_text
from novel_audio_pipeline.novels.headings import bare, ends_like_a_sentence
from novel_audio_pipeline.novels.language import novel_language
from novel_audio_pipeline.novels.model import Chapter, Novel, OmittedUnit
from novel_audio_pipeline.novels.text_sections import (
    TextSection,
    cut_lines,
    paragraphs_of,
    separates_paragraphs_by_line,
)

MAX_BYTES = 200 * 1024**2
LONG_FRONT_CHARS = 3000
_HEADER_LINES = 12
_NAME_CHARS = 2000

_LICENCE_BEGINS = re.compile(r"\s*\*{3}\s*START OF (?:THE|THIS) PROJECT GUTENBERG", re.IGNORECASE)
_LICENCE_ENDS = re.compile(
    r"\s*\*{3}\s*END OF (?:THE|THIS) PROJECT GUTENBERG|End of (?:the )?Project Gutenberg",
    re.IGNORECASE,
)
_END_MARK = re.compile(
    r"(?:the\s+end|end|fin|hết|hết truyện|toàn văn hoàn|hoàn)[.!]?", re.IGNORECASE
)
_TITLE = re.compile(
    r"\s*(?:title|tên truyện|tên sách|tựa đề|truyện)\s*[:：]\s*(\S.*)", re.IGNORECASE
)
_AUTHOR = re.compile(r"\s*(?:author|tác giả)\s*[:：]\s*(\S.*)", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*[(\[【][^)\]】]*[)\]】]\s*")


@dataclass(frozen=True, slots=True)
class _Text:
    """The lines of a file, header and footer of Project Gutenberg apart.

    Attributes:
        lines: The lines of the text itself.
        first: Number of the first of them in the file, from 1.
        header: The lines before.
        footer: The lines after.
    """

    lines: list[str]
    first: int
    header: list[str]
    footer: list[str]


@dataclass(slots=True)
class _Found:
    """What has been found in a file so far; see ``Novel``."""

    title: str
    author: str
    chapters: list[Chapter] = field(default_factory=list)
    omitted: list[OmittedUnit] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_plain_text(path: Path, *, novel_id: str) -> Novel:
    """Return the novel in a plain text file.

    A paragraph is a run of lines that are not blank, joined by a space; where blank lines are
    rare and lines were not wrapped at a width, each line is one. Chapters begin at lines that are
    headings; without any, the text is one chapter with the title of the novel. What stands before
    the first heading is front matter, unless it is long (3,000 characters): then it is a chapter.

    Args:
        path: The file.
        novel_id: The id it is given.

    Raises:
        SourceError: ``unreadable``, ``text_too_large``, ``unknown_encoding`` or ``no_text``.
    """
    found = _sections_read(path)
    if not found.chapters:
        raise _error(path, "no_text", "no text is in this file", "remove it from the novels folder")
    return Novel(
        novel_id=novel_id,
        title=found.title,
        author=found.author,
        language=novel_language(found.chapters),
        source=str(path),
        chapters=tuple(found.chapters),
        omitted=tuple(found.omitted),
        warnings=tuple(found.warnings),
    )


def _sections_read(path: Path) -> _Found:
    """Return what a file holds; its lines are gone from memory when this is done."""
    lines, warnings = _lines(path)
    text = _cut_licence(lines)
    by_line = separates_paragraphs_by_line(text.lines)
    sections = cut_lines(text.lines, first=text.first, by_line=by_line)
    title, author = _names(text, sections[0], stem=path.stem)
    found = _Found(title, author)
    found.omitted.extend(_licence(text.header, 1))
    found.warnings.extend(f"the file {warning}" for warning in warnings)
    for at, section in enumerate(sections):
        paragraphs = paragraphs_of(section.lines, by_line=by_line)
        is_last = at == len(sections) - 1
        _add_section(found, section, paragraphs, is_only=len(sections) == 1, is_last=is_last)
    found.omitted.extend(_licence(text.footer, text.first + len(text.lines)))
    return found


def _add_section(
    found: _Found, section: TextSection, paragraphs: list[str], *, is_only: bool, is_last: bool
) -> None:
    """Add a section as a chapter, or as what is omitted; an end mark in the last one is omitted."""
    place = f"lines {section.first}-{section.first + max(0, len(section.lines) - 1)}"
    end_mark = ""
    if is_last and paragraphs and _END_MARK.fullmatch(bare(paragraphs[-1])):
        end_mark = paragraphs.pop()
    role = _role(section, paragraphs, is_only=is_only)
    if role == "chapter":
        number = len(found.chapters) + 1
        found.chapters.append(Chapter(number, section.title or found.title, paragraphs))
    elif paragraphs or section.title:
        found.omitted.append(OmittedUnit(role, section.title, place, len(paragraphs)))
        if role == "no-text":
            found.warnings.append(f"the chapter {section.title!r} ({place}) has no text")
    if end_mark:
        found.omitted.append(OmittedUnit("back", end_mark, place, 1))


def _lines(path: Path) -> tuple[list[str], tuple[str, ...]]:
    """Return the lines of a file and what is doubtful; the file as a whole is gone from memory."""
    decoded = _decoded(path)
    return decoded.text.splitlines(), decoded.warnings


def _decoded(path: Path) -> Decoded:
    try:
        return decode_text(_bytes(path))  # by nobody else referred to, so that they can go early
    except UnknownEncodingError as error:
        what = f"not a text file: {error}"
        raise _error(path, "unknown_encoding", what, "save it as UTF-8 text") from error


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise _error(path, "unreadable", what, "check the file and its rights") from error
    if len(data) > MAX_BYTES:
        what = "refused, for it is larger than 200 MiB, which no novel is"
        raise _error(path, "text_too_large", what, "cut it into several files")
    return data


def _error(path: Path, code: str, what: str, advice: str) -> SourceError:
    return SourceError(f"{path}: {what}; {advice}", code=code, source=str(path))


def _cut_licence(lines: list[str]) -> _Text:
    starts = [at for at, line in enumerate(lines) if _LICENCE_BEGINS.match(line)]
    start = starts[0] + 1 if starts else 0
    ends = [at for at, line in enumerate(lines) if at >= start and _LICENCE_ENDS.match(line)]
    end = ends[0] if ends else len(lines)
    return _Text(lines[start:end], start + 1, lines[:start], lines[end:])


def _licence(lines: list[str], first: int) -> list[OmittedUnit]:
    count = len(paragraphs_of(lines, by_line=False))
    place = f"lines {first}-{first + len(lines) - 1}"
    return [OmittedUnit("licence", "Project Gutenberg", place, count)] if count else []


def _role(section: TextSection, paragraphs: Sequence[str], *, is_only: bool) -> str:
    if section.role != "chapter":
        return section.role
    if not paragraphs:
        return "no-text"
    if section.title or is_only or sum(map(len, paragraphs)) > LONG_FRONT_CHARS:
        return "chapter"
    return "front"


def _names(text: _Text, front: TextSection, *, stem: str) -> tuple[str, str]:
    """Return title and author: of lines that name them, else the first line, else the file's name.

    The first line of the front matter is the title if another line names the author; what stands
    in brackets ("[Hoàn thành]") is dropped.
    """
    lines = front.lines[:_HEADER_LINES] if not front.title else []
    lines = [line for line in (*text.header, *lines) if 0 < len(line.strip()) <= _NAME_CHARS]
    titles = [match[1] for line in lines if (match := _TITLE.match(line))]
    authors = [match[1] for line in lines if (match := _AUTHOR.match(line))]
    author = plain(authors[0]) if authors else ""
    if titles:
        return plain(_BRACKETS.sub(" ", titles[0])) or plain(titles[0]), author
    if author and lines and not _AUTHOR.match(lines[0]) and not ends_like_a_sentence(lines[0]):
        title = plain(_BRACKETS.sub(" ", lines[0]))
        if title:
            return title, author
    return plain(stem.replace("_", " ")) or stem, author
