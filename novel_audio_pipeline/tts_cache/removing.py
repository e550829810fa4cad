"""Removing an entry's two files, also where others write who know no lock (the existing backends).

Always under the folder's lock, and in two steps: the WAV, if it is still the one that was judged; then,
seen to be gone, its record.
"""

import contextlib
import os
import re
import secrets
from pathlib import Path

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.instants import instant_of
from novel_audio_pipeline.tts_cache.entry import CacheEntry
from novel_audio_pipeline.tts_cache.files import look, storage_errors, unlink

_TAKEN = re.compile(r"([0-9a-f]{32})\.wav\.expiring-[0-9a-f]{12}")


def taken_id(name: str) -> str | None:
    """Return the ``file_id`` of what ``take_away`` has under this name; None if it is no such name."""
    match = _TAKEN.fullmatch(name)
    return None if match is None else match[1]


def remove_wav(wav: str, judged: CacheEntry, *, is_shared_with_others: bool) -> bool:
    """Remove the WAV, which a look just now showed as judged; return whether it was still there.

    Args:
        wav: Where it lies.
        judged: As it was seen.
        is_shared_with_others: Whether somebody may have replaced it since: then it is taken aside
            before it is looked at once more.

    Raises:
        StorageError: If the disk refuses.
    """
    if is_shared_with_others:
        return take_away(Path(wav), judged)
    try:
        os.unlink(wav)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageError(f"cannot remove {wav}: {error.strerror or error}") from error
    return True


def confirm_removal(
    wav: str, record: str | None, judged: CacheEntry, *, is_shared_with_others: bool
) -> None:
    """See that the WAV is gone, and remove its record.

    Where it is shared and a WAV has the name again, that is another one, and the record may be of that.

    Args:
        wav: Where it lay.
        record: Where its record lies; None if that is not ours to remove.
        judged: As for ``remove_wav``.
        is_shared_with_others: As for ``remove_wav``.

    Raises:
        StorageError: If it is still there, or the disk refuses.
    """
    if look(judged.file_id, wav) is None:
        if record is not None:
            unlink(record)
    elif not is_shared_with_others:
        raise StorageError(f"{wav} is still there after it was removed")


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

    What is old is then found and judged like any other; what cannot be given back stays, and is seen
    as a removal that was interrupted. Called under the folder's lock, which all who take hold.

    Raises:
        StorageError: If the folder cannot be read.
    """
    with storage_errors("cannot tidy the TTS cache folder", root), os.scandir(root) as found:
        taken = [
            (entry.path, file_id)
            for entry in found
            if (file_id := taken_id(entry.name)) and entry.is_file(follow_symlinks=False)
        ]
    for path, file_id in taken:
        with contextlib.suppress(OSError):
            _give_back(Path(path), root / f"{file_id}.wav")


def _give_back(taken: Path, path: Path) -> None:
    """Give the file its name back, unless a newer one has it: then that one stays."""
    try:
        os.link(taken, path, follow_symlinks=False)
    except FileExistsError:
        pass
    except OSError:
        if not os.path.lexists(path):  # a file system without hard links, or it is gone
            os.rename(taken, path)
            return
    os.unlink(taken)
