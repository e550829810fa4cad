"""``library adopt``: takes over what the existing system wrote, without speaking it again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.findings import finding_document, wants_doing
from novel_audio_pipeline.cli.printing import print_json, print_table, say
from novel_audio_pipeline.library.adopt import (
    AdoptableChapter,
    AdoptedChapter,
    adopt_chapter,
    refuse_live_database,
    survey,
)
from novel_audio_pipeline.novels.reader_database import read_reader_database
from novel_audio_pipeline.storage.local import LocalFileStore


@click.command("adopt")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--database",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The existing system's novels.db, for paragraphs without metadata.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be taken over.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def library_adopt_command(
    *, path: Path, database: Path | None, dry_run: bool, as_json: bool
) -> int:
    """Take over audio that the existing system wrote to PATH (its storage/audio folder).

    Intact audio is copied into the library and kept while its text is the script's; nothing in PATH
    is changed (unless PATH is the library itself). Stop the existing system first. Afterwards
    novel-audio narrate speaks only what is missing.
    """
    context = CommandContext()
    now = datetime.now(UTC)
    if database is not None:
        refuse_live_database(database, now=now)
    texts = {} if database is None else _texts(database)
    source = LocalFileStore(path)
    chapters: list[AdoptableChapter] = []
    adopted: list[AdoptedChapter] = []
    for chapter in survey(source, text_of=lambda *place: texts.get(place)):
        chapters.append(chapter)
        if not dry_run:
            adopted.append(adopt_chapter(context.library, source, chapter, now=now))
    findings = [finding for chapter in chapters for finding in chapter.findings]
    if as_json:
        print_json(_document(chapters, adopted))
    else:
        _print(chapters, adopted, dry_run=dry_run)
    is_clean = bool(chapters) and not wants_doing(findings)
    return ExitStatus.DONE if is_clean else ExitStatus.INCOMPLETE


def _texts(database: Path) -> Mapping[tuple[str, int, int], str]:
    """Return the text of each paragraph of a database by novel, chapter and number."""
    return {
        (novel.novel_id, chapter.number, number): text
        for novel in read_reader_database(database)
        for chapter in novel.chapters
        for number, text in enumerate(chapter.paragraphs, start=1)
    }


def _document(
    chapters: Sequence[AdoptableChapter], adopted: Sequence[AdoptedChapter]
) -> dict[str, object]:
    done = {(one.novel_id, one.number): one for one in adopted}
    rows = []
    for chapter in chapters:
        result = done.get((chapter.novel_id, chapter.number))
        rows.append(
            {
                "novel_id": chapter.novel_id,
                "number": chapter.number,
                "title": chapter.title,
                "adoptable": len(chapter.paragraphs),
                "adopted": result.adopted if result else 0,
                "kept": result.kept if result else 0,
            }
        )
    return {
        "chapters": rows,
        "findings": [finding_document(f) for chapter in chapters for f in chapter.findings],
    }


def _print(
    chapters: Sequence[AdoptableChapter], adopted: Sequence[AdoptedChapter], *, dry_run: bool
) -> None:
    if not chapters:
        say("nothing here looks like audio of the existing system ({novel_id}/chapter_001/...)")
        return
    done = {(one.novel_id, one.number): one for one in adopted}
    print_table(
        ("novel", "chapter", "title", "intact", "adopted", "stood already"),
        ((c.novel_id, c.number, c.title, len(c.paragraphs), *_result(done, c)) for c in chapters),
    )
    for chapter in chapters:
        for finding in chapter.findings:
            say(f"{finding.code} {finding.path}: {finding.message}. {finding.advice}")
    if dry_run:
        say("Nothing was written. Without --dry-run the intact paragraphs are taken over.")
    else:
        say("Now run novel-audio narrate: it keeps what was taken over and speaks the rest.")


def _result(
    done: Mapping[tuple[str, int], AdoptedChapter], chapter: AdoptableChapter
) -> tuple[object, object]:
    result = done.get((chapter.novel_id, chapter.number))
    return (result.adopted, result.kept) if result else (None, None)
