"""Where the reader app is: its database, the folder it plays from, and our library. Checked here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.reader_app.database import Patience, ReaderDatabase, opened
from novel_audio_pipeline.reader_app.static_folder import StaticFolder, Symlink
from novel_audio_pipeline.settings import Settings

_DATABASE = "NOVEL_AUDIO_READER_DATABASE"
_STATIC = "NOVEL_AUDIO_READER_STATIC_ROOT"


@dataclass(frozen=True, slots=True)
class ReaderPlace:
    """Everything that publishing needs to know about the surroundings.

    Attributes:
        database: The app's SQLite file.
        static_root: The folder that the app serves as ``/static``.
        library_dir: The library.
        backup_dir: Where the copy of the database goes before the first write.
        patience: How long a locked database is waited for; None for the usual.
        symlink: Makes a link to a folder; None for the system's own.
    """

    database: Path
    static_root: Path
    library_dir: Path
    backup_dir: Path
    patience: Patience | None = None
    symlink: Symlink | None = None

    @contextmanager
    def opened(self, *, writable: bool) -> Iterator["OpenPlace"]:
        """Open the database, and check that the folders are what they must be.

        Raises:
            SettingError: If the static root is none, or overlaps the library.
            StorageError, SourceError, ReaderDatabaseBusyError: See ``database.opened``.
        """
        static = StaticFolder(self.static_root, library_dir=self.library_dir, symlink=self.symlink)
        with opened(self.database, writable=writable, patience=self.patience) as database:
            yield OpenPlace(database, static, open_library(self.library_dir), self.backup_dir)


@dataclass(frozen=True, slots=True)
class OpenPlace:
    """The surroundings while they are being worked on."""

    database: ReaderDatabase
    static: StaticFolder
    library: AudioLibrary
    backup_dir: Path


def reader_place(
    settings: Settings, *, database: Path | None = None, static_root: Path | None = None
) -> ReaderPlace:
    """Return the place that the settings name.

    Args:
        settings: Effective settings.
        database: Instead of the setting's.
        static_root: Instead of the setting's.

    Raises:
        SettingError: If either is named nowhere: then publishing is off.
    """
    database = database or settings.reader_database
    static_root = static_root or settings.reader_static_root
    missing = [
        name for name, value in ((_DATABASE, database), (_STATIC, static_root)) if value is None
    ]
    if database is None or static_root is None:
        raise SettingError(
            f"publishing to a reader app is off: {' and '.join(missing)} not set. Name the app's "
            "novels.db and the folder that it serves as /static (novel-app/storage)"
        )
    return ReaderPlace(
        database=database,
        static_root=static_root,
        library_dir=settings.library_dir,
        backup_dir=settings.home / "backups",
    )
