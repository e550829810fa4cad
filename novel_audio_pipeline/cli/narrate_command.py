"""``narrate``: makes what is missing or changed."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import click

from novel_audio_pipeline.cli.chapter_rows import (
    ChapterRow,
    chapter_document,
    print_chapters,
    row_of_outcome,
    row_of_status,
)
from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.printing import print_json, print_table, say
from novel_audio_pipeline.cli.selection import ChapterNumbers, Part, PartName, is_selected
from novel_audio_pipeline.errors import NotFoundError
from novel_audio_pipeline.narration.outcome import failures_by_message
from novel_audio_pipeline.narration.status import ChapterStatus, chapter_statuses
from novel_audio_pipeline.novels.model import SourceProblem
from novel_audio_pipeline.novels.script import Script, ScriptParagraph
from novel_audio_pipeline.novels.takes import raise_takes

_BYTES_PER_S = 44_100  # 16-bit mono at 22,050 Hz, as the embedded engine makes it


@click.command("narrate")
@click.argument("novels", metavar="[NOVEL]...", nargs=-1)
@click.option("--chapters", type=ChapterNumbers(), metavar="1-3,7", help="Only these chapters.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option(
    "--again",
    type=PartName(),
    multiple=True,
    metavar="NOVEL[/CHAPTER[/PARAGRAPH]]",
    help="Speak this anew, in another take; the old audio stays until the new is filed. "
    "May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def narrate_command(
    *,
    novels: Sequence[str],
    chapters: Sequence[range] | None,
    dry_run: bool,
    again: Sequence[Part],
    as_json: bool,
) -> int:
    """Make what is missing or changed of some NOVELs, or of all.

    What the library holds is kept. Chapters that are complete start no run.
    """
    context = CommandContext()
    if again and dry_run:
        raise click.UsageError(
            "--again changes the novel's settings; it does not go with --dry-run"
        )
    novels = novels or tuple(dict.fromkeys(part.novel_id for part in again))
    if again:
        wanted = [(part.novel_id, paragraphs_of(context, part)) for part in again]
        _select(context, novels, chapters)  # what is wrong ends it before anything is written
        for novel_id, paragraphs in wanted:
            ask_again(context, novel_id, paragraphs)
    if dry_run:
        statuses, problems = _select(context, novels, chapters)
        _print_dry_run(context, statuses, as_json=as_json)
        return ExitStatus.INCOMPLETE if problems else ExitStatus.DONE
    return narrate(context, novels=novels, chapters=chapters, as_json=as_json)


def narrate(
    context: CommandContext,
    *,
    novels: Sequence[str],
    chapters: Sequence[range] | None,
    as_json: bool,
) -> ExitStatus:
    """Narrate what is missing or changed, print what became of it, and return the exit status.

    Args:
        context: Settings, novels and library.
        novels: Ids of novels; none means all.
        chapters: Ranges of chapters; none means all.
        as_json: Whether a JSON document is printed instead of a table.

    Raises:
        NovelAudioError: What ended the narration early.
        KeyboardInterrupt: If somebody stopped it.
    """
    statuses, problems = _select(context, novels, chapters)
    results = _narrate(context, statuses)
    rows = [row for row, _ in results]
    requests = sum(requested for _, requested in results)
    if as_json:
        print_json(chapter_document(rows, requests=requests))
    else:
        print_chapters(rows)
        minutes = sum(row["seconds"] for row in rows) / 60
        say(f"{minutes:.1f} minutes of audio; {requests} synthesis requests were needed.")
    is_complete = all(row["state"] == "complete" for row in rows)
    return ExitStatus.DONE if is_complete and not problems else ExitStatus.INCOMPLETE


def paragraphs_of(context: CommandContext, part: Part) -> list[ScriptParagraph]:
    """Return the paragraphs of a part of a novel.

    Raises:
        NotFoundError: If there is no such part.
    """
    scripts = context.catalog.scripts(part.novel_id)
    chapters = [s for s in scripts if part.chapter in (None, s.key.number)]
    paragraphs = [p for s in chapters for p in s.paragraphs if part.paragraph in (None, p.number)]
    if not paragraphs:
        raise NotFoundError(
            f"{part.novel_id} has no chapter {part.chapter}"
            + (f" with a paragraph {part.paragraph}" if part.paragraph else "")
        )
    return paragraphs


def ask_again(
    context: CommandContext, novel_id: str, paragraphs: Sequence[ScriptParagraph]
) -> None:
    """Write down that paragraphs are to be spoken in another take."""
    path = context.catalog.settings_path(novel_id)
    count = raise_takes(path, paragraphs)
    say(f"{count} texts of {novel_id} are asked for in another take, noted in {path}")


def _select(
    context: CommandContext, novels: Sequence[str], chapters: Sequence[range] | None
) -> tuple[list[ChapterStatus], int]:
    """Return how the chapters meant stand, and how many sources have a problem.

    Raises:
        NotFoundError: If a novel or chapter that was named does not exist.
    """
    if novels:
        return _select_named(context, list(dict.fromkeys(novels)), chapters), 0
    selected: list[ChapterStatus] = []
    problems = found = 0
    for item in context.each_novel():
        if isinstance(item, SourceProblem):
            problems += 1
            say(item.message)
            continue
        found += 1
        selected += _statuses(context, item.scripts, chapters)
    if not found and not problems:
        say(f"no novels in {context.settings.novels_dir}; put EPUB or text files there")
    if found and chapters and not selected:
        raise NotFoundError(
            "none of the novels has a chapter in the range of --chapters; novel-audio novels lists them"
        )
    return selected, problems


def _select_named(
    context: CommandContext, novels: Sequence[str], chapters: Sequence[range] | None
) -> list[ChapterStatus]:
    """Return how the chapters of novels named stand; each must be there."""
    selected: list[ChapterStatus] = []
    for novel_id in novels:
        scripts = context.catalog.scripts(novel_id)
        _require_chapters(novel_id, [key.number for key in scripts.keys], chapters)
        selected += _statuses(context, scripts, chapters)
    return selected


def _statuses(
    context: CommandContext, scripts: Iterable[Script], chapters: Sequence[range] | None
) -> Iterator[ChapterStatus]:
    """Yield how the chapters meant of one novel stand."""
    meant = (script for script in scripts if is_selected(script.key.number, chapters))
    return chapter_statuses(meant, context.library)


def _require_chapters(
    novel_id: str, numbers: Sequence[int], chapters: Sequence[range] | None
) -> None:
    """Refuse a range whose ends the novel has not."""
    for part in chapters or ():
        for end in (part[0], part[-1]):
            if end not in numbers:
                known = f"{numbers[0]} to {numbers[-1]}" if numbers else "none"
                raise NotFoundError(f"{novel_id} has no chapter {end}; its chapters are {known}")


def _narrate(
    context: CommandContext, statuses: Sequence[ChapterStatus]
) -> list[tuple[ChapterRow, int]]:
    """Narrate what needs it; return each chapter's row and how much was asked for, in order.

    Raises:
        NovelAudioError: What ended the narration early.
    """
    context.prepare_dagster()
    # Dagster takes seconds to load, which the other commands need not wait for.
    from novel_audio_pipeline.cli.dagster_runs import DagsterRuns  # noqa: PLC0415
    from novel_audio_pipeline.cli.narration_watch import NarrationWatch  # noqa: PLC0415

    runs = DagsterRuns()
    for run_id in runs.end_dead_runs():
        say(f"run {run_id} was left by a process that is gone; it is ended")
    made = runs.materialized_digests()
    needed = [
        status
        for status in statuses
        if not (status.settled and status.state == "complete")
        or made.get(str(status.key)) != status.digest
    ]
    watch = NarrationWatch(paragraphs=sum(status.paragraphs for status in needed))
    if needed:
        with watch:
            runs.narrate({status.key: status.digest for status in needed}, listener=watch)
    if watch.error is not None:
        raise watch.error
    for outcome in watch.outcomes:
        if outcome.problem:
            say(f"{outcome.key}: {outcome.problem}")
        for which, message in failures_by_message(outcome.failed):
            say(f"{outcome.key} {which}: {message}")
        for warning in outcome.warnings:
            say(f"{outcome.key}: {warning}")
    rows = {status.key: (row_of_status(status), 0) for status in statuses}
    rows |= {outcome.key: (row_of_outcome(outcome), outcome.requests) for outcome in watch.outcomes}
    return list(rows.values())


def _print_dry_run(
    context: CommandContext, statuses: Sequence[ChapterStatus], *, as_json: bool
) -> None:
    """Print what a narration would do; the time to come is judged by the narrations so far."""
    seconds = sum(status.audio_s_to_speak for status in statuses)
    paragraphs = sum(status.to_speak for status in statuses)
    requests = sum(status.requests_to_come for status in statuses)
    request_s = _seconds_a_request(context)
    time_s = None if request_s is None else requests * request_s / context.settings.concurrency
    total = {
        "paragraphs": paragraphs,
        "moved": sum(status.to_move for status in statuses),
        "minutes": round(seconds / 60, 1),
        "bytes": round(seconds * _BYTES_PER_S),
        "seconds": None if time_s is None else round(time_s),
    }
    if as_json:
        rows = [row_of_status(status) for status in statuses]
        print_json({**chapter_document(rows, requests=0), "to_come": total})
        return
    print_table(
        ("chapter", "state", "paragraphs", "to speak", "to move", "minutes to come"),
        (
            (s.key, s.state, s.paragraphs, s.to_speak, s.to_move, s.audio_s_to_speak / 60)
            for s in statuses
        ),
    )
    say(
        f"{paragraphs} paragraphs to speak: about {_length(seconds)} of "
        f"audio, {seconds * _BYTES_PER_S / 1e6:.0f} MB; it will take "
        + ("nobody knows how long yet" if time_s is None else f"about {_length(time_s)}")
    )


def _seconds_a_request(context: CommandContext) -> float | None:
    """Return how long a request has taken so far; nothing is made where nothing was narrated yet."""
    if not context.settings.dagster_dir.is_dir():
        return None
    context.prepare_dagster()
    # Dagster takes seconds to load, which the other commands need not wait for.
    from novel_audio_pipeline.cli.dagster_runs import DagsterRuns  # noqa: PLC0415

    return DagsterRuns().seconds_a_request()


def _length(seconds: float) -> str:
    return str(timedelta(seconds=max(1, round(seconds))))
