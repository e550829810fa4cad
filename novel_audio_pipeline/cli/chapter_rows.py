"""Chapters as ``status`` and ``narrate`` tell them, in JSON and as a table."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from novel_audio_pipeline.cli.printing import print_table
from novel_audio_pipeline.narration.outcome import ChapterOutcome, FailedParagraph
from novel_audio_pipeline.narration.status import ChapterStatus


class FailureRow(TypedDict):
    """One paragraph that failed, in the JSON of ``status`` and ``narrate``."""

    paragraph: int
    code: str
    message: str


class ChapterRow(TypedDict):
    """One chapter in the JSON of ``status`` and ``narrate``; counts are paragraphs."""

    novel_id: str
    number: int
    state: str
    paragraphs: int
    spoken: int
    kept: int
    moved: int
    skipped: int
    failed: int
    failures: list[FailureRow]
    seconds: float
    bytes: int


def row_of_status(status: ChapterStatus) -> ChapterRow:
    """Return the row of a chapter that nothing was done to."""
    return ChapterRow(
        novel_id=status.key.novel_id,
        number=status.key.number,
        state=status.state,
        paragraphs=status.paragraphs,
        spoken=0,
        kept=status.kept,
        moved=0,
        skipped=status.skipped,
        failed=len(status.failed),
        failures=_failures(status.failed),
        seconds=round(status.audio_s, 3),
        bytes=status.audio_bytes,
    )


def row_of_outcome(outcome: ChapterOutcome) -> ChapterRow:
    """Return the row of a chapter that was narrated."""
    return ChapterRow(
        novel_id=outcome.key.novel_id,
        number=outcome.key.number,
        state=outcome.state,
        paragraphs=outcome.paragraphs,
        spoken=outcome.spoken,
        kept=outcome.kept,
        moved=outcome.moved,
        skipped=outcome.skipped,
        failed=len(outcome.failed),
        failures=_failures(outcome.failed),
        seconds=round(outcome.audio_s, 3),
        bytes=outcome.audio_bytes,
    )


def chapter_document(rows: Sequence[ChapterRow], *, requests: int) -> Mapping[str, object]:
    """Return the JSON document of ``status`` and ``narrate``."""
    return {"chapters": list(rows), "requests": requests}


def _failures(failed: Sequence[FailedParagraph]) -> list[FailureRow]:
    return [FailureRow(paragraph=one.number, code=one.code, message=one.message) for one in failed]


def print_chapters(rows: Sequence[ChapterRow]) -> None:
    """Write the rows as a table."""
    print_table(
        (
            "chapter",
            "state",
            "paragraphs",
            "spoken",
            "kept",
            "moved",
            "skipped",
            "failed",
            "minutes",
        ),
        (
            (
                f"{row['novel_id']}/{row['number']:04d}",
                row["state"],
                row["paragraphs"],
                row["spoken"],
                row["kept"],
                row["moved"],
                row["skipped"],
                row["failed"],
                row["seconds"] / 60,
            )
            for row in rows
        ),
    )
