"""Which files are sources of novels, and what tells that one changed. No content is read here."""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from novel_audio_pipeline.errors import SettingError, StorageError
from novel_audio_pipeline.novels.model import SourceFingerprint, SourceProblem


class SourceKind(Enum):
    """What a source is, by the ending of its name."""

    EPUB = ".epub"
    PLAIN_TEXT = ".txt"
    DATABASE = ".db"


_KINDS = {kind.value: kind for kind in SourceKind}
_SETTINGS_ENDING = ".toml"
_LOG_ENDINGS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Source:
    """One source.

    Attributes:
        path: The file.
        kind: What it is.
        settings_path: Its settings file, which need not exist; of a database the folder of those.
        fingerprint: Tells whether anything of this changed.
    """

    path: Path
    kind: SourceKind
    settings_path: Path
    fingerprint: SourceFingerprint


@dataclass(frozen=True, slots=True)
class FoundSources:
    """What lies in the folder.

    Attributes:
        sources: Sorted by path.
        problems: Files that are no novels.
    """

    sources: tuple[Source, ...]
    problems: tuple[SourceProblem, ...]


class NovelsFolder:
    """The folder with novels, and a reader app's database elsewhere.

    Args:
        path: The folder.
        reader_database: The database, or None.
    """

    def __init__(self, path: Path, *, reader_database: Path | None) -> None:
        self.path = path
        self._reader_database = reader_database

    def scan(self) -> FoundSources:
        """Return the sources, and the files that are none.

        Sources are ``*.epub``, ``*.txt`` and ``*.db`` directly in the folder, whatever the case.
        Hidden files, ``README*``, settings files, logs of databases and subfolders are no problem;
        any other file is one, ``not_a_novel``.

        Raises:
            SettingError: If the folder or the reader database does not exist or is not such.
            StorageError: If the folder cannot be read.
        """
        files = self._files()
        sources = [self._source(path, files) for path in files if _is_source(path, files[path])]
        if self._reader_database is not None and not self._is_among(sources):
            sources.append(self._source(self._reader_database, files, self._stat_database()))
        problems = [_not_a_novel(path) for path in files if not _is_known(path, files[path])]
        return FoundSources(
            tuple(sorted(sources, key=lambda source: str(source.path))), tuple(problems)
        )

    def _files(self) -> Mapping[Path, os.stat_result]:
        """Return the files that are not hidden, sorted, with their facts."""
        files: dict[Path, os.stat_result] = {}
        try:
            with os.scandir(self.path) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    facts = _facts(entry)
                    if facts is not None:
                        files[self.path / entry.name] = facts
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SettingError(
                f"the novels folder {self.path} does not exist or is no folder; create it, or set "
                "NOVEL_AUDIO_NOVELS_DIR to the folder with your novels"
            ) from error
        except OSError as error:
            raise StorageError(
                f"the novels folder {self.path} cannot be read ({error.strerror}); check its rights"
            ) from error
        return files

    def _stat_database(self) -> os.stat_result:
        path = self._reader_database
        try:
            if path is not None and path.is_file():
                return path.stat()
        except OSError as error:
            raise StorageError(
                f"the reader app's database {path} cannot be read ({error.strerror})"
            ) from error
        raise SettingError(
            f"the reader app's database {path} does not exist; set NOVEL_AUDIO_READER_DATABASE to "
            "the app's novels.db, or unset it"
        )

    def _is_among(self, sources: Iterable[Source]) -> bool:
        """Tell whether the reader database lies in the folder too."""
        database = self._reader_database
        if database is None or not database.exists():
            return False
        return any(database.samefile(source.path) for source in sources)

    def _source(
        self,
        path: Path,
        files: Mapping[Path, os.stat_result],
        facts: os.stat_result | None = None,
    ) -> Source:
        facts = files[path] if facts is None else facts
        kind = _KINDS.get(path.suffix.lower(), SourceKind.DATABASE)
        settings = self.path if kind is SourceKind.DATABASE else path.with_suffix(_SETTINGS_ENDING)
        stamps = [(path.name, facts.st_size, facts.st_mtime_ns)]
        if kind is SourceKind.DATABASE:
            stamps.extend(_log_stamp(path))
            stamps.extend(_stamps(files, _settings_of_databases(files)))
        else:
            stamps.extend(_stamps(files, [settings]))
        fingerprint = SourceFingerprint(
            path=str(path),
            size_bytes=facts.st_size,
            modified_at=datetime.fromtimestamp(facts.st_mtime, tz=UTC),
            stamps=tuple(stamps),
        )
        return Source(path, kind, settings, fingerprint)


def _stamps(
    files: Mapping[Path, os.stat_result], paths: Sequence[Path]
) -> list[tuple[str, int, int]]:
    return [(p.name, files[p].st_size, files[p].st_mtime_ns) for p in paths if p in files]


def _log_stamp(database: Path) -> list[tuple[str, int, int]]:
    """Return the stamp of the write-ahead log; an empty log is none."""
    log = database.with_name(database.name + "-wal")
    try:
        facts = log.stat()
    except OSError:
        return []
    return [(log.name, facts.st_size, facts.st_mtime_ns)] if facts.st_size else []


def _settings_of_databases(files: Mapping[Path, os.stat_result]) -> list[Path]:
    """Return the settings files that belong to no file source: those of novels of databases."""
    owned = {
        path.with_suffix(_SETTINGS_ENDING)
        for path in files
        if _KINDS.get(path.suffix.lower()) in (SourceKind.EPUB, SourceKind.PLAIN_TEXT)
    }
    return [p for p in files if p.suffix.lower() == _SETTINGS_ENDING and p not in owned]


def _facts(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return the facts of a file that is not hidden; of a link to nothing, those of the link."""
    try:
        return None if entry.name.startswith(".") or entry.is_dir() else entry.stat()
    except FileNotFoundError:
        return entry.stat(follow_symlinks=False) if entry.is_symlink() else None


def _is_source(path: Path, facts: os.stat_result) -> bool:
    """Tell whether this is a file (or a link to nothing, which is reported when it is read)."""
    is_file = stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode)
    return is_file and path.suffix.lower() in _KINDS and not _is_readme(path)


def _is_readme(path: Path) -> bool:
    return path.name.lower().startswith("readme")


def _is_known(path: Path, facts: os.stat_result) -> bool:
    name = path.name.lower()
    return (
        _is_source(path, facts)
        or path.suffix.lower() == _SETTINGS_ENDING
        or _is_readme(path)
        or name.endswith(_LOG_ENDINGS)
    )


def _not_a_novel(path: Path) -> SourceProblem:
    return SourceProblem(
        source=str(path),
        code="not_a_novel",
        message=f"{path}: not a novel: novels end in .epub, .txt or .db; "
        "convert it, or take it out of the novels folder",
    )
