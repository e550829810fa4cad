"""What publishing a chapter changes, decided from what library and app have. Pure.

The text decides: a paragraph is published only where the app has, under the same number, a text
that sounds like the one that was spoken.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.library.inventory import ChapterInventory, HeldParagraph, Standing
from novel_audio_pipeline.library.layout import paragraph_folder_name, wav_name
from novel_audio_pipeline.library.record import text_key
from novel_audio_pipeline.novels.spoken_text import spoken_text
from novel_audio_pipeline.reader_app.finding import found
from novel_audio_pipeline.reader_app.rows import (
    AppChapter,
    AppParagraph,
    AppRow,
    NewRow,
    Table,
    audio_row,
    skipped_row,
)

TextOf = Callable[[int], str | None]


class Verdict(Enum):
    """What becomes of a paragraph."""

    PUBLISH = "publish"  # one row, ours
    SKIP = "skip"  # no row; the app is told why
    OTHER_TEXT = "other_text"  # the app would play another text: no row may lead there
    LEAVE = "leave"  # nothing of ours to play: what the app wrote itself stays


_GOOD = {Standing.SKIPPED: Verdict.SKIP, Standing.INTACT: Verdict.PUBLISH}


@dataclass(frozen=True, slots=True)
class Judged:
    """A paragraph of the app with what the library holds under its number."""

    paragraph: AppParagraph
    held: HeldParagraph | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ChapterPlan:
    """What publishing a chapter changes in the database, and what is wrong.

    Attributes:
        judged: Every paragraph of the app, in order.
        keep_aside: Rows of the app that go to the side table.
        withdraw: Rows of ours that go.
        write: Rows to write; those that stand already are not among them.
        findings: What is not published, and why.
    """

    judged: tuple[Judged, ...]
    keep_aside: tuple[AppRow, ...]
    withdraw: tuple[AppRow, ...]
    write: tuple[NewRow, ...]
    findings: tuple[Finding, ...]

    @property
    def changes_rows(self) -> bool:
        """Whether anything has to be written to the database."""
        return bool(self.keep_aside or self.withdraw or self.write)

    def count(self, *verdicts: Verdict) -> int:
        """Return how many paragraphs have one of these verdicts."""
        return sum(one.verdict in verdicts for one in self.judged)


def judge(
    chapter: AppChapter, held: ChapterInventory, *, key: str, text_of: TextOf
) -> tuple[tuple[Judged, ...], tuple[Finding, ...]]:
    """Return a verdict for each paragraph of the app, and why some are not published.

    Args:
        chapter: As the app has it.
        held: As the library has it.
        key: How findings name the chapter.
        text_of: The original text of a paragraph of the library, read from its record; asked only
            where the texts are not the same character by character.
    """
    findings: list[Finding] = []
    numbers = {p.text_key: n for n, p in sorted(held.paragraphs.items(), reverse=True)}
    judged = []
    for paragraph in chapter.paragraphs:
        one = held.paragraphs.get(paragraph.number or 0)
        verdict, finding = _verdict(paragraph, one, key=key, numbers=numbers, text_of=text_of)
        judged.append(Judged(paragraph, one, verdict))
        findings += finding
    beyond = sorted(set(held.paragraphs) - {p.number for p in chapter.paragraphs})
    findings += [
        found("paragraph_not_in_app", f"{key}/{number}", f"The app has no paragraph {number}.")
        for number in beyond
    ]
    return tuple(judged), tuple(findings)


def plan_chapter(
    chapter: AppChapter,
    judged: tuple[Judged, ...],
    findings: tuple[Finding, ...],
    *,
    folder: Path,
    tables: Collection[Table],
    shows_all: bool,
    now: datetime,
) -> ChapterPlan:
    """Return what publishing changes.

    Args:
        chapter: As the app has it.
        judged: From ``judge``.
        findings: From ``judge``.
        folder: Where the app finds the chapter, absolute.
        tables: Those that the database has; an old one knows nothing of progress.
        shows_all: Whether all audio of the library's chapter is, or will be, where the app looks,
            whatever its text: so it is behind a link.
        now: Aware instant, for rows that are written.
    """
    keep_aside: dict[tuple[str, int], AppRow] = {}
    withdraw: dict[tuple[str, int], AppRow] = {}
    write: list[NewRow] = []
    for one in judged:
        wanted = _wanted_row(chapter, one, folder=folder, now=now)
        standing = False
        for row in chapter.rows:
            if not row.is_of(one.paragraph):
                continue
            if wanted is not None and row.is_ours and wanted.is_as(row) and not standing:
                standing = True
            elif row.is_ours:
                withdraw[row.table, row.rowid] = row
            elif _is_replaced(row, one.verdict, shows_all=shows_all):
                keep_aside[row.table, row.rowid] = row
        if wanted is not None and not standing and wanted.table in tables:
            write.append(wanted)
    return ChapterPlan(
        judged=judged,
        keep_aside=tuple(keep_aside.values()),
        withdraw=tuple(withdraw.values()),
        write=tuple(write),
        findings=findings,
    )


def sounds_the_same(one: str, other: str) -> bool:
    """Return whether two texts are spoken alike: line breaks and composition of accents aside."""
    return one == other or spoken_text(one) == spoken_text(other)


def wav_in(folder: Path, number: int) -> Path:
    """Return where the app finds a paragraph in the folder of its chapter."""
    return folder / paragraph_folder_name(number) / wav_name(number)


def _verdict(
    paragraph: AppParagraph,
    held: HeldParagraph | None,
    *,
    key: str,
    numbers: Mapping[str | None, int],
    text_of: TextOf,
) -> tuple[Verdict, list[Finding]]:
    if paragraph.number is None:
        told = f"The app has the paragraph {paragraph.paragraph_id} without a number from 1."
        return Verdict.LEAVE, [found("paragraph_unnumbered", key, told)]
    where = f"{key}/{paragraph.number}"
    if held is None or held.standing is Standing.NOTHING:
        told = f"The library holds nothing for paragraph {paragraph.number}."
        return Verdict.LEAVE, [found("paragraph_not_in_library", where, told)]
    if not _is_same_text(paragraph, held, text_of):
        plays = held.standing is Standing.INTACT
        verdict = Verdict.OTHER_TEXT if plays else Verdict.LEAVE
        return verdict, [_difference(paragraph, where, numbers)]
    if held.standing in _GOOD:
        return _GOOD[held.standing], []
    told = f"What the library holds for it is {held.standing.value}."
    return Verdict.LEAVE, [found("audio_not_intact", where, told)]


def _is_same_text(paragraph: AppParagraph, held: HeldParagraph, text_of: TextOf) -> bool:
    if held.standing is Standing.UNREADABLE or held.text_key == text_key(paragraph.text):
        return True
    text = text_of(held.number)
    return text is not None and sounds_the_same(paragraph.text, text)


def _difference(paragraph: AppParagraph, where: str, numbers: Mapping[str | None, int]) -> Finding:
    elsewhere = numbers.get(text_key(paragraph.text))
    if elsewhere is None:
        told = "The app has another text under this number than the one that was spoken."
        return found("text_differs", where, told)
    told = f"The library holds this text under the number {elsewhere}."
    return found("number_differs", where, told)


def _wanted_row(chapter: AppChapter, one: Judged, *, folder: Path, now: datetime) -> NewRow | None:
    if one.held is None or one.paragraph.number is None:
        return None
    audio = one.held.audio
    if one.verdict is Verdict.PUBLISH and audio is not None:
        return audio_row(
            chapter,
            one.paragraph,
            sha256=audio.sha256,
            duration_s=audio.duration_s,
            size_bytes=audio.size_bytes,
            path=str(wav_in(folder, one.paragraph.number)),
            now=now,
        )
    if one.verdict is Verdict.SKIP:
        reason = one.held.skip_reason or "skipped"
        return skipped_row(chapter, one.paragraph, reason=reason, now=now)
    return None


def _is_replaced(row: AppRow, verdict: Verdict, *, shows_all: bool) -> bool:
    """Return whether a row of the app's own gives way.

    A row about audio goes if it leads to audio of ours, of this text or of another. A row about
    progress goes only where we say that the paragraph is skipped.
    """
    if row.table == "generation_progress":
        return verdict is Verdict.SKIP
    if verdict is Verdict.OTHER_TEXT:
        return shows_all
    return verdict is not Verdict.LEAVE
