"""Telling somebody: the page about a failed run is handed to a program of the user's choice."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence

from novel_audio_pipeline.environment import UP_FAMILY

TIMEOUT_S = 8.0  # Dagster ends a tick after 60 s, in which it hands over up to five pages
_SHOWN_CHARS = 500


def hand_over(
    page: str,
    command: Sequence[str],
    *,
    facts: Mapping[str, str],
    timeout_s: float = TIMEOUT_S,
) -> str | None:
    """Give the page to a program as its standard input; return a sentence if that did not work.

    What the program leaves in the background goes on, and is not waited for.

    Args:
        page: The page, in Markdown.
        command: The program and its arguments; no shell is involved.
        facts: Variables for the program's environment, beside those of this one.
        timeout_s: How long it may take; then it is ended, with what it has started.
    """
    what = f"NOVEL_AUDIO_NOTIFY_COMMAND ({command[0]})"
    # What it leaves behind is not of the family of ``up``, and not ended with it.
    environ = {name: value for name, value in os.environ.items() if name != UP_FAMILY}
    # Files, for a pipe stays open as long as anything that the program has left behind.
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said:
        asked.write(page.encode())
        asked.seek(0)
        try:
            process = subprocess.Popen(
                command,
                stdin=asked,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**environ, **facts},
                start_new_session=True,
            )
        except OSError as error:
            return (
                f"{what} cannot be started: {error.strerror}; nobody was told, correct the setting"
            )
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"{what} was not done after {timeout_s:.0f} s and was ended; nobody may know"
        if status == 0:
            return None
        said.seek(0)
        words = said.read().decode(errors="replace").strip()[-_SHOWN_CHARS:] or "nothing"
        return f"{what} ended with status {status}; nobody may know. It said: {words}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and what it has started; on Windows the program alone."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it is over by now
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
