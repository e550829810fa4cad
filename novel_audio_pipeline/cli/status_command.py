"""``status``: how each chapter stands."""

import time
from collections.abc import Iterable, Sequence

import click

from novel_audio_pipeline.cli.chapter_rows import (
    ChapterRow,
    chapter_document,
    print_chapters,
    row_of_status,
)
from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.printing import print_json, say
from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.narration.outcome import failures_by_message
from novel_audio_pipeline.narration.progress import LINE_INTERVAL_S
from novel_audio_pipeline.narration.status import ChapterStatus, chapter_statuses
from novel_audio_pipeline.novels.model import ChapterKey, SourceProblem
from novel_audio_pipeline.upkeep.asked import AskedNotes


@click.command("status")
@click.argument("novels", metavar="[NOVEL]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status_command(*, novels: Sequence[str], as_json: bool) -> int:
    """Show how each chapter stands: complete, incomplete, missing or stale, and what failed.

    Of some NOVELs, or of all.
    """
    context = CommandContext()
    rows: list[ChapterRow] = []
    problems: list[SourceProblem] = []
    asked = _asked(context)
    told_at = time.monotonic()
    for item in context.each_novel(novels):
        if isinstance(item, SourceProblem):
            problems.append(item)
            continue
        statuses, first = list[ChapterStatus](), len(rows)
        for status in chapter_statuses(item.scripts, context.library, asked=asked):
            statuses.append(status)
            rows.append(row_of_status(status))
            if time.monotonic() - told_at >= LINE_INTERVAL_S:
                told_at = time.monotonic()
                say(f"{len(rows)} chapters looked at")
        # Novel by novel: of a hundred, the last is looked at minutes after the first.
        if not as_json:
            print_chapters(rows[first:])
            _say_failures(statuses)
    if as_json:
        print_json(chapter_document(rows, requests=0))
    for problem in problems:
        say(problem.message)
    all_complete = all(row["state"] == "complete" for row in rows)
    return ExitStatus.DONE if all_complete and not problems else ExitStatus.INCOMPLETE


def _asked(context: CommandContext) -> frozenset[ChapterKey]:
    """Return the chapters of which something was asked for and never filed; none if nobody knows."""
    try:
        return frozenset(note.key for note in AskedNotes(context.settings.reports_dir).read())
    except StorageError:
        return frozenset()


def _say_failures(statuses: Iterable[ChapterStatus]) -> None:
    for status in statuses:
        for which, message in failures_by_message(status.failed):
            say(f"{status.key} {which}: {message}")
