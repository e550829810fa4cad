"""A copy of the app's database, made before anything is written to it."""

import os
from datetime import UTC, datetime
from pathlib import Path

from novel_audio_pipeline.reader_app.database import ReaderDatabase
from novel_audio_pipeline.storage.calls import FileCalls
from novel_audio_pipeline.storage.problems import explained
from novel_audio_pipeline.storage.temporary import temporary_name, this_process


def back_up(database: ReaderDatabase, folder: Path, *, now: datetime) -> Path:
    """Copy the database as of one moment, durably, and return the copy's path.

    The app may be writing meanwhile. The copy's name does not end in ``.db``, so that it is no
    source of novels wherever it is put.

    Args:
        database: Open.
        folder: Where the copy goes; made if need be.
        now: Aware instant, for the copy's name.

    Raises:
        StorageError: If the copy cannot be written.
        ReaderDatabaseBusyError, SourceError: If the database cannot be read.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    copy = folder / f"{database.path.name}.{stamp}.backup"
    temporary = folder / temporary_name(copy.name, this_process())
    calls = FileCalls()
    with explained("write the backup", str(copy)):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            database.copy_to(temporary)
            descriptor = calls.open_to_sync(str(temporary))
            try:
                calls.sync_file(descriptor)
            finally:
                calls.close(descriptor)
            os.replace(temporary, copy)
        finally:
            temporary.unlink(missing_ok=True)
        calls.sync_folder(str(folder))
    return copy
