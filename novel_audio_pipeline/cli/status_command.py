"""``status``: how each chapter stands."""

import click

from novel_audio_pipeline.cli.chapter_rows import (
    chapter_document,
    print_chapters,
    row_of_status,
)
from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.printing import print_json, say
from novel_audio_pipeline.narration.outcome import failures_by_message
from novel_audio_pipeline.narration.status import ChapterStatus, chapter_statuses
from novel_audio_pipeline.novels.model import SourceProblem


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status_command(*, as_json: bool) -> int:
    """Show how each chapter stands: complete, incomplete, missing or stale, and what failed."""
    context = CommandContext()
    statuses: list[ChapterStatus] = []
    problems: list[SourceProblem] = []
    for item in context.each_novel():
        if isinstance(item, SourceProblem):
            problems.append(item)
        else:
            statuses += chapter_statuses(item.scripts, context.library)
    rows = [row_of_status(status) for status in statuses]
    if as_json:
        print_json(chapter_document(rows, requests=0))
    else:
        print_chapters(rows)
        for status in statuses:
            for which, message in failures_by_message(status.failed):
                say(f"{status.key} {which}: {message}")
    for problem in problems:
        say(problem.message)
    all_complete = all(row["state"] == "complete" for row in rows)
    return ExitStatus.DONE if all_complete and not problems else ExitStatus.INCOMPLETE
