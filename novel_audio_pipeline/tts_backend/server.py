"""Serving the application: socket, announcement, and ending with whoever started it."""

import contextlib
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Sequence
from typing import TextIO

import uvicorn

from novel_audio_pipeline.errors import UnavailableError
from novel_audio_pipeline.tts_backend.app import create_app
from novel_audio_pipeline.tts_backend.engines.base import Engine
from novel_audio_pipeline.tts_backend.engines.roster import make_engines
from novel_audio_pipeline.tts_backend.log_lines import JsonLines
from novel_audio_pipeline.tts_backend.patience import PatientProtocol
from novel_audio_pipeline.tts_backend.settings import BackendSettings
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.guard import refuse_wrong_root

GRACE_S = 5  # what runs is finished in this time; who started us may kill us after ten
_BACKLOG = 2048
_logger = logging.getLogger(__name__)


def serve(
    settings: BackendSettings, *, parent_pipe: bool = False, announce: TextIO | None = None
) -> None:
    """Serve until told to stop: a signal, or with ``parent_pipe`` the end of standard input.

    It ends in order: no new work, what runs is finished within five seconds, engines are ended.
    Port 0 is any free port. Log lines are JSON on standard error.

    Args:
        settings: As ``settings_from`` read them.
        parent_pipe: Whether to end when standard input closes, so that nothing is left behind by
            a starter that was killed.
        announce: Where the one line ``{"url": ...}`` goes once it can answer; standard output if
            not given.

    Raises:
        SettingError: If the cache folder may not be one.
        UnavailableError: If the port is taken, or the engine or the folder fail.
    """
    refuse_wrong_root(
        settings.storage_dir, library_dir=settings.library_dir, novels_dir=settings.novels_dir
    )
    cache = CacheFolder(settings.storage_dir.absolute())
    cache.prepare()
    _log_to_standard_error()
    if settings.token is None and not settings.is_loopback:
        _logger.warning("API_TOKEN=none: everyone who reaches %s may use it", settings.host)
    engines = make_engines(settings)
    app = create_app(settings, engines=engines, cache=cache)
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        backlog=_BACKLOG,
    )
    listener = _listener(settings.host, settings.port)
    with listener:
        server = _AnnouncingServer(
            config, url=_url(listener), announce=announce or sys.stdout, engines=engines
        )
        if parent_pipe:
            _end_with_standard_input(server)
        with contextlib.suppress(SystemExit):  # how uvicorn says that it did not come up
            server.run(sockets=[listener])
    if not server.was_announced:
        raise UnavailableError("the TTS backend could not start; the lines above say why")


class _AnnouncingServer(uvicorn.Server):
    """A server that says where it is as soon as it can answer."""

    def __init__(
        self, config: uvicorn.Config, *, url: str, announce: TextIO, engines: Sequence[Engine]
    ) -> None:
        super().__init__(config)
        self._url = url
        self._announce = announce
        self._engines = engines
        self.was_announced = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started and not self.should_exit:
            self._announce.write(json.dumps({"url": self._url}) + "\n")
            self._announce.flush()
            self.was_announced = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for engine in self._engines:
            engine.stop_taking()
        await super().shutdown(sockets=sockets)


def _listener(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address.

    Raises:
        UnavailableError: If the address is taken or not this machine's.
    """
    name = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in name else socket.AF_INET, socket.SOCK_STREAM)
    # On Windows the option of the others would let two programs share a port.
    option = "SO_EXCLUSIVEADDRUSE" if sys.platform == "win32" else "SO_REUSEADDR"
    try:
        listener.setsockopt(socket.SOL_SOCKET, getattr(socket, option), 1)
        listener.bind((name, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UnavailableError(
            f"the TTS backend cannot listen on {host}:{port}: {error.strerror or error}. If "
            "another program uses that port, end it, or set API_PORT (0 is any free port)"
        ) from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # told, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _end_with_standard_input(server: uvicorn.Server) -> None:
    """Stop the server when standard input closes; leave by force if it does not stop in time."""

    def wait_for_the_end() -> None:
        with contextlib.suppress(OSError, ValueError):
            while sys.stdin.buffer.read(4096):
                pass
        server.should_exit = True
        threading.Event().wait(2 * GRACE_S)
        os._exit(1)

    threading.Thread(target=wait_for_the_end, name="parent-pipe", daemon=True).start()


def _log_to_standard_error() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name in ("novel_audio_pipeline", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
