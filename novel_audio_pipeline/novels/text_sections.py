"""Cutting the lines of a plain text into sections at its headings, and sections into paragraphs."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from novel_audio_pipeline.novels.blocks import plain
from novel_audio_pipeline.novels.headings import (
    MAX_TITLE_CHARS,
    TitleKind,
    bare,
    chapter_mark,
    ends_like_a_sentence,
    is_bare_chapter_mark,
    numeral,
    opens_chapter,
    opens_part,
    title_kind,
)

_WRAPPED_AT_MOST = 120
_MOSTLY = 0.6
_CONTENTS_RUN = 3


@dataclass(slots=True)
class TextSection:
    """Lines under one heading.

    Attributes:
        title: The heading, without ornaments; empty for what stands before the first one.
        first: Number in the file of the line after the heading, from 1.
        role: ``chapter``, or ``part-title``, ``contents``, ``notes``, ``front``, ``back``.
        lines: The lines.
    """

    title: str
    first: int
    role: str = "chapter"
    lines: list[str] = field(default_factory=list)

    @property
    def has_text(self) -> bool:
        """Whether a line is not blank."""
        return any(line.strip() for line in self.lines)


def separates_paragraphs_by_line(lines: Sequence[str]) -> bool:
    """Tell whether each line is a paragraph, as in most web novels without blank lines.

    So it is if more lines follow each other directly than there are blank lines between, and most
    of these did not have to end where they do: the first word of the next line would have fitted
    into the width of the text (at most 120), or the lines are longer than that; and the next line
    does not begin with a small letter.
    """
    runs = _runs(lines)
    breaks = [(run[at], run[at + 1]) for run in runs for at in range(len(run) - 1)]
    if not breaks or len(breaks) < len(runs):
        return False
    lengths = sorted(len(line.rstrip()) for line in lines if line.strip())
    width = lengths[int(len(lengths) * 0.95)]
    if width > _WRAPPED_AT_MOST:
        return True
    wrapped = sum(1 for line, following in breaks if _is_wrapped(line, following, width))
    return wrapped < len(breaks) * _MOSTLY


def paragraphs_of(lines: Sequence[str], *, by_line: bool) -> list[str]:
    """Return the paragraphs, NFC, white space collapsed; none is empty.

    Args:
        lines: The lines.
        by_line: Whether each line is one; else a run of lines that are not blank.
    """
    texts = lines if by_line else [" ".join(run) for run in _runs(lines)]
    return [text for text in map(plain, texts) if text]


def cut_lines(lines: Sequence[str], *, first: int, by_line: bool) -> list[TextSection]:
    """Return the sections in order, at least one; the first may have no title.

    Headings are lines with a chapter's word and number (``Chương 5``, ``Chapter Three: …``,
    ``Hồi 1``) or a name (``Epilogue``). Bare numerals count if they run I, II, III … without a gap
    and no heading has a chapter's word. A heading opens a run of lines, unless each line is a
    paragraph. A chapter named twice in a row is one; three or more headings in a row without text
    are a table of contents.

    Args:
        lines: The lines of the text.
        first: Number of the first one in the file.
        by_line: Whether each line is a paragraph.
    """
    sections = [TextSection("", first)]
    headings = _headings(lines, by_line=by_line)
    skip_until = 0
    for at, line in enumerate(lines):
        if at < skip_until:
            continue
        role = headings.get(at)
        if role is None:
            sections[-1].lines.append(line)
            continue
        title = bare(line)
        skip_until = at + 1
        if role == "chapter" and not by_line and _title_follows(lines, at):
            title = f"{title}: {bare(lines[at + 1])}"
            skip_until = at + 2
        sections.append(TextSection(title, first + skip_until, role))
    return _tidied(sections)


def _headings(lines: Sequence[str], *, by_line: bool) -> dict[int, str]:
    """Return what the lines that are headings open."""
    opening = [
        at
        for at, line in enumerate(lines)
        if line.strip() and (by_line or at == 0 or not lines[at - 1].strip())
    ]
    found: dict[int, str] = {}
    for at in opening:
        line = bare(lines[at])
        if len(line) > MAX_TITLE_CHARS or not line:
            continue
        if opens_chapter(line):
            found[at] = "chapter"
        elif opens_part(line):
            found[at] = "part-title"
    if not any(chapter_mark(lines[at]) for at in found):
        parts = {at for at, role in found.items() if role == "part-title"}
        found.update(dict.fromkeys(_numerals(lines, opening, parts), "chapter"))
    found.update(_matter(lines, opening, found))
    return found


def _numerals(lines: Sequence[str], opening: Sequence[int], parts: Set[int]) -> list[int]:
    """Return the lines that are the numerals 1, 2, 3 …, each alone in its run of lines.

    In a new part they may go on or begin with 1 again.
    """
    found: list[int] = []
    last = 0
    is_new_part = False
    for at in opening:
        is_new_part = is_new_part or at in parts
        if at + 1 < len(lines) and lines[at + 1].strip():
            continue
        number = numeral(bare(lines[at]))
        if number is not None and (number == last + 1 or (is_new_part and number == 1)):
            found.append(at)
            last = number
            is_new_part = False
    return found if len(found) > 1 else []


def _matter(lines: Sequence[str], opening: Sequence[int], found: dict[int, str]) -> dict[int, str]:
    """Return the headings of contents and of front and back matter, alone in their run of lines.

    Front matter stands before the first chapter, back matter after the last heading's first line.
    """
    chapters = [at for at, role in found.items() if role == "chapter"]
    if not chapters:
        return {}
    first, last = min(chapters), max(chapters)
    matter: dict[int, str] = {}
    for at in opening:
        if first <= at <= last or (at + 1 < len(lines) and lines[at + 1].strip()):
            continue
        kind = title_kind(lines[at])
        if kind is TitleKind.CONTENTS and at < first:
            matter[at] = "contents"
        elif kind in (TitleKind.FRONT, TitleKind.FRONT_OR_BACK) and at < first:
            matter[at] = "front"
        elif kind in (TitleKind.BACK, TitleKind.FRONT_OR_BACK) and at > last:
            matter[at] = "back"
    return matter


def _title_follows(lines: Sequence[str], at: int) -> bool:
    """Tell whether the line after a bare chapter mark is its title: the only other one of its run."""
    if not is_bare_chapter_mark(lines[at]) or at + 1 >= len(lines):
        return False
    following = lines[at + 1].strip()
    is_last = at + 2 >= len(lines) or not lines[at + 2].strip()
    fits = 0 < len(following) <= MAX_TITLE_CHARS // 2
    return fits and is_last and not ends_like_a_sentence(following) and not following[0].islower()


def _tidied(sections: list[TextSection]) -> list[TextSection]:
    """Return the sections with contents, repeated headings and part titles recognised."""
    _mark_contents(sections)
    tidied: list[TextSection] = []
    for section in sections:
        before = tidied[-1] if tidied else None
        if section.role == "part-title" and section.has_text:
            section.role = "chapter"
        repeats = (
            before is not None
            and not before.has_text
            and before.role == section.role == "chapter"
            and chapter_mark(before.title) != ""
            and chapter_mark(before.title) == chapter_mark(section.title)
        )
        if before is not None and repeats:
            section.title = max(before.title, section.title, key=len)
            tidied[-1] = section
        else:
            tidied.append(section)
    if len(tidied) > 1 and not tidied[0].has_text:
        del tidied[0]
    return tidied


def _mark_contents(sections: list[TextSection]) -> None:
    """Give runs of three or more different headings without text the role ``contents``."""
    run: list[TextSection] = []
    for section in [*sections[1:], None]:
        if section is not None and not section.has_text and section.role == "chapter":
            run.append(section)
            continue
        if len({chapter_mark(s.title) or s.title for s in run}) >= _CONTENTS_RUN:
            for listed in run:
                listed.role = "contents"
        run = []


def _runs(lines: Sequence[str]) -> list[list[str]]:
    """Return the runs of lines that are not blank, stripped."""
    runs: list[list[str]] = []
    was_blank = True
    for line in lines:
        stripped = line.strip()
        if stripped and was_blank:
            runs.append([stripped])
        elif stripped:
            runs[-1].append(stripped)
        was_blank = not stripped
    return runs


def _is_wrapped(line: str, following: str, width: int) -> bool:
    next_word = following.split(maxsplit=1)[0]
    return following[0].islower() or len(line) + 1 + len(next_word) > width
