"""Starting this project's own TTS backend as a child process that never outlives its starter."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from novel_audio_pipeline.errors import BackendDownError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
_LOG_TAIL_BYTES = 2000
_LOG_BYTES = 10_000_000


class EmbeddedBackend:
    """The embedded backend on a free port of this machine, for as long as the ``with`` lasts.

    The child serves until its standard input closes, which the operating system does however the
    starter ends, SIGKILL included.
    """

    def __init__(
        self, *, cache_dir: Path, log_path: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            cache_dir: The TTS cache's folder; made if absent.
            log_path: File that the backend's log lines are added to; beyond 10 MB the old lines
                move to a second file.
            settings: Further settings for the backend, over those of the environment.
        """
        self._cache_dir = cache_dir
        self._log_path = log_path
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Start the backend and wait until it can answer; ``url`` is then its address.

        Raises:
            BackendDownError: If it ends, or does not tell its address within a minute.
        """
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        if self._log_path.exists() and self._log_path.stat().st_size > _LOG_BYTES:
            self._log_path.replace(self._log_path.with_suffix(".old.log"))
        with self._log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "novel_audio_pipeline.tts_backend", "--parent-pipe"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={
                    **os.environ,
                    **self._settings,
                    "TTS_STORAGE_DIR": str(self._cache_dir),
                    "API_HOST": "127.0.0.1",
                    "API_PORT": "0",
                },
                start_new_session=True,  # Ctrl-C is for the starter, which stops the backend last
            )
        self._process = process
        try:
            self.url = self._announced_url(process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def _announced_url(self, process: subprocess.Popen[bytes]) -> str:
        """Return the address in the one line the backend writes when it is able to answer."""
        assert process.stdout is not None  # noqa: S101  (Popen was asked for a pipe)
        lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=_read_line, args=(process.stdout, lines), daemon=True).start()
        try:
            line = lines.get(timeout=START_TIMEOUT_S)
        except queue.Empty:
            line = b""
        try:
            return str(json.loads(line)["url"])
        except (ValueError, KeyError, TypeError) as error:
            raise BackendDownError(
                f"the embedded TTS backend did not start; the end of its log, {self._log_path}: "
                f"{self._log_tail()}"
            ) from error

    def _log_tail(self) -> str:
        data = self._log_path.read_bytes()
        return data[-_LOG_TAIL_BYTES:].decode(errors="replace").strip() or "(empty)"

    def _stop(self) -> None:
        """End the backend: close the pipe it watches; kill it if it stays."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _read_line(stream: IO[bytes], lines: "queue.Queue[bytes]") -> None:
    lines.put(stream.readline())
