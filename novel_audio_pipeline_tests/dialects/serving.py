"""Serving one of the existing backends on loopback, with its folder and a hand on its dates."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from novel_audio_pipeline_tests.dialects.app import make_app
from novel_audio_pipeline_tests.dialects.coqui import make_coqui
from novel_audio_pipeline_tests.dialects.routes import Make
from novel_audio_pipeline_tests.dialects.storage import DefectiveStorage
from novel_audio_pipeline_tests.dialects.vieneu import make_vieneu
from novel_audio_pipeline_tests.dialects.viettts import make_viettts

MAKERS: MutableMapping[str, Make] = {
    "app": make_app,
    "vieneu": make_vieneu,
    "coqui": make_coqui,
    "viettts": make_viettts,
}
# The fields that each wants beside the text, so that it speaks.
FIELDS: dict[str, dict[str, object]] = {
    "app": {"model": "dia"},
    "vieneu": {"voice": "id_0001"},
    "coqui": {"speaker": "Ana", "language": "en"},
    "viettts": {"voice": "nam-tram"},
}
LIMIT_CONCURRENCY = {"viettts": 50}


@dataclass
class ServedDialect:
    """An existing backend that is being served.

    Attributes:
        name: ``app``, ``vieneu``, ``coqui`` or ``viettts``.
        url: Its address.
        root: Its cache folder.
        client: For asking it as its own clients do.
        storage: What it keeps in memory and on disk.
        calls: Method and path of each request so far.
        most_at_once: Most requests to ``/api`` that were under way together.
    """

    name: str
    url: str
    root: Path
    client: httpx.Client
    storage: DefectiveStorage
    calls: list[tuple[str, str]] = field(default_factory=list)
    most_at_once: int = 0

    def ask(self, text: str = "Một câu đủ dài để nói.", **fields: object) -> httpx.Response:
        """Ask for speech as the existing readers do."""
        body = {"text": text, "return_audio": False, **FIELDS[self.name], **fields}
        return self.client.post("/api/tts/synthesize", json=body)

    def make(self, count: int) -> list[str]:
        """Fill the cache and return the ids of the new entries."""
        answers = [self.ask(f"Câu số {n} của cả chương.") for n in range(count)]
        return [answer.json()["file_metadata"]["file_id"] for answer in answers]

    def wav(self, file_id: str) -> Path:
        return self.root / f"{file_id}.wav"

    def record(self, file_id: str) -> Path:
        return self.root / "metadata" / f"{file_id}.json"

    def files(self) -> list[str]:
        """Return the names of what is in the folder and its metadata, our own files left out."""
        folders = (self.root, self.root / "metadata")
        found = (path for folder in folders for path in folder.iterdir() if path.is_file())
        return sorted(path.name for path in found if not path.name.startswith("."))

    def set_age(self, file_id: str, age: timedelta, *, metadata: bool = True) -> None:
        """Make an entry as old as that: the WAV's date and, unless told otherwise, its metadata."""
        modified = (datetime.now(UTC) - age).timestamp()
        os.utime(self.wav(file_id), (modified, modified))
        record = self.storage.metadata_cache.get(file_id)
        if not metadata or record is None:
            return
        created = self.storage.local_time() - age
        expires = created + timedelta(hours=record["expiry_hours"])
        changed: dict[str, Any] = {
            "created_at": created.isoformat(),
            "expires_at": expires.isoformat(),
        }
        self.storage.write_metadata(record | changed)
        os.utime(self.record(file_id), (modified, modified))


class _Watched:
    """Notes the calls of an application."""

    def __init__(self, app: ASGIApp, notes: ServedDialect) -> None:
        self._app = app
        self._notes = notes
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._notes.calls.append((scope["method"], scope["path"]))
        is_counted = scope["path"].startswith("/api")
        self._under_way += is_counted
        self._notes.most_at_once = max(self._notes.most_at_once, self._under_way)

        async def noted(message: Message) -> None:
            # Before the client has all of it, so that its next request is not counted beside it.
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._under_way -= is_counted
            await send(message)

        await self._app(scope, receive, noted)


@contextlib.contextmanager
def served_dialect(
    name: str, root: Path, *, utc_offset: timedelta = timedelta(0)
) -> Iterator[ServedDialect]:
    """Serve an existing backend in a thread, on a free port, as long as the block lasts.

    Args:
        name: ``app``, ``vieneu``, ``coqui`` or ``viettts``.
        root: Its cache folder; made if missing.
        utc_offset: Of the machine it would run on: its dates are local and do not say so.
    """

    def local_time() -> datetime:
        return (datetime.now(UTC) + utc_offset).replace(tzinfo=None)

    app, storage = MAKERS[name](root, local_time)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        httpx.Client(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30
        ) as client,
    ):
        served = ServedDialect(name, str(client.base_url).rstrip("/"), root, client, storage)
        config = uvicorn.Config(
            _Watched(app, served),
            log_config=None,
            access_log=False,
            limit_concurrency=LIMIT_CONCURRENCY.get(name),
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                thread.join(0.005)
            assert server.started, "the server did not start"
            yield served
        finally:
            server.should_exit = True
            thread.join()
