"""Cutting the documents of an EPUB into sections: at entries of its contents, at chapter headings."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from novel_audio_pipeline.novels.blocks import Block, Page
from novel_audio_pipeline.novels.epub_package import TocEntry
from novel_audio_pipeline.novels.headings import is_chapter_heading

_LICENCE_BEGINS = re.compile(r"\*{3}\s*START OF (?:THE|THIS) PROJECT GUTENBERG", re.IGNORECASE)
_LICENCE_ENDS = re.compile(
    r"\*{3}\s*END OF (?:THE|THIS) PROJECT GUTENBERG|^End of (?:the )?Project Gutenberg",
    re.IGNORECASE,
)
_HEADER_WITHIN = 5


@dataclass(frozen=True, slots=True)
class Section:
    """A document of the reading order, or the part of one that its contents name.

    Attributes:
        place: Name of the document.
        labels: Its entries in the table of contents, in order.
        blocks: Its headings and texts.
        types: Type words of the document, and what landmarks or guide call it.
        is_linear: False if it stands outside the reading order.
        is_licence: Whether it is the header or footer of Project Gutenberg.
    """

    place: str
    labels: tuple[str, ...]
    blocks: tuple[Block, ...]
    types: tuple[str, ...]
    is_linear: bool
    is_licence: bool = False

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """Texts that are neither heading nor note."""
        return tuple(b.text for b in self.blocks if not (b.is_heading or b.is_note))

    @property
    def notes(self) -> int:
        """How many texts are notes."""
        return sum(1 for block in self.blocks if block.is_note and not block.is_heading)

    @property
    def opening_headings(self) -> tuple[Block, ...]:
        """The headings before its first text."""
        headings: list[Block] = []
        for block in self.blocks:
            if not block.is_heading:
                break
            headings.append(block)
        return tuple(headings)


def cut_page(
    page: Page, *, place: str, types: tuple[str, ...], is_linear: bool, entries: Sequence[TocEntry]
) -> list[Section]:
    """Return the sections of one document, at least one.

    The document is cut where two or more entries of the contents point into it: those of the
    shallowest depth, and deeper ones that name a chapter. Without such entries it is cut at its
    headings that name a chapter, if there are two or more.

    Args:
        page: The document.
        place: Its name.
        types: Its type words, and what landmarks or guide call it.
        is_linear: False if it stands outside the reading order.
        entries: The entries of the table of contents that point to it, in order.
    """
    found = [
        (page.anchors.get(entry.fragment, 0) if entry.fragment else 0, entry) for entry in entries
    ]
    cuts = _cuts(page, found)
    if cuts and not _has_text(page.blocks[: cuts[0]]):
        cuts = cuts[1:]  # only headings stand before the first cut
    starts = sorted({0, *cuts})
    sections: list[Section] = []
    for start, end in zip(starts, [*starts[1:], len(page.blocks) + 1], strict=True):
        blocks = page.blocks[start:end]
        inside = [(at, entry.label) for at, entry in found if start <= at < end]
        opening = start + _first_text(blocks)
        opening = max(opening, min((at for at, _ in inside), default=opening))
        sections.append(
            Section(
                place=place,
                labels=tuple(label for at, label in inside if at <= opening),
                blocks=blocks,
                types=types,
                is_linear=is_linear,
            )
        )
    return sections


def mark_licence(sections: Iterable[Section]) -> list[Section]:
    """Return the sections with the header and footer of Project Gutenberg cut off as their own.

    The header ends with its "START OF" line in one of the first five sections; the footer begins
    with its "END OF" line and goes to the end of the book.
    """
    marked = list(sections)
    for at, section in enumerate(marked[:_HEADER_WITHIN]):
        begins = _find(section, _LICENCE_BEGINS)
        if begins is not None:
            before = [replace(s, is_licence=bool(s.paragraphs)) for s in marked[:at]]
            marked = before + _halves(section, begins + 1, licence_first=True) + marked[at + 1 :]
            break
    for at, section in enumerate(marked):
        ends = None if section.is_licence else _find(section, _LICENCE_ENDS)
        if ends is not None:
            after = [replace(s, is_licence=True) for s in marked[at + 1 :]]
            return marked[:at] + _halves(section, ends, licence_first=False) + after
    return marked


def _cuts(page: Page, found: Sequence[tuple[int, TocEntry]]) -> list[int]:
    """Return the indexes of blocks to cut at, in order; empty if the document stays whole."""
    top = min((entry.depth for _, entry in found), default=0)
    named = {at for at, e in found if e.depth == top or is_chapter_heading(e.label)}
    if len(named) > 1:
        return sorted(named)
    if found and any(entry.fragment for _, entry in found):
        return []
    headed = [at for at, b in enumerate(page.blocks) if b.is_heading and is_chapter_heading(b.text)]
    return headed if len(headed) > 1 else []


def _has_text(blocks: Sequence[Block]) -> bool:
    return any(not block.is_heading for block in blocks)


def _first_text(blocks: Sequence[Block]) -> int:
    return next((at for at, block in enumerate(blocks) if not block.is_heading), len(blocks))


def _find(section: Section, pattern: re.Pattern[str]) -> int | None:
    for at, block in enumerate(section.blocks):
        if pattern.search(block.text):
            return at
    return None


def _halves(section: Section, at: int, *, licence_first: bool) -> list[Section]:
    first = replace(section, blocks=section.blocks[:at], is_licence=licence_first)
    second = replace(section, blocks=section.blocks[at:], is_licence=not licence_first)
    if licence_first:
        first = replace(first, labels=())
    else:
        second = replace(second, labels=section.labels if not first.blocks else ())
    return [half for half in (first, second) if half.blocks]
