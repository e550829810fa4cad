"""``novels`` and ``script``: what is found, and what will be spoken."""

from collections.abc import Sequence

import click

from novel_audio_pipeline.cli.context import CommandContext, ScriptedNovel
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.printing import print_json, print_table, say
from novel_audio_pipeline.novels.model import ChapterKey, Novel, SourceProblem
from novel_audio_pipeline.novels.script import Script, ScriptParagraph

_SHOWN_CHARS = 70


@click.command("novels")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def novels_command(*, as_json: bool) -> int:
    """Show the novels found, their chapters, and what is wrong with the others."""
    context = CommandContext()
    found = list(context.each_novel())
    rows = [(item.novel, item.scripts) for item in found if isinstance(item, ScriptedNovel)]
    problems = [item for item in found if isinstance(item, SourceProblem)]
    if as_json:
        print_json(
            {
                "novels": [_novel_document(novel, scripts) for novel, scripts in rows],
                "problems": [
                    {"source": p.source, "code": p.code, "message": p.message} for p in problems
                ],
            }
        )
    else:
        print_table(
            ("novel", "title", "author", "language", "chapters", "paragraphs", "left out"),
            (
                (
                    novel.novel_id,
                    novel.title,
                    novel.author,
                    novel.language,
                    len(novel.chapters),
                    sum(len(chapter.paragraphs) for chapter in novel.chapters),
                    len(novel.omitted),
                )
                for novel, _ in rows
            ),
        )
        for novel, _ in rows:
            for warning in novel.warnings:
                say(f"{novel.novel_id}: {warning}")
        for problem in problems:
            say(problem.message)
    return ExitStatus.INCOMPLETE if problems else ExitStatus.DONE


@click.command("script")
@click.argument("novel")
@click.argument("chapter", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def script_command(*, novel: str, chapter: int, as_json: bool) -> int:
    """Show what will be spoken of one CHAPTER of a NOVEL."""
    context = CommandContext()
    script = context.catalog.script(chapter_key(novel, chapter))
    if as_json:
        print_json(_script_document(script))
        return ExitStatus.DONE
    print_table(
        ("", "voice", "spoken text, or why not"),
        (
            (p.number, p.voice or "-", _shortened(p.spoken_text) if p.voice else p.skip_reason)
            for p in script.paragraphs
        ),
        title=f"{script.key} {script.title}",
    )
    return ExitStatus.DONE


def chapter_key(novel: str, chapter: int) -> ChapterKey:
    """Return the key of a chapter named on the command line; a wrong id is wrong use."""
    try:
        return ChapterKey(novel, chapter)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _novel_document(novel: Novel, scripts: Sequence[Script]) -> dict[str, object]:
    return {
        "novel_id": novel.novel_id,
        "title": novel.title,
        "author": novel.author,
        "language": novel.language,
        "source": novel.source,
        "chapters": [
            {
                "number": script.key.number,
                "title": script.title,
                "paragraphs": len(script.paragraphs),
                "spoken": sum(p.skip_reason is None for p in script.paragraphs),
                "skipped": sum(p.skip_reason is not None for p in script.paragraphs),
            }
            for script in scripts
        ],
        "omitted": [
            {"role": o.role, "title": o.title, "place": o.place, "paragraphs": o.paragraphs}
            for o in novel.omitted
        ],
        "warnings": list(novel.warnings),
    }


def _script_document(script: Script) -> dict[str, object]:
    return {
        "novel_id": script.key.novel_id,
        "number": script.key.number,
        "title": script.title,
        "digest": script.digest,
        "paragraphs": [_paragraph_document(paragraph) for paragraph in script.paragraphs],
    }


def _paragraph_document(paragraph: ScriptParagraph) -> dict[str, object]:
    return {
        "number": paragraph.number,
        "text": paragraph.text,
        "spoken_text": paragraph.spoken_text,
        "skip_reason": paragraph.skip_reason,
        "voice": paragraph.voice,
        "language": paragraph.language,
        "content_key": paragraph.content_key,
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
