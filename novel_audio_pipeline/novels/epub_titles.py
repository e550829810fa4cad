"""Titles of the sections of an EPUB: from contents, headings, or lines of text that stand as such."""

import re
import unicodedata
from collections.abc import Sequence

from novel_audio_pipeline.novels.blocks import Block
from novel_audio_pipeline.novels.epub_sections import Section
from novel_audio_pipeline.novels.headings import (
    is_bare_chapter_mark,
    is_chapter_heading,
    is_part_heading,
)

_MOSTLY = 0.5
_SOME_LINKS = 3
_BY = re.compile(r"(?:by|tác giả|của)\s+")


def fold(text: str) -> str:
    """Return the letters and digits of a text without case, to compare titles by."""
    composed = unicodedata.normalize("NFC", text).casefold()
    return " ".join(re.sub(r"[\W_]+", " ", composed).split())


def names_book(title: str, book_names: frozenset[str]) -> bool:
    """Tell whether a title is the book's or its author's: "By Walt Whitman".

    Args:
        title: The title.
        book_names: Title of the book and its authors, folded.
    """
    folded = fold(title)
    return folded in book_names or _BY.sub("", folded, count=1) in book_names


class TitledSection:
    """A section with its title, and its title block taken off its text.

    A title block is what stands as ordinary text, block by block, before the first real paragraph
    of a section without heading: the book's title, its author, the entry in the contents, the
    name of the part and of the chapter.

    Args:
        section: The section.
        book_names: Title of the book and its authors, folded.

    Attributes:
        section: The section.
        paragraphs: Its text without the title block.
        titles: Everything that might be its title: contents, headings, title block.
        title: The best of them; may be empty.
    """

    def __init__(self, section: Section, book_names: frozenset[str]) -> None:
        self.section = section
        self._book_names = book_names
        headings = section.opening_headings
        block_titles, taken = _title_block(section, book_names)
        self.paragraphs = section.paragraphs[taken:]
        heading = _joined([h.text for h in headings if not names_book(h.text, book_names)])
        self.titles = tuple(
            filter(None, (*section.labels, heading, *(h.text for h in headings), *block_titles))
        )
        self.title = _best_title(section.labels, [heading, *block_titles], self.titles, book_names)

    @property
    def chars(self) -> int:
        """Length of its text."""
        return sum(map(len, self.paragraphs))

    @property
    def is_unnamed(self) -> bool:
        """Whether nothing names it: no entry in the contents, heading, or type."""
        return not (self.titles or self.section.types)

    @property
    def is_titled_as_book(self) -> bool:
        """Whether all its titles are the book's or its author's."""
        return bool(self.titles) and all(names_book(t, self._book_names) for t in self.titles)

    @property
    def is_mostly_links(self) -> bool:
        """Whether most of its paragraphs are links and nothing else: a table of contents."""
        texts = [block for block in self.section.blocks if not (block.is_heading or block.is_note)]
        links = [block for block in texts if block.linked_chars >= len(block.text) - 1]
        return len(links) >= max(_SOME_LINKS, len(texts) * _MOSTLY)


def _title_block(section: Section, book_names: frozenset[str]) -> tuple[list[str], int]:
    """Return the titles in the title block, and of how many texts it is made."""
    known = {fold(label) for label in section.labels}
    titles: list[str] = []
    taken = 0
    for block in section.blocks:
        is_mark = _opens_something(block)
        is_name = fold(block.text) in known or names_book(block.text, book_names)
        if block.is_heading or block.is_note or block.is_line or not (is_mark or is_name):
            break
        taken += 1
        if is_mark and not is_part_heading(block.text):
            titles.append(_joined(block.lines))
    return titles, taken


def _opens_something(block: Block) -> bool:
    return is_chapter_heading(block.text) or is_part_heading(block.text)


def _joined(lines: Sequence[str]) -> str:
    """Return the lines of a title as one: ``Hồi 1: Người Khách Lạ``."""
    if not lines:
        return ""
    if len(lines) > 1 and is_bare_chapter_mark(lines[0]):
        return f"{lines[0]}: {' '.join(lines[1:])}"
    return lines[0] if len(lines) == 1 else " ".join(lines)


def _best_title(
    labels: Sequence[str],
    own: Sequence[str],
    everything: Sequence[str],
    book_names: frozenset[str],
) -> str:
    """Return the entry in the contents, unless the section itself says more.

    An entry that is the book's title or a part's yields to any other; an entry that is a bare
    chapter mark ("Chương 1") yields to a chapter heading with a name ("Hồi 1: Người Khách Lạ").
    """
    named = [label for label in labels if not names_book(label, book_names)]
    chosen = [label for label in named if not is_part_heading(label)] or named
    own_titles = [title for title in own if title]
    if chosen and not is_bare_chapter_mark(chosen[0]):
        return chosen[0]
    for title in own_titles:
        if not chosen or (is_chapter_heading(title) and not is_bare_chapter_mark(title)):
            return title
    return chosen[0] if chosen else next(iter(everything), "")
