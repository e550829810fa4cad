"""Whether what is published plays: rows without file, files without row, links that dangle."""

import sqlite3
from collections.abc import Iterable, Iterator

from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.reader_app.database import app_chapter, app_chapter_numbers, app_novels
from novel_audio_pipeline.reader_app.finding import found
from novel_audio_pipeline.reader_app.library_side import texts_of
from novel_audio_pipeline.reader_app.place import OpenPlace
from novel_audio_pipeline.reader_app.plan import Judged, Verdict, judge, wav_in
from novel_audio_pipeline.reader_app.rows import SPEAKER, AppChapter, AppRow
from novel_audio_pipeline.reader_app.static_folder import Place, is_fit


def check_published(
    place: OpenPlace, novel_ids: set[str] | None = None, *, only: Iterable[ChapterKey] = ()
) -> Iterator[Finding]:
    """Yield what does not fit between the app's rows, the links and the library. Nothing is written.

    Chapters of which nothing was published are passed over.

    Args:
        place: Open.
        novel_ids: Ids as the library has them; None for all that the app has.
        only: These chapters alone; none for all.

    Raises:
        ReaderDatabaseBusyError, StorageError, SourceError: If something cannot be read.
    """
    keys = frozenset(only)
    for novel in place.database.reading(app_novels):
        if not is_fit(novel) or (novel_ids is not None and novel.lower() not in novel_ids):
            continue
        numbers = place.database.reading(lambda c, id_=novel: app_chapter_numbers(c, id_))  # type: ignore[misc]  # a default only binds the loop's variable
        for number in sorted({*numbers, *place.static.chapters(novel)}):
            key = ChapterKey(novel.lower(), number)
            if not keys or key in keys:
                yield from _chapter(place, novel, key)


def _chapter(place: OpenPlace, novel: str, key: ChapterKey) -> Iterator[Finding]:
    def read(connection: sqlite3.Connection) -> AppChapter | None:
        return app_chapter(connection, place.database.schema, novel, key.number)

    chapter = place.database.reading(read)
    standing = place.static.standing(novel, key.number)
    if standing is Place.DANGLING:
        where = place.static.chapter(novel, key.number)
        yield found("dangling_link", str(key), f"{where} leads nowhere.")
    if chapter is None:
        return
    yield from _rows(place, chapter, key)
    if standing not in (Place.OURS, Place.COPY):
        return
    held = place.library.chapter_inventory(key.novel_id, key.number, verify=False)
    judged, _ = judge(chapter, held, key=str(key), text_of=texts_of(place.library, held))
    for one in judged:
        if _is_silent(place, chapter, one):
            told = "Its audio lies where the app looks for it, and no row lists it."
            yield found("file_without_row", f"{key}/{one.paragraph.number}", told)


def _rows(place: OpenPlace, chapter: AppChapter, key: ChapterKey) -> Iterator[Finding]:
    """Yield the rows that the app lists and that lead to no file, or to another."""
    folder = place.static.chapter(chapter.novel_id, chapter.number)
    for row in chapter.rows:
        number = row.values.get("paragraph_number")
        if not (_is_listed(row) and isinstance(number, int) and number > 0):
            continue
        path = wav_in(folder, number)
        size = place.static.size_of(path)
        where = f"{key}/{number}"
        if size is None:
            code = "published_row_without_file" if row.is_ours else "app_row_without_file"
            yield found(code, where, f"{path} is not there, and a row lists it.")
        elif row.is_ours and size != row.values.get("audio_file_size", size):
            told = f"{path} has {size} bytes, not as many as its row says."
            yield found("published_file_differs", where, told)


def _is_silent(place: OpenPlace, chapter: AppChapter, one: Judged) -> bool:
    if one.verdict is not Verdict.PUBLISH or one.paragraph.number is None:
        return False
    if any(_is_listed(row) and row.is_of(one.paragraph) for row in chapter.rows):
        return False
    folder = place.static.chapter(chapter.novel_id, chapter.number)
    path = wav_in(folder, one.paragraph.number)
    return place.static.size_of(path) is not None


def _is_listed(row: AppRow) -> bool:
    """Return whether the app would list a row as audio on its disk."""
    return (
        row.table == "audio_cache"
        and row.values.get("speaker_id") == SPEAKER
        and bool(row.values.get("local_audio_path"))
    )
