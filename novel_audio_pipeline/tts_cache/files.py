"""Looking at the cache's files one by one, and unlinking them: links and folders are never ours."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.instants import instant_of
from novel_audio_pipeline.speech.request import FILE_ID_PATTERN
from novel_audio_pipeline.tts_cache.entry import CacheEntry


def files_in(folder: Path, *, is_required: bool = True) -> Iterator[tuple[str, str]]:
    """Yield name and path of the files in a folder, in the order of the disk.

    Args:
        folder: Nothing below it is looked at.
        is_required: Whether it is an error that it is missing; that its parent is, always is one.

    Raises:
        StorageError: If it cannot be read.
    """
    with storage_errors("cannot read the TTS cache folder", folder):
        try:
            found = os.scandir(folder)
        except FileNotFoundError:
            if is_required or not folder.parent.is_dir():
                raise
            return
        with found:
            for entry in found:
                if entry.is_file(follow_symlinks=False):
                    yield entry.name, entry.path


def ids_in(folder: Path, suffix: str, *, is_required: bool = True) -> Iterator[tuple[str, str]]:
    """Yield id and path of the files in a folder that are named by an id; as ``files_in``."""
    for name, path in files_in(folder, is_required=is_required):
        file_id = name.removesuffix(suffix)
        if name.endswith(suffix) and FILE_ID_PATTERN.fullmatch(file_id):
            yield file_id, path


def look(file_id: str, path: str) -> CacheEntry | None:
    """Return what the file looks like as an entry of this id, or None if there is no file.

    Raises:
        StorageError: If the disk does not say.
    """
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _storage_error("cannot look at a file of the TTS cache", path, error) from error
    return entry_of(file_id, facts) if stat.S_ISREG(facts.st_mode) else None


def entry_of(file_id: str, facts: os.stat_result) -> CacheEntry:
    """Return the entry that a file of this id, with these facts, stands for."""
    return CacheEntry(file_id, instant_of(facts.st_mtime_ns), facts.st_size)


def unlink(path: str) -> bool:
    """Unlink what is a file; return whether it was.

    Raises:
        StorageError: If the disk refuses.
    """
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return False
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _storage_error("cannot remove a file of the TTS cache", path, error) from error
    return True


@contextlib.contextmanager
def storage_errors(what: str, path: str | Path) -> Iterator[None]:
    """Raise what the disk raises as a ``StorageError`` that says what could not be done, to what."""
    try:
        yield
    except OSError as error:
        raise _storage_error(what, path, error) from error


def _storage_error(what: str, path: str | Path, error: OSError) -> StorageError:
    return StorageError(f"{what} {path}: {error.strerror or error}")
