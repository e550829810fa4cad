"""Serving a backend on loopback for tests: in a thread with a clock of its own, or as a child."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import uvicorn

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.app import create_app
from novel_audio_pipeline.tts_backend.engines.base import Engine, Speech
from novel_audio_pipeline.tts_backend.engines.tone import ToneEngine
from novel_audio_pipeline.tts_backend.patience import PatientProtocol
from novel_audio_pipeline.tts_backend.settings import BackendSettings
from novel_audio_pipeline.tts_cache.folder import CacheFolder

REAL = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class CountingEngine(ToneEngine):
    """A tone that notes what it was asked to speak."""

    def __init__(self, *, real_time: float = 0, workers: int = 4, queue_limit: int = 256) -> None:
        super().__init__(real_time=real_time, workers=workers, queue_limit=queue_limit)
        self.spoken: list[SpeechRequest] = []

    async def speak(self, request: SpeechRequest) -> Speech:
        self.spoken.append(request)
        return await super().speak(request)


@dataclass
class Clock:
    """A clock that is moved by hand."""

    instant: datetime = REAL

    def __call__(self) -> datetime:
        return self.instant

    def move(self, by: timedelta) -> None:
        self.instant += by


@dataclass
class Served:
    """A backend that is being served, and everything behind it."""

    url: str
    client: httpx.Client
    cache: CacheFolder
    engine: Engine
    clock: Clock
    settings: BackendSettings
    loop: list[asyncio.AbstractEventLoop] = field(default_factory=list)

    def ask(self, text: str = "Ừ.", **fields: object) -> httpx.Response:
        return self.client.post("/api/tts/synthesize", json={"text": text, **fields})

    def record(self, text: str = "Ừ.", **fields: object) -> dict[str, object]:
        answer = self.ask(text, return_audio=False, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextlib.contextmanager
def served(
    root: Path,
    *,
    engine: Engine | None = None,
    engines: Sequence[Engine] = (),
    http: type[PatientProtocol] = PatientProtocol,
    **changes: object,
) -> Iterator[Served]:
    """Serve a backend in a thread, on a free port, with a clock that stands still."""
    settings = BackendSettings(storage_dir=root / "cache", **changes)
    all_engines = [engine or CountingEngine(), *engines]
    cache, clock = CacheFolder(settings.storage_dir), Clock()
    app = create_app(settings, engines=all_engines, cache=cache, now=clock)
    config = uvicorn.Config(app, http=http, log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive())
            assert server.started, "the server did not start"
            with httpx.Client(base_url=url, timeout=30) as client:
                yield Served(url, client, cache, all_engines[0], clock, settings)
        finally:
            server.should_exit = True
            thread.join()


def wait_until(condition, *, timeout_s: float = 15.0) -> None:
    """Wait until the condition holds; fail loudly if it does not in time."""
    event = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        if condition():
            return
        event.wait(0.01)
    raise AssertionError(f"{condition} did not come true within {timeout_s} s")


@dataclass
class Child:
    """A backend in a process of its own."""

    process: subprocess.Popen[str]
    url: str


def start_child(root: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Child:
    """Start ``python -m novel_audio_pipeline.tts_backend`` on a free port; wait for its line."""
    with (root / "log.jsonl").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "novel_audio_pipeline.tts_backend", *arguments],
            env=child_environment(root) | dict(env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    return Child(process, json.loads(process.stdout.readline())["url"])


def child_environment(root: Path) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("TTS_", "API_", "NOVEL_"))},
        "TTS_STORAGE_DIR": str(root / "cache"),
        "API_PORT": "0",
        "TTS_ENGINE_WORKERS": "2",
    }


def log_of(root: Path) -> list[dict[str, object]]:
    """Return the log lines of the children started in this folder."""
    return [json.loads(line) for line in (root / "log.jsonl").read_text().splitlines()]
