"""Undoing: our rows and links go, the rows that gave way to them come back."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.reader_app.copies import remove_copies
from novel_audio_pipeline.reader_app.database import app_novels, delete
from novel_audio_pipeline.reader_app.finding import found
from novel_audio_pipeline.reader_app.place import OpenPlace
from novel_audio_pipeline.reader_app.rows import AppRow
from novel_audio_pipeline.reader_app.schema import Schema
from novel_audio_pipeline.reader_app.side_tables import (
    drop_side_tables,
    kept_chapters,
    kept_novels,
    restore,
)
from novel_audio_pipeline.reader_app.static_folder import Place, is_fit


@dataclass(frozen=True, slots=True)
class UndoneNovel:
    """What became of one novel.

    Attributes:
        novel_id: The app's id.
        removed: Rows of ours that went.
        restored: Rows of the app that came back.
        links: Links and folders of copies that went.
        findings: What could not be undone.
    """

    novel_id: str
    removed: int
    restored: int
    links: int
    findings: tuple[Finding, ...]


def undo(place: OpenPlace, novel_ids: set[str] | None) -> Iterator[UndoneNovel]:
    """Undo publishing, a chapter in each transaction, and yield what became of each novel.

    What the app has written since stays. When nothing is kept any more the side tables go too.

    Args:
        place: Open and writable.
        novel_ids: Ids as the library has them; None for all.

    Raises:
        ReaderDatabaseBusyError: If the database stays locked; run it again.
        StorageError, SourceError: If the database or a folder cannot be read or written.
    """
    schema = place.database.schema
    novels = place.database.reading(lambda c: {*app_novels(c), *kept_novels(c, schema)})
    for novel in sorted(novels):
        if novel_ids is None or novel.strip().lower() in novel_ids:
            done = _undo_novel(place, novel)
            if done.removed or done.restored or done.links or done.findings:
                yield done
    place.database.writing(lambda c: drop_side_tables(c, schema))


def _undo_novel(place: OpenPlace, novel: str) -> UndoneNovel:
    schema = place.database.schema
    removed = restored = refused = 0
    for chapter in place.database.reading(lambda c: _chapters(c, schema, novel)):
        counts = place.database.writing(lambda c, id_=chapter: _undo_chapter(c, schema, novel, id_))  # type: ignore[misc]  # a default only binds the loop's variable
        removed, restored, refused = (
            a + b for a, b in zip((removed, restored, refused), counts, strict=True)
        )
    findings = []
    if refused:
        told = f"{refused} rows of the app could not come back."
        findings.append(found("row_not_restored", novel, told))
    links, left = _remove_links(place, novel)
    return UndoneNovel(novel, removed, restored, links, (*findings, *left))


def _undo_chapter(
    connection: sqlite3.Connection, schema: Schema, novel: str, chapter: str | None
) -> tuple[int, int, int]:
    ours = list(_our_rows(connection, schema, novel, chapter))
    for row in ours:
        delete(connection, row)
    restored, refused = restore(connection, schema, novel, chapter)
    return len(ours), restored, refused


def _chapters(connection: sqlite3.Connection, schema: Schema, novel: str) -> list[str | None]:
    """Return the ids of the chapters that have a row of ours, or rows that are kept."""
    found_ids = kept_chapters(connection, schema, novel)
    for table in schema.columns:
        query = f"SELECT DISTINCT chapter_id FROM {table} WHERE novel_id = ?"  # noqa: S608 - tables are constants of schema.py
        found_ids |= {chapter for (chapter,) in connection.execute(query, (novel,))}
    return sorted(found_ids, key=str)


def _our_rows(
    connection: sqlite3.Connection, schema: Schema, novel: str, chapter: str | None
) -> Iterator[AppRow]:
    for table in schema.columns:
        query = (
            f"SELECT rowid, id, paragraph_id FROM {table} WHERE novel_id = ? AND chapter_id IS ?"  # noqa: S608 - as above
        )
        for rowid, row_id, paragraph in connection.execute(query, (novel, chapter)):
            row = AppRow(table, rowid, {"id": row_id, "paragraph_id": paragraph})
            if row.is_ours:
                yield row


def _remove_links(place: OpenPlace, novel: str) -> tuple[int, list[Finding]]:
    if not is_fit(novel):
        return 0, []
    gone = 0
    findings: list[Finding] = []
    for number in place.static.chapters(novel):
        standing = place.static.standing(novel, number)
        if standing in (Place.OURS, Place.DANGLING):
            place.static.remove_link(novel, number)
            gone += 1
        elif standing is Place.COPY:
            name = place.static.chapter(novel, number).name
            if remove_copies(place.static, PurePosixPath(novel) / name):
                gone += 1
            else:
                told = f"{name} holds files that were changed or added since; they stay."
                findings.append(found("copy_changed", f"{novel.lower()}/{number:04d}", told))
            place.static.remove_novel_if_empty(novel)
    return gone, findings
