"""Small EPUBs for the tests, right or wrong in one thing."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from novel_audio_pipeline.novels.epub import read_epub
from novel_audio_pipeline.novels.model import Novel

CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>"""


def page(body: str, *, body_type: str = "") -> str:
    """Return an XHTML document with this body."""
    attribute = f' epub:type="{body_type}"' if body_type else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f"<head><title>t</title></head><body{attribute}>{body}</body></html>"
    )


def chapter(title: str, *paragraphs: str) -> str:
    """Return a document with a heading and paragraphs."""
    return page(f"<h1>{title}</h1>" + "".join(f"<p>{text}</p>" for text in paragraphs))


def package(
    spine: Sequence[str],
    *,
    title: str = "A Book",
    metadata: str = "",
    manifest: str = "",
    guide: str = "",
    nonlinear: Sequence[str] = (),
) -> str:
    """Return a package document for these documents."""
    items = "".join(
        f'<item id="i{n}" href="{href}" media-type="application/xhtml+xml"/>'
        for n, href in enumerate(spine)
    )
    references = "".join(
        f'<itemref idref="i{n}"' + (' linear="no"/>' if href in nonlinear else "/>")
        for n, href in enumerate(spine)
    )
    return (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{title}</dc:title><dc:creator>A. Writer</dc:creator>{metadata}</metadata>"
        f"<manifest>{items}{manifest}</manifest><spine>{references}</spine>{guide}</package>"
    )


def nav(*entries: tuple[str, str]) -> str:
    """Return a navigation document with these labels and links."""
    lines = "".join(f'<li><a href="{href}">{label}</a></li>' for label, href in entries)
    return page(f'<nav epub:type="toc"><ol>{lines}</ol></nav>')


NAV_ITEM = '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'


def write_epub(
    path: Path,
    documents: Mapping[str, str | bytes],
    *,
    spine: Sequence[str] | None = None,
    others: Mapping[str, str | bytes] | None = None,
    **package_parts: object,
) -> Path:
    """Write an EPUB whose spine is the documents, unless said otherwise."""
    names = [name for name in documents if name != "nav.xhtml"] if spine is None else list(spine)
    if "nav.xhtml" in documents:
        package_parts.setdefault("manifest", NAV_ITEM)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OEBPS/content.opf", package(names, **package_parts))  # type: ignore[arg-type]
        for name, data in documents.items():
            archive.writestr(f"OEBPS/{name}", data)
        for name, data in (others or {}).items():
            archive.writestr(name, data)
    return path


TWO = {"a.xhtml": chapter("Chapter 1", "One.", "Two."), "b.xhtml": chapter("Chapter 2", "Three.")}


def read(path: Path) -> Novel:
    """Read an EPUB as the novel ``book``."""
    return read_epub(path, novel_id="book")
