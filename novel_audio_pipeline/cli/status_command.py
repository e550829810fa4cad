"""``status``: how each chapter stands."""

import click

from novel_audio_pipeline.cli.chapter_rows import chapter_document, print_chapters, row_of_status
from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.printing import print_json, say
from novel_audio_pipeline.narration.status import chapter_statuses


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status_command(*, as_json: bool) -> int:
    """Show how each chapter stands: complete, incomplete, missing or stale."""
    context = CommandContext()
    survey = context.catalog.survey()
    rows = [
        row_of_status(status)
        for novel in survey.novels
        for status in chapter_statuses(context.catalog.scripts(novel.novel_id), context.library)
    ]
    if as_json:
        print_json(chapter_document(rows, requests=0))
    else:
        print_chapters(rows)
    for problem in survey.problems:
        say(problem.message)
    all_complete = all(row["state"] == "complete" for row in rows)
    return ExitStatus.DONE if all_complete and not survey.problems else ExitStatus.INCOMPLETE
