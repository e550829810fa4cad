"""Telling somebody: the page about a failed run is handed to a program of the user's choice."""

import os
import subprocess
from collections.abc import Mapping, Sequence

TIMEOUT_S = 30.0
_SHOWN_CHARS = 500


def hand_over(
    page: str,
    command: Sequence[str],
    *,
    facts: Mapping[str, str],
    timeout_s: float = TIMEOUT_S,
) -> str | None:
    """Give the page to a program as its standard input; return a sentence if that did not work.

    Args:
        page: The page, in Markdown.
        command: The program and its arguments; no shell is involved.
        facts: Variables for the program's environment, beside those of this one.
        timeout_s: How long it may take; then it is ended.
    """
    what = f"NOVEL_AUDIO_NOTIFY_COMMAND ({command[0]})"
    try:
        done = subprocess.run(
            command,
            input=page.encode(),
            env={**os.environ, **facts},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{what} was not done after {timeout_s:.0f} s and was ended; nobody may know"
    except OSError as error:
        return f"{what} cannot be started: {error.strerror}; nobody was told, correct the setting"
    if done.returncode == 0:
        return None
    said = done.stdout.decode(errors="replace").strip()[-_SHOWN_CHARS:] or "nothing"
    return f"{what} ended with status {done.returncode}; nobody may know. It said: {said}"
