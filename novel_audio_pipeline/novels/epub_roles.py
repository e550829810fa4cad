"""Deciding what each section of an EPUB is: a chapter, or something that is listed and not read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from novel_audio_pipeline.novels.epub_sections import Section
from novel_audio_pipeline.novels.epub_titles import TitledSection, fold
from novel_audio_pipeline.novels.headings import TitleKind, title_kind
from novel_audio_pipeline.novels.model import OmittedUnit

CHAPTER = "chapter"
SHORT_CHARS = 1500
TITLE_PAGE_CHARS = 2000

_WORDS_BY_ROLE = {
    "cover": "cover coverpage",
    "contents": "toc doc-toc lot loi landmarks page-list",
    "front": "titlepage title-page halftitlepage halftitle copyright-page copyright imprint "
    "imprimatur dedication doc-dedication epigraph doc-epigraph foreword doc-foreword preface "
    "doc-preface introduction doc-introduction acknowledgments acknowledgements "
    "doc-acknowledgments errata doc-errata contributors other-credits",
    "notes": "endnotes doc-endnotes footnotes rearnotes notes doc-footnote",
    "back": "colophon doc-colophon appendix doc-appendix bibliography doc-bibliography index "
    "doc-index glossary doc-glossary afterword doc-afterword credits doc-credits",
    CHAPTER: "chapter doc-chapter prologue doc-prologue epilogue doc-epilogue conclusion "
    "doc-conclusion interlude subchapter",
}
_ROLES_BY_TYPE = {word: role for role, words in _WORDS_BY_ROLE.items() for word in words.split()}
_ROLES_BY_REGION = {"frontmatter": "front", "backmatter": "back"}
_WEB = re.compile(
    r"https?://|www\.|\b[a-z0-9-]+\.(?:com|net|org|vn|info)\b|^\s*(?:nguồn|source)\s*:",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Unit:
    """A section, or several that continue each other, and what they are.

    Attributes:
        role: ``chapter`` or a role of ``OmittedUnit``.
        title: Its title; may be empty.
        place: Name of its first document.
        paragraphs: What is read of it.
        notes: How many notes stand in it.
    """

    role: str
    title: str
    place: str
    paragraphs: list[str] = field(default_factory=list)
    notes: int = 0

    def omitted(self) -> OmittedUnit:
        """Return how it is listed among what is not read."""
        return OmittedUnit(self.role, self.title, self.place, len(self.paragraphs) + self.notes)


def units_of(
    sections: Sequence[Section], *, book_title: str, author: str, toc_documents: int
) -> list[Unit]:
    """Return the units of a book in reading order.

    Front and back matter known by their titles alone count as such only before the first and
    after the last chapter. A section that nothing names (no entry, heading, type) continues the
    unit before it, if the contents name two documents or more.

    Args:
        sections: The sections in reading order.
        book_title: Title of the book, as its metadata say.
        author: Names of the authors.
        toc_documents: How many documents the table of contents names.
    """
    names = frozenset(filter(None, map(fold, [book_title, author, *author.split(", ")])))
    titled = [TitledSection(section, names) for section in sections]
    roles = [_role(section) for section in titled]
    _settle_by_position(roles)
    units: list[Unit] = []
    for section, role in zip(titled, roles, strict=True):
        continues = toc_documents > 1 and section.is_unnamed and role == CHAPTER and bool(units)
        if continues and _may_continue(units[-1], section):
            units[-1].paragraphs.extend(section.paragraphs)
            units[-1].notes += section.section.notes
        else:
            units.append(
                Unit(
                    role=role,
                    title=section.title,
                    place=section.section.place,
                    paragraphs=list(section.paragraphs),
                    notes=section.section.notes,
                )
            )
    return units


def _role(titled: TitledSection) -> str:
    """Return what the section is by itself; "front or back" and the like are settled later."""
    section = titled.section
    types = set(section.types)
    by_type = [_ROLES_BY_TYPE[word] for word in section.types if word in _ROLES_BY_TYPE]
    if section.is_licence:
        return "licence"
    if not titled.paragraphs:
        return _role_without_text(titled, by_type)
    if not section.is_linear:
        return "non-linear"
    if by_type:
        role = by_type[-1]  # the innermost element knows best
        return "back" if role == "front" and "backmatter" in types else role
    for region, role in _ROLES_BY_REGION.items():
        if region in types:
            return role
    return _role_by_title(titled)


def _role_without_text(titled: TitledSection, by_type: Sequence[str]) -> str:
    if by_type and by_type[-1] != CHAPTER:
        return by_type[-1]
    if titled.section.notes:
        return "notes"
    if not titled.section.is_linear:
        return "non-linear"
    return "part-title" if title_kind(titled.title) is TitleKind.PART else "no-text"


def _role_by_title(titled: TitledSection) -> str:
    kinds = [title_kind(title) for title in titled.titles]
    for kind in (TitleKind.CONTENTS, TitleKind.NOTES):
        if kind in kinds:
            return str(kind.value)
    if titled.is_mostly_links:
        return "contents"
    for kind in (TitleKind.FRONT_OR_BACK, TitleKind.FRONT, TitleKind.BACK):
        if kind in kinds and TitleKind.CHAPTER not in kinds:
            return f"maybe {kind.value}"
    if titled.is_titled_as_book and titled.chars < TITLE_PAGE_CHARS:
        return "maybe front"
    if titled.is_unnamed and _is_advert(titled):
        return "maybe advert"
    return CHAPTER


def _is_advert(titled: TitledSection) -> bool:
    """Tell whether a document is a few lines with a web address or a source."""
    short = titled.chars < SHORT_CHARS
    return short and any(_WEB.search(paragraph) for paragraph in titled.paragraphs)


def _settle_by_position(roles: list[str]) -> None:
    """Decide the roles that depend on whether a chapter stands before or after.

    If that leaves no chapter at all, what was only perhaps something else is a chapter.
    """
    chapters = [at for at, role in enumerate(roles) if role == CHAPTER]
    first, last = (chapters[0], chapters[-1]) if chapters else (0, -1)
    for at, role in enumerate(roles):
        if not role.startswith("maybe "):
            continue
        may_be = role.removeprefix("maybe ")
        in_front, in_back = at < first, at > last and bool(chapters)
        if in_front and may_be in ("front", "front or back", "advert"):
            roles[at] = "front" if may_be == "front or back" else may_be
        elif in_back and may_be in ("back", "front or back", "advert"):
            roles[at] = "back" if may_be == "front or back" else may_be
        else:
            roles[at] = CHAPTER


def _may_continue(before: Unit, titled: TitledSection) -> bool:
    """Tell whether an unnamed section continues a unit; a long one never hides in what is unread."""
    return before.role == CHAPTER or (
        before.role in ("front", "notes", "back") and titled.chars < SHORT_CHARS
    )
