"""Reading the SQLite database of a reader app, which may be writing to it. Never writes."""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.blocks import plain
from novel_audio_pipeline.novels.language import novel_language
from novel_audio_pipeline.novels.model import Chapter, Novel, OmittedUnit
from novel_audio_pipeline.novels.novel_id import is_novel_id, novel_id_of_name

BUSY_TIMEOUT_S = 5.0
_ATTEMPTS = 3
_HEADER = b"SQLite format 3\0"
_NEEDED = {
    "novels": {"id", "title"},
    "chapters": {"id", "novel_id", "chapter_number", "title"},
    "paragraphs": {"novel_id", "chapter_id", "paragraph_number", "text"},
}
# The index of the log cannot be used: read-only folder, other user.
_NO_INDEX = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)

T = TypeVar("T")


def read_reader_database(path: Path, *, novel_id: str | None = None) -> list[Novel]:
    """Return the novels of a reader app's database, by their ids; or those with one id.

    The text of a paragraph is the row's ``text`` as it is; the number of a chapter is the app's.
    Columns that older versions of the app do not have are not needed.

    Raises:
        SourceError: ``unreadable``, ``not_a_reader_database``, ``damaged_database`` or
            ``database_busy``.
    """

    def novels(connection: sqlite3.Connection) -> list[Novel]:
        rows = _rows(connection, "SELECT * FROM novels ORDER BY id")
        wanted = [row for row in rows if novel_id in (None, _novel_id(row["id"]))]
        return [_novel(connection, row, path) for row in wanted]

    return _read(path, novels)


def novel_ids_in(path: Path) -> list[str]:
    """Return the ids of the novels in a reader app's database, without reading their text.

    Raises:
        SourceError: As ``read_reader_database``.
    """

    def ids(connection: sqlite3.Connection) -> list[str]:
        return [
            _novel_id(row["id"]) for row in _rows(connection, "SELECT id FROM novels ORDER BY id")
        ]

    return _read(path, ids)


def _read(path: Path, action: Callable[[sqlite3.Connection], T]) -> T:
    """Return what the action reads from one state of the database; nothing is created beside it.

    If the app is at work (a write-ahead log and its index lie beside), the database is opened as
    one more reader. If only a log is there (the app crashed, or the files were copied), database
    and log are read from a temporary copy. Else the file is read as immutable, so that a folder
    that is read-only does no harm. A file that changes while it is read so is read again.
    """
    _check_header(path)
    for _ in range(_ATTEMPTS):
        before = _state(path)
        is_live = _log(path, "-wal") in before and _log(path, "-shm").exists()
        try:
            result = _read_live(path, action) if is_live else _read_quiet(path, action)
        except sqlite3.DatabaseError as error:
            if is_live or _state(path) == before:
                raise _unreadable(path, error) from error
            continue
        if is_live or _state(path) == before:
            return result
    raise SourceError(
        f"{path}: the database kept changing while it was read; try again in a moment",
        code="database_busy",
        source=str(path),
    )


def _read_live(path: Path, action: Callable[[sqlite3.Connection], T]) -> T:
    try:
        with closing(_connected(path, "mode=ro")) as connection:
            connection.execute("BEGIN")  # one state for all that is read
            return action(_checked(connection, path))
    except sqlite3.OperationalError as error:
        if _error_code(error) not in _NO_INDEX:
            raise
        return _read_copy(path, action)


def _read_quiet(path: Path, action: Callable[[sqlite3.Connection], T]) -> T:
    if _size(_log(path, "-wal")) > 0:
        return _read_copy(path, action)
    with closing(_connected(path, "mode=ro&immutable=1")) as connection:
        return action(_checked(connection, path))


def _read_copy(path: Path, action: Callable[[sqlite3.Connection], T]) -> T:
    with tempfile.TemporaryDirectory(prefix="novel-audio-") as folder:
        copy = Path(folder) / "copy.db"
        try:
            shutil.copyfile(path, copy)
            shutil.copyfile(_log(path, "-wal"), _log(copy, "-wal"))
        except OSError as error:
            raise _not_read(path, error) from error
        with closing(_connected(copy, "mode=rw")) as connection:
            return action(_checked(connection, path))


def _connected(path: Path, options: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?{options}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def _checked(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Return the connection if the database has the tables of a reader app."""
    for table, needed in _NEEDED.items():
        columns = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
        if missing := needed - columns:
            raise SourceError(
                f"{path}: not the database of a reader app: its table {table} has no "
                f"{', '.join(sorted(missing))}; remove the file, or name the right one",
                code="not_a_reader_database",
                source=str(path),
            )
    return connection


def _check_header(path: Path) -> None:
    try:
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
    except OSError as error:
        raise _not_read(path, error) from error
    if header != _HEADER:
        raise SourceError(
            f"{path}: not an SQLite database; remove the file, or name the right one",
            code="not_a_reader_database",
            source=str(path),
        )


def _state(path: Path) -> Mapping[Path, tuple[int, int]]:
    """Return size and modification time of the database and its log."""
    state: dict[Path, tuple[int, int]] = {}
    for file in (path, _log(path, "-wal")):
        try:
            facts = file.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _not_read(path, error) from error
        if file == path or facts.st_size:
            state[file] = (facts.st_size, facts.st_mtime_ns)
    return state


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _log(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _not_read(path: Path, error: OSError) -> SourceError:
    message = f"{path}: cannot be read ({error.strerror}); check the file and its rights"
    return SourceError(message, code="unreadable", source=str(path))


def _unreadable(path: Path, error: sqlite3.DatabaseError) -> SourceError:
    if _error_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return SourceError(
            f"{path}: the reader app holds this database locked ({error}); try again in a moment",
            code="database_busy",
            source=str(path),
        )
    return SourceError(
        f"{path}: damaged database ({error}); restore it from a backup",
        code="damaged_database",
        source=str(path),
    )


def _error_code(error: sqlite3.DatabaseError) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _rows(connection: sqlite3.Connection, query: str, *values: object) -> list[sqlite3.Row]:
    return connection.execute(query, values).fetchall()


def _novel(connection: sqlite3.Connection, row: sqlite3.Row, path: Path) -> Novel:
    chapters: list[Chapter] = []
    omitted: list[OmittedUnit] = []
    warnings: list[str] = []
    query = (
        "SELECT id, chapter_number, title FROM chapters WHERE novel_id = ? ORDER BY chapter_number"
    )
    for chapter in _rows(connection, query, row["id"]):
        number = chapter["chapter_number"]
        title = plain(str(chapter["title"] or ""))
        texts = _rows(
            connection,
            "SELECT text FROM paragraphs WHERE novel_id = ? AND chapter_id = ? "
            "ORDER BY paragraph_number, rowid",
            row["id"],
            chapter["id"],
        )
        place = f"chapter {number}"
        if not texts or not isinstance(number, int) or number < 1:
            omitted.append(OmittedUnit("no-text", title, place, len(texts)))
            warnings.append(f"{place} has no paragraph or no number; it is left out")
            continue
        chapters.append(Chapter(number, title, tuple(str(t["text"] or "") for t in texts)))
    metadata = _metadata(row)
    return Novel(
        novel_id=_novel_id(row["id"]),
        title=plain(str(row["title"] or "")),
        author=_text_in(metadata, "author"),
        language=novel_language(chapters, stated=_text_in(metadata, "language")),
        source=str(path),
        chapters=tuple(chapters),
        omitted=tuple(omitted),
        warnings=tuple(warnings),
    )


def _novel_id(value: object) -> str:
    """Return the app's uuid in lower case, or a slug of it if it is no fit id."""
    text = str(value).strip().lower()
    return text if is_novel_id(text) else novel_id_of_name(text)


def _metadata(row: sqlite3.Row) -> Mapping[str, object]:
    """Return the metadata column, which holds JSON; empty if there is none or it is wrong."""
    if "metadata" not in row.keys():  # noqa: SIM118  a row iterates over its values
        return {}
    try:
        metadata = json.loads(row["metadata"] or "{}")
    except (TypeError, ValueError, RecursionError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _text_in(metadata: Mapping[str, object], key: str) -> str:
    value = metadata.get(key)
    return value.strip() if isinstance(value, str) else ""
