"""Parsing XML and XHTML that may be wrong or hostile. The only place that knows lxml.

No network, no DTD, no entity is ever expanded: a document type declaration is cut off before the
parser sees it.
"""

import html
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from novel_audio_pipeline.novels.decoding import decode_markup

Element = etree._Element

_XML_DECLARATION = re.compile(r"<\?xml\b[^>]*>")
_DOCTYPE_BEGINS = re.compile(r"<!DOCTYPE\b", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE\b[^\[>]*(\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL)
_ENTITY_DECLARATION = re.compile(r"<!ENTITY\b", re.IGNORECASE)
_NAMED_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#([xX][0-9A-Fa-f]+|[0-9]+);?")
_MOST_DIGITS = 8
_XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})


class MarkupError(Exception):
    """A document cannot be parsed; the caller knows which, and says so."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document.

    Attributes:
        root: Its root element.
        warnings: What was mended, each the end of a sentence that begins with its name.
    """

    root: Element
    warnings: tuple[str, ...]


def parse_xml(data: bytes) -> Element:
    """Return the root of an XML document (package, container, NCX), mended where it is broken.

    Raises:
        MarkupError: If nothing can be made of it.
    """
    text = _without_declarations(decode_markup(data).text)
    for recover in (False, True):
        root = _parse(_characters_for_entities(text), recover=recover)
        if root is not None:
            return root
    raise MarkupError("no element can be found in it")


def parse_document(data: bytes) -> Document:
    """Return a content document: as XML if it is well-formed, else as a browser would read it.

    Raises:
        MarkupError: If there is no element in it.
    """
    decoded = decode_markup(data)
    warnings = list(decoded.warnings)
    if _ENTITY_DECLARATION.search(decoded.text):
        warnings.append("declares entities of its own; they are not expanded")
    text = _without_declarations(decoded.text)
    root = _parse(_characters_for_entities(text), recover=False)
    if root is None:
        warnings.append("is not well-formed; it was read as HTML")
        root = _parse_html(text)
    if root is None:
        raise MarkupError("no element can be found in it")
    return Document(root=root, warnings=tuple(warnings))


def local_name(element: Element) -> str:
    """Return the name of an element without namespace; empty for a comment or the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Element, name: str) -> str:
    """Return an attribute by its name without namespace or prefix; empty if absent."""
    for key, value in element.attrib.items():
        if re.split("[}:]", str(key))[-1] == name:
            return str(value)
    return ""


def text_of(element: Element) -> str:
    """Return all text in an element, white space collapsed."""
    return " ".join("".join(map(str, element.itertext("*"))).split())


def walk(element: Element) -> Iterator[tuple[str, Element]]:
    """Yield ``start`` and ``end`` of the element and all below it, however deep."""
    for event, node in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        yield str(event), node


def _without_declarations(text: str) -> str:
    """Return the text without declarations and without characters that XML does not have."""
    text = text.lstrip()
    if declaration := _XML_DECLARATION.match(text):
        text = text[declaration.end() :]
    begins = _DOCTYPE_BEGINS.search(text)
    whole = _DOCTYPE.match(text, begins.start()) if begins else None
    if whole is not None:
        text = text[: whole.start()] + text[whole.end() :]
    return _REFERENCE.sub(_possible_reference, _NO_XML.sub("", text))


def _possible_reference(match: re.Match[str]) -> str:
    """Return a numeric reference as it is, or U+FFFD if no XML text can hold its character."""
    digits = match[1].lstrip("xX")
    code = int(digits, 16 if digits != match[1] else 10) if len(digits) <= _MOST_DIGITS else -1
    is_character = 0 <= code <= sys.maxunicode and not _NO_XML.match(chr(code))
    return match[0] if is_character else "\ufffd"


def _characters_for_entities(text: str) -> str:
    """Return the text with the characters that HTML's named entities stand for."""

    def character(match: re.Match[str]) -> str:
        return match[0] if match[1] in _XML_ENTITIES else html.unescape(match[0])

    return _NAMED_ENTITY.sub(character, text)


def _parse(text: str, *, recover: bool) -> Element | None:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=recover,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.strip(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _parse_html(text: str) -> Element | None:
    parser = etree.HTMLParser(no_network=True, huge_tree=False, remove_pis=True)
    try:
        return etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
