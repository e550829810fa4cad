"""This project's own TTS backend as a child process: kept alive, never outliving its starter."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import urlsplit

from novel_audio_pipeline.errors import BackendDownError
from novel_audio_pipeline.instants import instant_text

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
MAX_RESTARTS = 5  # a backend that dies more often is broken; who waits for it then gives up
STEADY_S = 600.0  # one that has lived so long is not: what came before is forgotten
RESTART_WAIT_S = 5.0  # before the second restart; twice, three times as long before the next ones
_LOOK_EVERY_S = 0.5
_LOG_TAIL_BYTES = 2000
_LOG_BYTES = 10_000_000


class EmbeddedBackend:
    """The embedded backend on a free port of this machine, for as long as the ``with`` lasts.

    The child serves until its standard input closes, which the operating system does however the
    starter ends, SIGKILL included. If it dies before, it is started again at the same address, up
    to five times: whoever asks it waits for it as for any backend that is down.
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
        self._ending = threading.Event()
        self._lock = threading.Lock()  # over the two above: nothing is started once it is ending
        self.url = ""

    def __enter__(self) -> Self:
        """Start the backend and wait until it can answer; ``url`` is then its address.

        Raises:
            BackendDownError: If it ends, or does not tell its address within a minute.
        """
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        if self._log_path.exists() and self._log_path.stat().st_size > _LOG_BYTES:
            self._log_path.replace(self._log_path.with_suffix(".old.log"))
        self._process = self._spawned(port=0)
        try:
            self.url = self._announced_url(self._process)
        except BaseException:
            self._stop()
            raise
        threading.Thread(target=self._keep_alive, name="embedded-backend", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def _spawned(self, *, port: int) -> subprocess.Popen[bytes]:
        with self._log_path.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "novel_audio_pipeline.tts_backend", "--parent-pipe"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={
                    **os.environ,
                    **self._settings,
                    "TTS_STORAGE_DIR": str(self._cache_dir),
                    "API_HOST": "127.0.0.1",
                    "API_PORT": str(port),
                },
                start_new_session=True,  # Ctrl-C is for the starter, which stops the backend last
            )

    def _keep_alive(self) -> None:
        """Start the backend again whenever it dies before it is told to end; runs in a thread."""
        port = urlsplit(self.url).port or 0
        restarts = 0
        while (process := self._process) is not None:
            since = time.monotonic()
            # Not wait(): it holds a lock for as long, and would never give it back to a program that
            # ends meanwhile, where threads like this one just stop.
            while (status := process.poll()) is None:
                if self._ending.wait(_LOOK_EVERY_S):
                    return
            if time.monotonic() - since >= STEADY_S:
                restarts = 0
            if restarts == MAX_RESTARTS:
                with contextlib.suppress(OSError):
                    self._log("backend_given_up", status=status, restarts=restarts)
                return
            self._ending.wait(restarts * RESTART_WAIT_S)
            restarts += 1
            with self._lock:
                if self._ending.is_set():
                    return
                with contextlib.suppress(OSError):  # no log, no process: the next try may have both
                    self._process = self._spawned(port=port)
                    self._log("backend_started_again", status=status)
                    _close_pipes(process)

    def _log(self, event: str, **facts: int) -> None:
        """Add a line in the form of the backend's own."""
        line = {"at": instant_text(datetime.now(UTC)), "level": "warning", "event": event, **facts}
        with self._log_path.open("a") as log:
            log.write(json.dumps(line) + "\n")

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
        self._ending.set()
        # Held only while a process is being started; not waited for without end.
        has_lock = self._lock.acquire(timeout=STOP_TIMEOUT_S)
        process, self._process = self._process, None
        if has_lock:
            self._lock.release()
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT_S)
        _close_pipes(process)


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _read_line(stream: IO[bytes], lines: "queue.Queue[bytes]") -> None:
    lines.put(stream.readline())
