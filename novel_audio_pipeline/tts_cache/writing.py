"""Writing files of the cache whole or not at all, and clearing what dead writers left.

Nothing here is synced: the cache is temporary, and a file that a crash cut short is noticed by its
size when it is read.
"""

import contextlib
import os
import re
import secrets
import socket
import sys
from datetime import datetime, timedelta
from pathlib import Path

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.instants import instant_of
from novel_audio_pipeline.tts_cache.watch import WATCH_NAME

LEFTOVER_AGE = timedelta(hours=2)
_TEMPORARY = re.compile(
    rf"\.(?:[0-9a-f]{{32}}\.(?:wav|json)|{re.escape(WATCH_NAME)})"
    r"\.(?P<host>[A-Za-z0-9_.-]{1,64})-(?P<pid>[0-9]{1,10})-[0-9a-f]{12}\.tmp"
)


def host_name() -> str:
    """Return this machine's name as it stands in temporary names."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", socket.gethostname())[:64] or "host"


def temporary_name(final_name: str) -> str:
    """Return ``.{final name}.{host}-{pid}-{random}.tmp``, new at every call."""
    return f".{final_name}.{host_name()}-{os.getpid()}-{secrets.token_hex(6)}.tmp"


def is_temporary(name: str) -> bool:
    """Return whether a name has the form of a temporary file of ours."""
    return _TEMPORARY.fullmatch(name) is not None


def is_leftover(name: str, *, modified_at: datetime, now: datetime) -> bool:
    """Return whether a file is a temporary file of ours whose writer is dead.

    A writer on this machine is dead when no process has its number; any other, or one whose number
    was given out again, after two hours. A name that is not ours is never a leftover.
    """
    match = _TEMPORARY.fullmatch(name)
    if match is None:
        return False
    if now - modified_at >= LEFTOVER_AGE:
        return True
    return match["host"] == host_name() and not _process_exists(int(match["pid"]))


def is_leftover_file(path: str, *, now: datetime) -> bool:
    """Return the same of a file as it lies there; False if it is gone."""
    try:
        modified_at = instant_of(os.lstat(path).st_mtime_ns)
    except FileNotFoundError:
        return False
    return is_leftover(os.path.basename(path), modified_at=modified_at, now=now)


def write_whole(*files: tuple[Path, bytes], dated: datetime) -> None:
    """Write files under temporary names, date them, and then rename them into place, in order.

    None gets its name before all are written, so that a full disk leaves what stood there. The names
    are given one after the other: if the disk refuses one, those before it have theirs already.

    Raises:
        StorageError: If one cannot be written, or not get its name; no temporary file is left then.
    """
    dated_ns = int(dated.timestamp()) * 10**9 + dated.microsecond * 1000
    temporaries = [path.parent / temporary_name(path.name) for path, _ in files]
    try:
        try:
            for temporary, (_, data) in zip(temporaries, files, strict=True):
                with temporary.open("xb") as file:
                    file.write(data)
                os.utime(temporary, ns=(dated_ns, dated_ns))
            for temporary, (path, _) in zip(temporaries, files, strict=True):
                temporary.replace(path)
        except BaseException:
            for temporary in temporaries:
                with contextlib.suppress(OSError):
                    temporary.unlink()
            raise
    except OSError as error:
        path, data = files[-1]
        raise StorageError(
            f"cannot store {path.name} ({len(data)} bytes) in the TTS cache folder {path.parent}: "
            f"{error.strerror or error}. Free space there, or set TTS_STORAGE_DIR to another folder"
        ) from error


def _process_exists(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill(pid, 0) ends the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
