"""Which tables and columns a reader app's database has: of this app, of an older version, or not."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.reader_app.rows import Table

TABLES: tuple[Table, ...] = ("audio_cache", "generation_progress")

_IDENTITY = {"id", "novel_id", "chapter_id", "chapter_number", "paragraph_id", "paragraph_number"}
_NEEDED = {
    "novels": {"id", "title"},
    "chapters": {"id", "novel_id", "chapter_number"},
    "paragraphs": {"id", "novel_id", "chapter_id", "paragraph_number", "text"},
    "audio_cache": _IDENTITY | {"tts_file_id", "speaker_id", "expires_at", "created_at"},
}
# Came with a later version of the app; without it the app asks its TTS backend and not the disk.
_LOCAL_PATH = "local_audio_path"
_PROGRESS_NEEDED = _IDENTITY | {"status", "created_at"}


@dataclass(frozen=True, slots=True)
class Schema:
    """What the database has.

    Attributes:
        columns: In order, of each of the two tables that we write; a table that an older version
            has not, or not so that it can be written, is missing.
    """

    columns: Mapping[Table, tuple[str, ...]]


def recognised(connection: sqlite3.Connection, path: Path) -> Schema:
    """Return what the database has.

    Raises:
        SourceError: ``not_a_reader_database``, or ``older_reader_database`` if it is of a version
            of the app that cannot play files from the disk.
    """
    for table, needed in _NEEDED.items():
        if missing := needed - set(_columns(connection, table)):
            raise SourceError(
                f"{path}: not the database of a reader app: its table {table} has no "
                f"{', '.join(sorted(missing))}; name the app's novels.db",
                code="not_a_reader_database",
                source=str(path),
            )
    audio = _columns(connection, "audio_cache")
    if _LOCAL_PATH not in audio:
        raise SourceError(
            f"{path}: of a version of the reader app that plays nothing from the disk (audio_cache "
            f"has no {_LOCAL_PATH}); run the app's migrate_database script, then publish again",
            code="older_reader_database",
            source=str(path),
        )
    progress = _columns(connection, "generation_progress")
    columns: dict[Table, tuple[str, ...]] = {"audio_cache": audio}
    if set(progress) >= _PROGRESS_NEEDED:
        columns["generation_progress"] = progress
    return Schema(columns)


def _columns(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return tuple(str(name) for (name,) in rows)
