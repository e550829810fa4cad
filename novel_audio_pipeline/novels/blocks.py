"""From a content document to its blocks: headings and runs of text, in reading order."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from novel_audio_pipeline.novels.markup import Element, attribute, local_name, walk

_BLOCK_NAMES = (
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav "
    "ol option p pre section summary table tbody td tfoot th thead title tr ul"
)
_UNREAD_NAMES = (
    "head script style template noscript svg math audio video object iframe rt rp case form"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "hgroup"})
_UNREAD = frozenset(_UNREAD_NAMES.split())
_UNREAD_TYPES = frozenset({"pagebreak", "doc-pagebreak"})
_NOTE_TYPES = frozenset(
    {"footnote", "endnote", "rearnote", "footnotes", "endnotes", "doc-footnote", "doc-endnotes"}
)
_DROPPED = re.compile("[\ufeff\u00ad\u200b\u2060]")

# Headings of a document without text are its text if there is more of it than a title page has.
TITLE_PAGE_CHARS = 600
# Line breaks separate paragraphs where most of a document stands in blocks of this many lines.
BROKEN_LINES = 3
_BREAK = "\n"


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, or a run of text between the borders of block elements.

    Attributes:
        is_heading: Whether it stands in h1 to h6 or hgroup.
        is_note: Whether it stands in an element that is marked as a footnote.
        lines: Its text, NFC, white space collapsed, cut at line breaks; none is empty.
        linked_chars: How many of its characters are links.
        is_line: Whether it is one line of a block that was cut at its line breaks.
    """

    is_heading: bool
    is_note: bool
    lines: tuple[str, ...]
    linked_chars: int
    is_line: bool = False

    @property
    def text(self) -> str:
        """The text in one line."""
        return " ".join(self.lines)


@dataclass(frozen=True, slots=True)
class Page:
    """A content document as blocks.

    Attributes:
        blocks: In reading order.
        anchors: Index of the block that each id stands in or before.
        types: Its epub:type and role words, from the body inwards as long as there is one child.
    """

    blocks: tuple[Block, ...]
    anchors: Mapping[str, int]
    types: tuple[str, ...]


def read_page(root: Element) -> Page:
    """Return the blocks of a document.

    Not read: head, scripts, pictures, sound, forms, ruby readings, page numbers, hidden elements,
    and the ``case`` branches of ``switch``. MathML is read by its ``alttext``.
    """
    reader = _BlockReader()
    for event, element in walk(root):
        reader.take(event, element)
    reader.flush()
    body = next((e for e in root.iter() if local_name(e) == "body"), root)
    blocks = _with_text(tuple(reader.blocks))
    if _is_broken_by_lines(blocks):
        blocks, anchors = _split_at_lines(blocks, reader.anchors)
    else:
        anchors = reader.anchors
    return Page(blocks=blocks, anchors=anchors, types=_types(body))


def plain(text: str) -> str:
    """Return NFC in one line; soft hyphen, word joiner, byte order mark, zero width space dropped."""
    composed = unicodedata.normalize("NFC", _DROPPED.sub("", text))
    return " ".join(composed.split())


class _BlockReader:
    """Collects the text of a document, run by run."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.anchors: dict[str, int] = {}
        self._run: list[str] = []
        self._linked: list[str] = []
        self._unread: Element | None = None
        self._heading: Element | None = None
        self._note: Element | None = None
        self._link: Element | None = None

    def take(self, event: str, element: Element) -> None:
        """Take one step of the walk."""
        if event == "start":
            self._enter(element)
            return
        if event == "end":
            self._leave(element)
        self._add(element.tail)  # text behind a comment counts too

    def flush(self) -> None:
        """End the run of text."""
        lines = tuple(filter(None, (plain(line) for line in "".join(self._run).split(_BREAK))))
        if lines:
            self.blocks.append(
                Block(
                    is_heading=self._heading is not None,
                    is_note=self._note is not None,
                    lines=lines,
                    linked_chars=len(plain("".join(self._linked))),
                )
            )
        self._run.clear()
        self._linked.clear()

    def _enter(self, element: Element) -> None:
        name = local_name(element)
        if self._unread is not None:
            return
        if name in _BLOCKS:
            self.flush()
        if identity := attribute(element, "id") or (attribute(element, "name") * (name == "a")):
            self.anchors.setdefault(identity, len(self.blocks))
        types = _type_words(element)
        if self._is_unread(element, name, types):
            self._unread = element
            if name == "math":
                self._add_text(attribute(element, "alttext"))
            return
        if name in _HEADINGS and self._heading is None:
            self._heading = element
        if self._note is None and _NOTE_TYPES.intersection(types):
            self.flush()
            self._note = element
        if name == "a" and attribute(element, "href"):
            self._link = element
        if name == "br":
            self._run.append(_BREAK)
        self._add(element.text)

    def _leave(self, element: Element) -> None:
        if self._unread is element:
            self._unread = None
            return
        if self._unread is not None:
            return
        if local_name(element) in _BLOCKS or self._note is element:
            self.flush()
        if self._heading is element:
            self._heading = None
        if self._note is element:
            self._note = None
        if self._link is element:
            self._link = None

    def _is_unread(self, element: Element, name: str, types: tuple[str, ...]) -> bool:
        hidden = "hidden" in element.attrib and attribute(element, "hidden") != "until-found"
        return name in _UNREAD or hidden or bool(_UNREAD_TYPES.intersection(types))

    def _add(self, text: str | None) -> None:
        if text and self._unread is None:
            self._add_text(text.replace(_BREAK, " "))

    def _add_text(self, text: str) -> None:
        self._run.append(text)
        if self._link is not None:
            self._linked.append(text)


def _type_words(element: Element) -> tuple[str, ...]:
    if not element.attrib:
        return ()
    words = " ".join(
        str(value)
        for key, value in element.attrib.items()
        if str(key) in ("role", "epub:type") or str(key).endswith("}type")
    )
    return tuple(word.rpartition(":")[2].lower() for word in words.split())


def _types(body: Element) -> tuple[str, ...]:
    """Return the type words of the body, and of its only child as long as there is only one."""
    words: list[str] = []
    element = body
    while True:
        words.extend(_type_words(element))
        children = [child for child in element if local_name(child)]
        only = children[0] if len(children) == 1 else None
        if only is None or local_name(only) not in ("section", "div", "article", "main", "nav"):
            return tuple(words)
        element = only


def _with_text(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return the blocks; where a converter made every paragraph a heading, only the first is one."""
    if len(blocks) > 1 and all(block.is_heading for block in blocks):
        rest = blocks[1:]
        if sum(len(block.text) for block in rest) > TITLE_PAGE_CHARS:
            return (blocks[0], *(replace(block, is_heading=False) for block in rest))
    return blocks


def _is_broken_by_lines(blocks: tuple[Block, ...]) -> bool:
    """Tell whether the line breaks of a document are its only paragraph marks.

    They are if more than half of its text stands in blocks of several lines each.
    """
    texts = [block for block in blocks if not block.is_heading]
    broken = [block for block in texts if len(block.lines) >= BROKEN_LINES]
    return 2 * sum(len(b.text) for b in broken) > sum(len(b.text) for b in texts)


def _split_at_lines(
    blocks: tuple[Block, ...], anchors: Mapping[str, int]
) -> tuple[tuple[Block, ...], dict[str, int]]:
    """Return the blocks with those of several lines cut at each line break, and their anchors."""
    split: list[Block] = []
    starts: list[int] = []
    for block in blocks:
        starts.append(len(split))
        if block.is_heading or len(block.lines) < BROKEN_LINES:
            split.append(block)
            continue
        share = block.linked_chars / max(1, len(block.text))
        split.extend(
            Block(
                is_heading=False,
                is_note=block.is_note,
                lines=(line,),
                linked_chars=round(share * len(line)),
                is_line=True,
            )
            for line in block.lines
        )
    starts.append(len(split))
    return tuple(split), {name: starts[index] for name, index in anchors.items()}
