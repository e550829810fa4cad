"""What an EPUB says about itself: metadata, reading order, table of contents. No text is judged."""

from collections.abc import Iterator
from dataclasses import dataclass

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.blocks import plain
from novel_audio_pipeline.novels.epub_container import EpubContainer, resolve
from novel_audio_pipeline.novels.markup import (
    Element,
    MarkupError,
    attribute,
    local_name,
    parse_document,
    parse_xml,
    text_of,
)

_NCX_TYPE = "application/x-dtbncx+xml"
_DOCUMENT_TYPES = ("application/xhtml+xml", "text/html", "application/xml", "text/x-oeb1-document")


@dataclass(frozen=True, slots=True)
class TocEntry:
    """One line of the table of contents.

    Attributes:
        label: Its text, not empty.
        document: Name in the container.
        fragment: Id in the document; empty for the whole document.
        depth: 0 at the top.
    """

    label: str
    document: str
    fragment: str
    depth: int


@dataclass(frozen=True, slots=True)
class SpineItem:
    """One document of the reading order.

    Attributes:
        name: Name in the container; empty if the link leads outside it.
        href: The link as written.
        is_linear: False if it stands outside the reading order.
        is_document: False for a picture in the spine.
        is_navigation: Whether it is the navigation document itself.
    """

    name: str
    href: str
    is_linear: bool
    is_document: bool
    is_navigation: bool


@dataclass(frozen=True, slots=True)
class Package:
    """What the package document and the navigation say.

    Attributes:
        title: The first title, one line; may be empty.
        author: Names of the authors, joined by a comma.
        language: As stated.
        spine: In reading order.
        toc: In order; empty if there is none.
        landmarks: Type words and the document each points to, from landmarks or guide.
        warnings: Sentences about what is wrong.
    """

    title: str
    author: str
    language: str
    spine: tuple[SpineItem, ...]
    toc: tuple[TocEntry, ...]
    landmarks: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def read_package(container: EpubContainer) -> Package:
    """Return what the EPUB says about itself.

    Raises:
        SourceError: ``damaged_epub`` if the package document is missing or has no reading order.
    """
    name = container.package_name()
    try:
        root = parse_xml(container.read(name))
    except KeyError as error:
        raise container.damaged(f"its package document {name} is missing") from error
    except MarkupError as error:
        raise container.damaged(f"its package document {name} is not XML: {error}") from error
    items = {attribute(e, "id"): e for e in root.iter() if local_name(e) == "item"}
    spine = tuple(_spine(root, items, name))
    if not spine:
        raise container.damaged(f"its package document {name} names no document to read")
    toc, landmarks, warnings = _navigation(container, items, name)
    return Package(
        title=next(_texts(root, "title"), ""),
        author=", ".join(_authors(root)),
        language=next(_texts(root, "language"), ""),
        spine=spine,
        toc=toc,
        landmarks=landmarks + _guide(root, name),
        warnings=warnings,
    )


def _texts(root: Element, name: str) -> Iterator[str]:
    """Yield the metadata of this name that are not empty."""
    for element in root.iter():
        if local_name(element) == "metadata":
            for child in element.iter():
                if local_name(child) == name and (text := plain(text_of(child))):
                    yield text


def _authors(root: Element) -> list[str]:
    """Return the creators whose role is author, or all creators if no role is given."""
    creators = [e for e in root.iter() if local_name(e) == "creator" and text_of(e)]
    roles = {
        attribute(e, "refines").lstrip("#"): text_of(e)
        for e in root.iter()
        if local_name(e) == "meta" and attribute(e, "property") == "role"
    }

    def role(element: Element) -> str:
        return attribute(element, "role") or roles.get(attribute(element, "id"), "")

    chosen = [e for e in creators if role(e) in ("", "aut")] or creators
    return list(dict.fromkeys(plain(text_of(e)) for e in chosen))


def _spine(root: Element, items: dict[str, Element], package: str) -> Iterator[SpineItem]:
    for reference in root.iter():
        if local_name(reference) != "itemref":
            continue
        item = items.get(attribute(reference, "idref"))
        if item is None:
            href = f"#{attribute(reference, 'idref')}"  # named in the spine, not in the manifest
            yield SpineItem("", href, is_linear=True, is_document=True, is_navigation=False)
            continue
        href = attribute(item, "href")
        name = resolve(package, href)
        media_type = attribute(item, "media-type").lower()
        looks_so = name.lower().endswith((".xhtml", ".html", ".htm"))
        yield SpineItem(
            name=name,
            href=href,
            is_linear=attribute(reference, "linear").lower() != "no",
            is_document=media_type in _DOCUMENT_TYPES or (looks_so or not media_type),
            is_navigation="nav" in attribute(item, "properties").split(),
        )


def _guide(root: Element, package: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (attribute(e, "type").lower(), resolve(package, attribute(e, "href")))
        for e in root.iter()
        if local_name(e) == "reference"
    )


def _navigation(
    container: EpubContainer, items: dict[str, Element], package: str
) -> tuple[tuple[TocEntry, ...], tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return table of contents, landmarks and warnings: of the EPUB 3 form, else of EPUB 2."""
    toc: tuple[TocEntry, ...] = ()
    landmarks: tuple[tuple[str, str], ...] = ()
    warnings: list[str] = []
    for item in items.values():
        if "nav" in attribute(item, "properties").split():
            name = resolve(package, attribute(item, "href"))
            page = _parsed(container, name, warnings)
            if page is not None:
                toc = tuple(_nav_entries(page, name))
                landmarks = tuple(_nav_landmarks(page, name))
    if not toc:
        for item in items.values():
            if attribute(item, "media-type") == _NCX_TYPE:
                name = resolve(package, attribute(item, "href"))
                ncx = _parsed(container, name, warnings)
                toc = toc or (() if ncx is None else tuple(_ncx_entries(ncx, name)))
    return toc, landmarks, tuple(warnings)


def _parsed(container: EpubContainer, name: str, warnings: list[str]) -> Element | None:
    try:
        return parse_document(container.read(name)).root
    except KeyError:
        warnings.append(f"the table of contents {name or '(outside the book)'} is missing")
    except MarkupError as error:
        warnings.append(f"the table of contents {name} cannot be read: {error}")
    except SourceError as error:
        if error.code != "damaged_epub":
            raise
        warnings.append(f"the table of contents {name} cannot be unpacked")
    return None


def _entry(label: str, base: str, href: str, depth: int) -> Iterator[TocEntry]:
    document = resolve(base, href)
    if label and document:
        yield TocEntry(plain(label), document, href.partition("#")[2], depth)


def _navs(page: Element, kind: str) -> Iterator[Element]:
    for nav in page.iter():
        if local_name(nav) == "nav" and kind in attribute(nav, "type").split():
            yield nav


def _nav_entries(page: Element, name: str) -> Iterator[TocEntry]:
    for nav in _navs(page, "toc"):
        for link in nav.iter():
            if local_name(link) == "a":
                depth = sum(1 for above in link.iterancestors() if local_name(above) == "ol") - 1
                yield from _entry(text_of(link), name, attribute(link, "href"), depth)


def _nav_landmarks(page: Element, name: str) -> Iterator[tuple[str, str]]:
    for nav in _navs(page, "landmarks"):
        for link in nav.iter():
            if local_name(link) == "a":
                for word in attribute(link, "type").lower().split():
                    yield word.rpartition(":")[2], resolve(name, attribute(link, "href"))


def _ncx_entries(ncx: Element, name: str) -> Iterator[TocEntry]:
    for point in ncx.iter():
        if local_name(point) != "navPoint":
            continue
        depth = sum(1 for above in point.iterancestors() if local_name(above) == "navPoint")
        children = {local_name(child): child for child in point}
        label, content = children.get("navLabel"), children.get("content")
        if label is not None and content is not None:
            yield from _entry(text_of(label), name, attribute(content, "src"), depth)
