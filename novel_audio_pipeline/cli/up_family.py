"""The processes of one ``up``: found by a mark in their environment, and ended together.

A process whose parent was killed is nobody's child any more; what it was started with it keeps.
Run as a module, it waits until standard input closes, which the operating system does however the
starter ends, SIGKILL included, and then ends the family.
"""

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from novel_audio_pipeline.cli.printing import say
from novel_audio_pipeline.environment import UP_FAMILY
from novel_audio_pipeline.errors import UnavailableError

MARK = UP_FAMILY
STOP_TIMEOUT_S = 20.0
_KILLING_ROUNDS = 3


def family(mark: str) -> list[psutil.Process]:
    """Return the living processes whose mark begins so, this one left out."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(MARK, "").startswith(mark):
                found.append(process)
    return found


def end_family(mark: str) -> None:
    """Ask every process of the family to end; kill what has not ended in time, name what stays.

    Asked all at once, a run files what it has downloaded while the backend finishes what it speaks.
    """
    members = family(mark)
    for member in members:
        with contextlib.suppress(psutil.Error):
            member.terminate()
    psutil.wait_procs(members, timeout=STOP_TIMEOUT_S)
    for _ in range(_KILLING_ROUNDS):  # what stayed, and what was started meanwhile
        if not (left := family(mark)):
            return
        for member in left:
            with contextlib.suppress(psutil.Error):
                member.kill()
        psutil.wait_procs(left, timeout=STOP_TIMEOUT_S)
    if left := family(mark):
        stayed = ", ".join(str(member.pid) for member in left)
        say(f"novel-audio: processes of up stayed, or come back: {stayed}; end what starts them")


def mark_of(records: Path) -> str:
    """Return how the marks of a records folder begin.

    Its path is not enough: another container may have another folder under the same one.
    """
    found = records.stat()
    return f"{found.st_dev}:{found.st_ino}|"


@contextlib.contextmanager
def watched_family(records: Path) -> Iterator[str]:
    """Yield a mark; end its family when the ``with`` is left, or if this process is killed before.

    Args:
        records: The folder of Dagster's records, of which there is one family at a time: what is
            left of one whose ``up`` and watcher were killed together is ended first.

    Raises:
        UnavailableError: If another living ``up`` has these records.
    """
    lock = FileLock(records / "up.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UnavailableError(
            f"another novel-audio up works on Dagster's records in {records}; stop that one first, "
            "or give this one other records, with NOVEL_AUDIO_HOME or NOVEL_AUDIO_DAGSTER_DIR"
        ) from None
    end_family(mark_of(records))
    mark = mark_of(records) + secrets.token_hex(8)
    watcher = subprocess.Popen(
        [sys.executable, "-m", __name__, mark], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield mark
    finally:
        end_family(mark)
        assert watcher.stdin is not None  # noqa: S101  (Popen was asked for a pipe)
        watcher.stdin.close()
        watcher.wait()
        lock.release()


if __name__ == "__main__":
    sys.stdin.buffer.read()
    end_family(sys.argv[1])
