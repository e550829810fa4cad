"""Removing a file of a folder in which others write who know no lock (the existing backends)."""

import contextlib
import os
import re
import secrets
from pathlib import Path

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.instants import instant_of
from novel_audio_pipeline.tts_cache.entry import CacheEntry

_TAKEN = re.compile(r"([0-9a-f]{32}\.wav)\.expiring-[0-9a-f]{12}")


def take_away(path: Path, judged: CacheEntry) -> bool:
    """Remove the file if it is still the one that was judged; return whether it was.

    It is renamed, looked at under its new name, and unlinked; if it is another one, written since,
    it gets its name back, unless a newer one has taken that. Between the two names a reader finds
    nothing: for the time of two system calls.

    Raises:
        StorageError: If the disk refuses.
    """
    taken = path.with_name(f"{path.name}.expiring-{secrets.token_hex(6)}")
    try:
        os.rename(path, taken)
        facts = os.lstat(taken)
        if (instant_of(facts.st_mtime_ns), facts.st_size) == (judged.stored_at, judged.size_bytes):
            os.unlink(taken)
            return True
        _give_back(taken, path)
    except FileNotFoundError:  # someone else removed it
        return False
    except OSError as error:
        raise StorageError(f"cannot remove {path}: {error.strerror or error}") from error
    return False


def restore_taken(root: Path) -> None:
    """Give back what a process that died in the middle of ``take_away`` had taken.

    What is old is then found and judged like any other. Called under the folder's lock, which all
    who take hold.

    Raises:
        StorageError: If the folder cannot be read or the disk refuses.
    """
    try:
        with os.scandir(root) as found:
            taken = [(entry.path, m[1]) for entry in found if (m := _TAKEN.fullmatch(entry.name))]
        for path, name in taken:
            _give_back(Path(path), root / name)
    except OSError as error:
        raise StorageError(f"cannot tidy {root}: {error.strerror or error}") from error


def _give_back(taken: Path, path: Path) -> None:
    """Give the file its name back, unless a newer one has it: then that one stays."""
    with contextlib.suppress(FileExistsError):
        os.link(taken, path, follow_symlinks=False)
    os.unlink(taken)
