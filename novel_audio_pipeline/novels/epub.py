"""Reading an EPUB: from the file to a novel. What its parts mean is decided in the epub_ modules."""

from dataclasses import dataclass
from pathlib import Path

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.blocks import Page, read_page
from novel_audio_pipeline.novels.epub_container import EpubContainer
from novel_audio_pipeline.novels.epub_package import Package, SpineItem, TocEntry, read_package
from novel_audio_pipeline.novels.epub_roles import CHAPTER, Unit, units_of
from novel_audio_pipeline.novels.epub_sections import Section, cut_page, mark_licence
from novel_audio_pipeline.novels.language import novel_language
from novel_audio_pipeline.novels.markup import MarkupError, parse_document
from novel_audio_pipeline.novels.model import Chapter, Novel, OmittedUnit


@dataclass(slots=True)
class _Reading:
    """What is found while the documents are read."""

    sections: list[Section]
    omitted: list[OmittedUnit]
    warnings: list[str]


def read_epub(path: Path, *, novel_id: str) -> Novel:
    """Return the novel in an EPUB 2 or 3, in the order of its spine.

    Documents that the spine names but the book does not hold are left out with a warning; what is
    not read as a chapter is listed in ``omitted``.

    Args:
        path: The file.
        novel_id: The id it is given.

    Raises:
        SourceError: ``unreadable``, ``not_an_epub``, ``damaged_epub``, ``epub_too_large``,
            ``encrypted_epub``, or ``no_text`` if there is nothing to narrate.
    """
    with EpubContainer(path) as container:
        package = read_package(container)
        reading = _read_sections(container, package)
        if not container.has_mimetype:
            reading.warnings.append("the file `mimetype` is missing")
    units = units_of(
        mark_licence(reading.sections),
        book_title=package.title,
        author=package.author,
        toc_documents=len({entry.document for entry in package.toc}),
    )
    title = package.title or path.stem
    chapters = _chapters(units, title=title)
    if not chapters:
        raise SourceError(
            f"{path}: no text that could be narrated is in this EPUB (pictures only, perhaps); "
            "remove it from the novels folder",
            code="no_text",
            source=str(path),
        )
    return Novel(
        novel_id=novel_id,
        title=title,
        author=package.author,
        language=novel_language(chapters, stated=package.language),
        source=str(path),
        chapters=chapters,
        omitted=(*_omitted(units), *reading.omitted),
        warnings=(*package.warnings, *reading.warnings),
    )


def _read_sections(container: EpubContainer, package: Package) -> _Reading:
    reading = _Reading([], [], [])
    seen: set[str] = set()
    for item in package.spine:
        if item.name and item.name in seen:
            reading.warnings.append(f"the spine names {item.name} twice; it is read once")
            continue
        seen.add(item.name)
        if not item.is_document:
            reading.omitted.append(OmittedUnit("no-text", "", item.name or item.href, 0))
            continue
        page = _read_page(container, item, reading.warnings)
        if page is not None:
            reading.sections.extend(_sections(page, item, package))
    if not reading.sections and not reading.omitted:
        raise container.damaged("none of the documents that its spine names is in it")
    return reading


def _read_page(container: EpubContainer, item: SpineItem, warnings: list[str]) -> Page | None:
    """Return the document, or None with a warning if it is missing or leads outside."""
    if not item.name or item.name not in container:
        why = "is not in the book" if item.name or item.href.startswith("#") else "leads outside it"
        warnings.append(f"the spine names {item.name or item.href}, which {why}; it is left out")
        return None
    try:
        document = parse_document(container.read(item.name))
    except MarkupError as error:
        warnings.append(f"{item.name} cannot be read ({error}); it is left out")
        return None
    warnings.extend(f"{item.name} {warning}" for warning in document.warnings)
    return read_page(document.root)


def _sections(page: Page, item: SpineItem, package: Package) -> list[Section]:
    entries: list[TocEntry] = [e for e in package.toc if e.document == item.name]
    called = tuple(word for word, document in package.landmarks if document == item.name)
    known = tuple(word for word in called if word not in ("text", "start", "bodymatter", "other"))
    own = ("toc",) if item.is_navigation else page.types
    return cut_page(
        page, place=item.name, types=(*known, *own), is_linear=item.is_linear, entries=entries
    )


def _chapters(units: list[Unit], *, title: str) -> tuple[Chapter, ...]:
    read = [unit for unit in units if unit.role == CHAPTER and unit.paragraphs]
    return tuple(
        Chapter(
            number=number,
            title=unit.title or (title if len(read) == 1 else ""),
            paragraphs=tuple(unit.paragraphs),
        )
        for number, unit in enumerate(read, start=1)
    )


def _omitted(units: list[Unit]) -> list[OmittedUnit]:
    omitted: list[OmittedUnit] = []
    for unit in units:
        if unit.role != CHAPTER:
            omitted.append(unit.omitted())
        elif unit.notes:
            omitted.append(OmittedUnit("notes", unit.title, unit.place, unit.notes))
    return omitted
