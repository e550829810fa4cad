"""Rows of the app that gave way to ours, kept in side tables of the same database for undo.

SQLite copies the values itself, from row to row, so that they come back exactly as they were.
"""

import sqlite3

from novel_audio_pipeline.reader_app.rows import Table
from novel_audio_pipeline.reader_app.schema import Schema

_PREFIX = "novel_audio_kept_"


def has_side_tables(connection: sqlite3.Connection) -> bool:
    """Return whether publishing has begun here."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return any(str(name).startswith(_PREFIX) for (name,) in names)


def make_side_tables(connection: sqlite3.Connection, schema: Schema) -> None:
    """Make what is missing of the side tables; columns have no type, so that values stay."""
    for table, columns in schema.columns.items():
        side = _side(table)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {side} (kept_rowid INTEGER, kept_at TEXT)")
        known = _known(connection, side)
        for column in columns:
            if column not in known:
                connection.execute(f"ALTER TABLE {side} ADD COLUMN {_name(column)}")


def keep_aside(
    connection: sqlite3.Connection, schema: Schema, table: Table, rowid: int, *, kept_at: str
) -> None:
    """Move a row of the app to the side table."""
    columns = _names(schema.columns[table])
    connection.execute(
        f"INSERT INTO {_side(table)} (kept_rowid, kept_at, {columns}) "  # noqa: S608 - names are the schema's own, quoted
        f"SELECT rowid, ?, {columns} FROM {table} WHERE rowid = ?",
        (kept_at, rowid),
    )
    connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))  # noqa: S608 - as above


def kept_chapters(connection: sqlite3.Connection, schema: Schema, novel_id: str) -> set[str | None]:
    """Return the ids of the novel's chapters of which rows are kept."""
    found: set[str | None] = set()
    for table in schema.columns:
        if _known(connection, _side(table)):
            query = f"SELECT DISTINCT chapter_id FROM {_side(table)} WHERE novel_id = ?"  # noqa: S608 - as above
            found |= {chapter for (chapter,) in connection.execute(query, (novel_id,))}
    return found


def kept_novels(connection: sqlite3.Connection, schema: Schema) -> set[str]:
    """Return the ids of the novels of which rows are kept."""
    found: set[str] = set()
    for table in schema.columns:
        if _known(connection, _side(table)):
            query = f"SELECT DISTINCT novel_id FROM {_side(table)}"  # noqa: S608 - as above
            found |= {str(novel) for (novel,) in connection.execute(query)}
    return found


def restore(
    connection: sqlite3.Connection, schema: Schema, novel_id: str, chapter_id: str | None
) -> tuple[int, int]:
    """Put the rows that are kept of a chapter back, at their old places if these are free.

    Returns:
        How many came back, and how many could not, because the app has since deleted what they
        belonged to; these stay where they are.
    """
    restored = refused = 0
    for table, columns in schema.columns.items():
        side = _side(table)
        shared = [column for column in columns if column in _known(connection, side)]
        if not shared:
            continue
        query = f"SELECT rowid, kept_rowid FROM {side} WHERE novel_id = ? AND chapter_id IS ? ORDER BY rowid"  # noqa: S608 - as above
        for kept, old in connection.execute(query, (novel_id, chapter_id)).fetchall():
            if _put_back(connection, table, shared, kept=kept, old=old):
                restored += 1
            else:
                refused += 1
    return restored, refused


def drop_side_tables(connection: sqlite3.Connection, schema: Schema) -> bool:
    """Drop the side tables if nothing is kept any more; return whether they are gone."""
    sides = [_side(t) for t in schema.columns if _known(connection, _side(t))]
    for side in sides:
        if connection.execute(f"SELECT 1 FROM {side} LIMIT 1").fetchone():  # noqa: S608 - as above
            return False
    for side in sides:
        connection.execute(f"DROP TABLE {side}")
    return True


def _put_back(
    connection: sqlite3.Connection, table: Table, columns: list[str], *, kept: int, old: int
) -> bool:
    names, side = _names(columns), _side(table)
    is_taken = connection.execute(f"SELECT 1 FROM {table} WHERE rowid = ?", (old,)).fetchone()  # noqa: S608 - as above
    place, value = ("", "") if is_taken else ("rowid, ", "kept_rowid, ")
    try:
        connection.execute(
            f"INSERT INTO {table} ({place}{names}) SELECT {value}{names} FROM {side} WHERE rowid = ?",  # noqa: S608 - as above
            (kept,),
        )
    except sqlite3.IntegrityError:
        return False
    connection.execute(f"DELETE FROM {side} WHERE rowid = ?", (kept,))  # noqa: S608 - as above
    return True


def _side(table: Table) -> str:
    return _PREFIX + table


def _known(connection: sqlite3.Connection, table: str) -> set[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return {str(name) for (name,) in rows}


def _names(columns: tuple[str, ...] | list[str]) -> str:
    return ", ".join(_name(column) for column in columns)


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
