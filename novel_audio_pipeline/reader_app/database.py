"""The reader app's database while the app is running: read, and written in short transactions."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import tenacity

from novel_audio_pipeline.errors import SourceError, StorageError
from novel_audio_pipeline.reader_app.rows import AppChapter, AppParagraph, AppRow, NewRow
from novel_audio_pipeline.reader_app.schema import Schema, recognised
from novel_audio_pipeline.reader_app.sqlite_errors import explained, is_busy

_T = TypeVar("_T")

PATIENCE = timedelta(seconds=60)
_PAUSE_S = 0.02  # at most, before the second attempt; then more
_LONGEST_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a locked database is waited for.

    Attributes:
        busy_timeout: What SQLite waits for by itself at each attempt. Short, for it looks more and
            more rarely: under a busy writer many short attempts come through sooner than a long one.
        altogether: After which no further attempt is made.
        sleep: Waits for some seconds between attempts.
    """

    busy_timeout: timedelta = timedelta(milliseconds=100)
    altogether: timedelta = PATIENCE
    sleep: Callable[[float], None] = time.sleep


class ReaderDatabase:
    """A connection to the database; ``opened`` makes and closes it.

    Attributes:
        path: The file.
        schema: Its tables and columns.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, patience: Patience) -> None:
        """Take over a connection without automatic transactions."""
        self._connection = connection
        self._patience = patience
        self.path = path
        self.schema = self.reading(lambda open_: recognised(open_, path))

    def reading(self, action: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what an action reads from one state of the database.

        Raises:
            ReaderDatabaseBusyError: If it stays locked.
            StorageError, SourceError: If it cannot be read; see ``sqlite_errors``.
        """
        return self._patiently("BEGIN", action)

    def writing(self, action: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run an action in one transaction that holds the write lock from its beginning.

        The action may be run again if the database turns out to be locked, so it must start from
        what it reads itself.

        Raises:
            ReaderDatabaseBusyError: If it stays locked; nothing of the action was done.
            StorageError, SourceError: If it cannot be written; see ``sqlite_errors``.
        """
        return self._patiently("BEGIN IMMEDIATE", action)

    def copy_to(self, target: Path) -> None:
        """Copy the whole database, as of one moment, into a new file.

        Raises:
            ReaderDatabaseBusyError, StorageError, SourceError: As ``reading``.
        """

        def copy(connection: sqlite3.Connection) -> None:
            connection.execute("SELECT 1 FROM novels LIMIT 1").fetchone()  # takes the read lock
            copied = sqlite3.connect(target, isolation_level=None)
            try:
                connection.backup(copied)
                (verdict,) = copied.execute("PRAGMA quick_check(1)").fetchone()
            finally:
                copied.close()
            if verdict != "ok":
                raise SourceError(
                    f"{self.path}: damaged database ({verdict}); restore it from a backup",
                    code="damaged_database",
                    source=str(self.path),
                )

        self.reading(copy)

    def _patiently(self, begin: str, action: Callable[[sqlite3.Connection], _T]) -> _T:
        retrying = tenacity.Retrying(
            sleep=self._patience.sleep,
            stop=tenacity.stop_after_delay(self._patience.altogether.total_seconds()),
            wait=tenacity.wait_random_exponential(multiplier=_PAUSE_S, max=_LONGEST_PAUSE_S),
            retry=tenacity.retry_if_exception(is_busy),
            reraise=True,
        )
        try:
            result: _T = retrying(self._transaction, begin, action)
        except sqlite3.Error as error:
            raise explained(self.path, error) from error
        return result

    def _transaction(self, begin: str, action: Callable[[sqlite3.Connection], _T]) -> _T:
        self._connection.execute(begin)
        try:
            result = action(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result


@contextmanager
def opened(
    path: Path, *, writable: bool, patience: Patience | None = None
) -> Iterator[ReaderDatabase]:
    """Open the database of a reader app, which may be at work on it; close it at the end.

    Args:
        path: The file.
        writable: Whether it will be written; if not, nothing can be.
        patience: How long a lock is waited for.

    Raises:
        StorageError: If there is no such file, or it cannot be opened.
        SourceError: If it is no database of a reader app; see ``recognised``.
        ReaderDatabaseBusyError: If it stays locked.
    """
    patience = patience or Patience()
    if not path.is_file():
        raise StorageError(
            f"{path}: there is no such file; name the reader app's database, novels.db"
        )
    uri = f"file:{quote(str(path.absolute()))}?mode={'rw' if writable else 'ro'}"
    try:
        connection = sqlite3.connect(
            uri, uri=True, timeout=patience.busy_timeout.total_seconds(), isolation_level=None
        )
    except sqlite3.Error as error:
        raise explained(path, error) from error
    try:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        _execute(connection, path, "PRAGMA foreign_keys = ON")
        yield ReaderDatabase(connection, path, patience)
    finally:
        connection.close()


def app_novels(connection: sqlite3.Connection) -> list[str]:
    """Return the ids of all novels as the app writes them."""
    return [str(novel) for (novel,) in connection.execute("SELECT id FROM novels ORDER BY id")]


def app_chapter_numbers(connection: sqlite3.Connection, novel_id: str) -> list[int]:
    """Return the numbers of a novel's chapters in the app, from 1."""
    query = "SELECT chapter_number FROM chapters WHERE novel_id = ? ORDER BY chapter_number"
    return [n for (n,) in connection.execute(query, (novel_id,)) if isinstance(n, int) and n > 0]


def app_chapter(
    connection: sqlite3.Connection, schema: Schema, novel_id: str, number: int
) -> AppChapter | None:
    """Return what the app knows of a chapter, or None if it knows none of this number."""
    query = "SELECT id FROM chapters WHERE novel_id = ? AND chapter_number = ? ORDER BY rowid"
    found = connection.execute(query, (novel_id, number)).fetchone()
    if found is None:
        return None
    (chapter_id,) = found
    query = (
        "SELECT id, paragraph_number, text FROM paragraphs WHERE novel_id = ? AND chapter_id = ? "
        "ORDER BY paragraph_number, rowid"
    )
    return AppChapter(
        novel_id=novel_id,
        chapter_id=str(chapter_id),
        number=number,
        paragraphs=tuple(
            AppParagraph(str(paragraph_id), _number(position), str(text or ""))
            for paragraph_id, position, text in connection.execute(query, (novel_id, chapter_id))
        ),
        rows=tuple(_rows(connection, schema, novel_id, str(chapter_id), number)),
    )


def insert(connection: sqlite3.Connection, schema: Schema, row: NewRow) -> None:
    """Write a row; values for columns that this database has not are left out."""
    known = schema.columns.get(row.table, ())
    values = {column: value for column, value in row.values.items() if column in known}
    if not values:
        return
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(
        f"INSERT INTO {row.table} ({names}) VALUES ({marks})",  # noqa: S608 - table and columns are constants of rows.py
        tuple(values.values()),
    )


def delete(connection: sqlite3.Connection, row: AppRow) -> None:
    """Remove a row."""
    connection.execute(f"DELETE FROM {row.table} WHERE rowid = ?", (row.rowid,))  # noqa: S608 - as above


def _rows(
    connection: sqlite3.Connection, schema: Schema, novel_id: str, chapter_id: str, number: int
) -> Iterator[AppRow]:
    for table, columns in schema.columns.items():
        query = (
            f"SELECT rowid, * FROM {table} WHERE novel_id = ? "  # noqa: S608 - as above
            "AND (chapter_id = ? OR (chapter_id IS NULL AND chapter_number = ?)) ORDER BY rowid"
        )
        for rowid, *values in connection.execute(query, (novel_id, chapter_id, number)):
            yield AppRow(table, rowid, dict(zip(columns, values, strict=True)))


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _execute(connection: sqlite3.Connection, path: Path, statement: str) -> None:
    try:
        connection.execute(statement)
    except sqlite3.Error as error:
        raise explained(path, error) from error
