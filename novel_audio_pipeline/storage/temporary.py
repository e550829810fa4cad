"""Names of temporary files, and whose they are: ``.{final name}.{host}-{pid}-{random}.tmp``."""

import os
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psutil

TEMPORARY_LIFE = timedelta(hours=2)
MAX_HOST_CHARS = 12
# Longest that is added to a final name: two dots, host, pid of seven digits, 8 hex digits, ".tmp".
TEMPORARY_EXTRA_CHARS = 2 + MAX_HOST_CHARS + 1 + 7 + 1 + 8 + 4
_MAX_NAME_BYTES = 255
_PATTERN = re.compile(r"\..*\.(?P<host>[a-z0-9-]*)-(?P<pid>\d{1,10})-[0-9a-f]{8}\.tmp", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that makes temporary files.

    Attributes:
        host: At most ``MAX_HOST_CHARS`` of ``[a-z0-9-]``.
        pid: Its number on that host.
    """

    host: str
    pid: int


def this_process() -> Owner:
    """Return the owner that this process is. Asks the system."""
    host = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().lower())
    return Owner(host=host[-MAX_HOST_CHARS:], pid=os.getpid())


def is_alive_here(pid: int) -> bool:
    """Return whether a process of this host lives. Asks the system."""
    try:
        return psutil.pid_exists(pid)
    except OverflowError:  # a number that no process of this system can have
        return False


def temporary_name(final_name: str, owner: Owner) -> str:
    """Return a name that nobody else uses, in at most 255 bytes (the final name is cut for that)."""
    tail = f".{owner.host}-{owner.pid}-{secrets.token_hex(4)}.tmp"
    room = _MAX_NAME_BYTES - 1 - len(tail)
    stem = os.fsencode(final_name)[:room].decode("utf-8", "ignore")
    return f".{stem}{tail}"


def is_temporary(name: str) -> bool:
    """Return whether a name has the form of a temporary file."""
    return _PATTERN.fullmatch(name) is not None


def is_left_over(
    name: str,
    *,
    modified_ns: int,
    now: datetime,
    owner: Owner,
    is_alive: Callable[[int], bool] = is_alive_here,
) -> bool:
    """Return whether a temporary file can go: its owner is dead, or it is two hours old.

    Whether a process of another host lives cannot be known: its files stay for two hours. A file
    dated in the future stays as long as its owner may live.

    Args:
        name: Any file name; what has not the form is never left over.
        modified_ns: When it was last written, in nanoseconds since 1970.
        now: Timezone-aware.
        owner: Who asks, and so which host this is.
        is_alive: Whether a process of this host lives.
    """
    match = _PATTERN.fullmatch(name)
    if match is None:
        return False
    if match["host"] == owner.host and not is_alive(int(match["pid"])):
        return True
    return datetime.fromtimestamp(modified_ns / 1e9, tz=UTC) + TEMPORARY_LIFE <= now
