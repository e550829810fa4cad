"""What SQLite's errors mean for people, and which of them pass by themselves."""

import sqlite3
from pathlib import Path

from novel_audio_pipeline.errors import (
    NovelAudioError,
    SourceError,
    StorageError,
    UnavailableError,
)

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class ReaderDatabaseBusyError(UnavailableError):
    """The reader app, or something else, kept its database locked for too long."""

    code = "reader_database_busy"


def is_busy(error: BaseException) -> bool:
    """Return whether somebody else holds the database locked at this moment."""
    return isinstance(error, sqlite3.OperationalError) and _code(error) in _BUSY


def explained(path: Path, error: sqlite3.Error) -> NovelAudioError:
    """Return the error to raise for one of SQLite: what, why, what to do; raise from it."""
    code = _code(error)
    if is_busy(error):
        return ReaderDatabaseBusyError(
            f"{path}: the database stayed locked by another program for too long ({error}); "
            "nothing of this chapter was changed. Close what works on it (a browser for databases, "
            "a script), and publish again"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return StorageError(
            f"{path}: the database cannot be written here ({error}); give this user the right to "
            "write the file and its folder, and publish again"
        )
    if code == sqlite3.SQLITE_FULL:
        return StorageError(f"{path}: the disk is full; free some space, and publish again")
    if code == sqlite3.SQLITE_IOERR:
        return StorageError(f"{path}: the disk reports an error ({error}); check it")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return SourceError(
            f"{path}: damaged, or no SQLite database ({error}); restore it from a backup, or name "
            "the right file",
            code="damaged_database",
            source=str(path),
        )
    return SourceError(
        f"{path}: the database refused what was asked of it ({error}); its tables may be of an app "
        "that is not known here",
        code="reader_database_refused",
        source=str(path),
    )


def _code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
