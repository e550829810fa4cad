"""Everything that lies in a cache folder, ours or not: what the rules of upkeep judge. Reads only."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.instants import instant_of
from novel_audio_pipeline.speech.request import FILE_ID_PATTERN
from novel_audio_pipeline.tts_cache.entry import CacheEntry
from novel_audio_pipeline.tts_cache.folder import LOCK_NAME, METADATA_FOLDER
from novel_audio_pipeline.tts_cache.removing import taken_id
from novel_audio_pipeline.tts_cache.watch import WATCH_NAME
from novel_audio_pipeline.tts_cache.writing import is_temporary


class SeenKind(Enum):
    """What a name in the cache folder stands for."""

    AUDIO = "audio"  # {file_id}.wav
    RECORD = "record"  # metadata/{file_id}.json
    EXPIRING = "expiring"  # {file_id}.wav.expiring-*: a removal that was interrupted
    TEMPORARY = "temporary"  # being written, or left by a writer that died
    UNKNOWN = "unknown"  # not ours: never touched


@dataclass(frozen=True, slots=True)
class SeenFile:
    """One name in the cache folder.

    Attributes:
        name: Relative to the folder, ``metadata/`` included.
        kind: What it stands for.
        file_id: Of an entry; empty for TEMPORARY and UNKNOWN.
        modified_at: Its own date, aware UTC.
        size_bytes: Its size.
    """

    name: str
    kind: SeenKind
    file_id: str
    modified_at: datetime
    size_bytes: int

    def as_entry(self) -> CacheEntry:
        """Return it in the form that the rule of expiry judges."""
        return CacheEntry(self.file_id, self.modified_at, self.size_bytes)


def survey(root: Path, *, with_records_of_audio: bool = True) -> Iterator[SeenFile]:
    """Yield what lies in the folder and in its ``metadata/``; nothing below, no link followed.

    The folder's own lock and watch are left out. What goes meanwhile is left out.

    Args:
        root: The cache folder.
        with_records_of_audio: Whether records whose audio was seen are wanted; half of all looks
            are saved without them.

    Raises:
        StorageError: If a folder cannot be read, or the root is missing.
    """
    has_metadata = False
    audio: set[str] = set()
    for entry in _scan(root, required=True):
        if entry.name == METADATA_FOLDER and entry.is_dir(follow_symlinks=False):
            has_metadata = True
        elif entry.name not in (LOCK_NAME, WATCH_NAME):
            seen = _seen(entry, _kind_in_root(entry.name), entry.name)
            if seen is not None:
                yield seen
                if seen.kind is SeenKind.AUDIO:
                    audio.add(seen.file_id)
    if not has_metadata:
        return
    for entry in _scan(root / METADATA_FOLDER, required=False):
        kind, file_id = _kind_in_metadata(entry.name)
        is_of_audio = kind is SeenKind.RECORD and file_id in audio
        if is_of_audio and not with_records_of_audio and entry.is_file(follow_symlinks=False):
            continue
        seen = _seen(entry, (kind, file_id), f"{METADATA_FOLDER}/{entry.name}")
        if seen is not None:
            yield seen


def _kind_in_root(name: str) -> tuple[SeenKind, str]:
    if name.endswith(".wav") and FILE_ID_PATTERN.fullmatch(file_id := name[:-4]):
        return SeenKind.AUDIO, file_id
    if taken := taken_id(name):
        return SeenKind.EXPIRING, taken
    return (SeenKind.TEMPORARY if is_temporary(name) else SeenKind.UNKNOWN), ""


def _kind_in_metadata(name: str) -> tuple[SeenKind, str]:
    if name.endswith(".json") and FILE_ID_PATTERN.fullmatch(file_id := name[:-5]):
        return SeenKind.RECORD, file_id
    return (SeenKind.TEMPORARY if is_temporary(name) else SeenKind.UNKNOWN), ""


def _scan(folder: Path, *, required: bool) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from found
    except FileNotFoundError as error:
        if required:
            raise _storage_error("read", folder, error) from error
    except OSError as error:
        raise _storage_error("read", folder, error) from error


def _seen(entry: os.DirEntry[str], kind: tuple[SeenKind, str], name: str) -> SeenFile | None:
    try:
        facts = entry.stat(follow_symlinks=False)
        is_file = entry.is_file(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _storage_error("look at", Path(entry.path), error) from error
    seen_kind, file_id = kind if is_file else (SeenKind.UNKNOWN, "")
    return SeenFile(name, seen_kind, file_id, instant_of(facts.st_mtime_ns), facts.st_size)


def _storage_error(what: str, path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot {what} {path} in the TTS cache: {error.strerror or error}. Look whether its disk "
        "is mounted and this user may read it, or set TTS_STORAGE_DIR"
    )
