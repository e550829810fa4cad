"""``library publish``: lets a reader app play the library, and takes that back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.findings import finding_document, print_findings, wants_doing
from novel_audio_pipeline.cli.printing import print_json, print_table, say
from novel_audio_pipeline.errors import NotFoundError
from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.reader_app.check import check_published
from novel_audio_pipeline.reader_app.library_side import chapter_numbers
from novel_audio_pipeline.reader_app.outcome import PublishedChapter
from novel_audio_pipeline.reader_app.place import OpenPlace, ReaderPlace, reader_place
from novel_audio_pipeline.reader_app.publish import Publisher
from novel_audio_pipeline.reader_app.undo import undo


@dataclass(frozen=True, slots=True)
class _Published:
    """What became of everything that was to be published."""

    chapters: tuple[PublishedChapter, ...]
    findings: tuple[Finding, ...]
    backup: str | None


@click.command("publish")
@click.argument("novels", metavar="[NOVEL]...", nargs=-1)
@click.option(
    "--reader-database",
    type=click.Path(path_type=Path),
    help="The reader app's novels.db; else NOVEL_AUDIO_READER_DATABASE.",
)
@click.option(
    "--static-root",
    type=click.Path(path_type=Path),
    help="The folder that the app serves as /static; else NOVEL_AUDIO_READER_STATIC_ROOT.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be done, and what is wrong.")
@click.option("--undo", "is_undo", is_flag=True, help="Take back what was published.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def library_publish_command(
    *,
    novels: Sequence[str],
    reader_database: Path | None,
    static_root: Path | None,
    dry_run: bool,
    is_undo: bool,
    as_json: bool,
) -> int:
    """Let a reader app play the library: NOVELs by their ids, or all that the app has.

    Writes a link for each chapter and a row for each paragraph whose text is the app's; the app may
    be running. Its database is copied before the first write. Exit status 1 if something is not
    published or does not play.
    """
    if is_undo and dry_run:
        raise click.UsageError("--undo and --dry-run do not go together")
    context = CommandContext()
    place = reader_place(context.settings, database=reader_database, static_root=static_root)
    if is_undo:
        return _undo(place, novels, as_json=as_json)
    _require_held(context, novels)
    done = _publish(context, place, novels, dry_run=dry_run)
    if not dry_run:
        _report(context, done.chapters)
    _print(done, as_json=as_json, dry_run=dry_run)
    is_all = all(chapter.state == "published" for chapter in done.chapters)
    is_clean = is_all and not wants_doing(done.findings) and not _unknown(done, novels)
    return ExitStatus.DONE if is_clean else ExitStatus.INCOMPLETE


def _require_held(context: CommandContext, novels: Sequence[str]) -> None:
    known = context.library.novel_ids()
    for novel in novels:
        if novel not in known:
            raise NotFoundError(
                f"the library has no novel {novel!r}; it has: {', '.join(known) or 'none'}"
            )


def _publish(
    context: CommandContext, reader: ReaderPlace, novels: Sequence[str], *, dry_run: bool
) -> _Published:
    novel_ids = list(dict.fromkeys(novels)) or context.library.novel_ids()
    chapters: list[PublishedChapter] = []
    findings: list[Finding] = []
    with reader.opened(writable=not dry_run) as place:
        publisher = Publisher(place, now=lambda: datetime.now(UTC), dry_run=dry_run)
        for novel_id in novel_ids:
            if (missing := publisher.missing(novel_id)) is not None:
                findings.append(missing)
                continue
            keys = (ChapterKey(novel_id, n) for n in chapter_numbers(place.library, novel_id))
            for chapter in publisher.publish(keys):
                chapters.append(chapter)
                findings += chapter.findings
        findings += _playing(place, {chapter.key.novel_id for chapter in chapters})
        return _Published(tuple(chapters), tuple(dict.fromkeys(findings)), publisher.backup)


def _playing(place: OpenPlace, novel_ids: set[str]) -> list[Finding]:
    """Return what does not play of the novels that were looked at."""
    return list(check_published(place, novel_ids)) if novel_ids else []


def _undo(reader: ReaderPlace, novels: Sequence[str], *, as_json: bool) -> ExitStatus:
    with reader.opened(writable=True) as place:
        done = list(undo(place, set(novels) or None))
    findings = [finding for novel in done for finding in novel.findings]
    if as_json:
        rows = [
            {
                "novel_id": novel.novel_id,
                "rows_removed": novel.removed,
                "rows_restored": novel.restored,
                "links_removed": novel.links,
            }
            for novel in done
        ]
        print_json({"novels": rows, "findings": [finding_document(f) for f in findings]})
    else:
        print_table(
            ("novel", "rows removed", "rows restored", "links removed"),
            ((n.novel_id, n.removed, n.restored, n.links) for n in done),
        )
        print_findings(findings)
    return ExitStatus.INCOMPLETE if wants_doing(findings) else ExitStatus.DONE


def _report(context: CommandContext, chapters: Sequence[PublishedChapter]) -> None:
    """Let the UI show what was published."""
    changed = [c for c in chapters if c.changed and c.state == "published"]
    if not changed:
        return
    context.prepare_dagster()
    # Dagster takes seconds to load, which the other commands need not wait for.
    from novel_audio_pipeline.defs.reader_app_events import report_published  # noqa: PLC0415

    report_published(changed)


def _unknown(done: _Published, novels: Sequence[str]) -> bool:
    """Return whether a novel that was named is none of the app's."""
    published = {chapter.key.novel_id for chapter in done.chapters}
    return not published.issuperset(novels)


def _print(done: _Published, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json(
            {
                "chapters": [_row(chapter) for chapter in done.chapters],
                "findings": [finding_document(finding) for finding in done.findings],
                "backup": done.backup,
            }
        )
        return
    print_table(
        ("chapter", "state", "audio", "skipped", "withheld", "written", "replaced", "link"),
        (
            (c.key, c.state, c.audio, c.skipped, c.withheld, c.written, c.replaced, c.link)
            for c in done.chapters
        ),
    )
    print_findings(done.findings)
    if done.backup:
        say(f"The database as it was before is in {done.backup}")
    if dry_run:
        say("Nothing was written. Without --dry-run it is.")


def _row(chapter: PublishedChapter) -> dict[str, object]:
    return {
        "novel_id": chapter.key.novel_id,
        "number": chapter.key.number,
        "state": chapter.state,
        "audio": chapter.audio,
        "skipped": chapter.skipped,
        "withheld": chapter.withheld,
        "rows_written": chapter.written,
        "rows_replaced": chapter.replaced,
        "rows_withdrawn": chapter.withdrawn,
        "link": chapter.link,
        "seconds": round(chapter.seconds, 3),
        "bytes": chapter.size_bytes,
    }
