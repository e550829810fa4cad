"""A stand-in for the reader app's way of playing, written from what it does, not from its code.

It lists a chapter from ``audio_cache`` alone, builds addresses from numbers, serves its storage
folder as ``/static`` with ranges, and knows when a chapter needs no generation.
"""

import contextlib
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

SPEAKER = "05"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class ReadingApp:
    """The app: its database, the folder it serves as ``/static``, and where it serves it."""

    database: Path
    storage: Path
    client: httpx.Client | None = None

    def query(self, text: str, *values: object) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self.database, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(text, values).fetchall()

    def chapter(self, novel_id: str, number: int, *, speaker: str = SPEAKER) -> dict[str, Any]:
        """Answer ``GET /api/audio/:novelId/:chapterNumber``."""
        (chapter,) = self.query(
            "SELECT id FROM chapters WHERE novel_id = ? AND chapter_number = ?", novel_id, number
        )
        files = [
            {
                "paragraphNumber": row["paragraph_number"],
                "paragraphId": row["paragraph_id"],
                "fileId": row["tts_file_id"],
                "audioURL": self._url(novel_id, number, row),
                "expiresAt": row["expires_at"],
                "createdAt": row["created_at"],
            }
            for row in self._latest(novel_id, chapter["id"], speaker)
        ]
        paragraphs = self._paragraphs(chapter["id"])
        return {
            "success": True,
            "chapterId": chapter["id"],
            "totalParagraphs": len(paragraphs),
            "audioFileCount": len(files),
            "audioFiles": files,
            "needsGeneration": not files,
        }

    def is_complete(self, novel_id: str, number: int) -> bool:
        """Tell whether the app would pass a chapter over as complete."""
        listed = self.chapter(novel_id, number)
        valid = {
            row["paragraph_number"]
            for row in self._latest(novel_id, listed["chapterId"], SPEAKER)
            if _instant(row["expires_at"]) > datetime.now(UTC)
            and _size(Path(row["local_audio_path"])) > 0
        }
        for paragraph in self._paragraphs(listed["chapterId"]):
            n = paragraph["paragraph_number"]
            folder = (
                self.storage / "audio" / novel_id / f"chapter_{number:03d}" / f"paragraph_{n:03d}"
            )
            metadata = folder / f"paragraph_{n:03d}_metadata.json"
            skipped = metadata.is_file() and json.loads(metadata.read_text("utf-8")).get("skipped")
            if n in valid or _size(folder / f"paragraph_{n:03d}.wav") > 0 or skipped:
                continue
            return False
        return True

    def fetch(self, url: str, *, start: int = 0) -> httpx.Response:
        """Fetch what a player asks for: from some byte to the end."""
        assert self.client is not None, "the storage folder is not being served"
        return self.client.get(url, headers={"Range": f"bytes={start}-"})

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return a whole table, each row with its place."""
        rows = self.query(f"SELECT rowid AS place, * FROM {name} ORDER BY rowid")  # noqa: S608 - a name written in a test
        return [dict(row) for row in rows]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the whole database."""
        names = self.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return {row["name"]: self.table(row["name"]) for row in names}

    def _latest(self, novel_id: str, chapter_id: str, speaker: str) -> list[sqlite3.Row]:
        rows = self.query(
            "SELECT * FROM audio_cache WHERE novel_id = ? AND chapter_id = ? AND speaker_id = ? "
            "AND paragraph_id IS NOT NULL AND paragraph_number IS NOT NULL ORDER BY created_at",
            novel_id,
            chapter_id,
            speaker,
        )
        latest = {row["paragraph_number"]: row for row in rows}
        return [latest[n] for n in sorted(latest)]

    def _paragraphs(self, chapter_id: str) -> list[sqlite3.Row]:
        return self.query(
            "SELECT * FROM paragraphs WHERE chapter_id = ? ORDER BY paragraph_number", chapter_id
        )

    def _url(self, novel_id: str, number: int, row: sqlite3.Row) -> str:
        if not row["local_audio_path"]:
            return f"http://127.0.0.1:9/api/tts/audio/{row['tts_file_id']}"
        n = row["paragraph_number"]
        return (
            f"/static/audio/{novel_id}/chapter_{number:03d}/paragraph_{n:03d}/paragraph_{n:03d}.wav"
        )


@contextlib.contextmanager
def served_app(database: Path, storage: Path) -> Iterator[ReadingApp]:
    """Serve the app's storage folder on a free port of loopback."""

    class Static(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer leaves in one piece
        timeout = 5

        def do_GET(self) -> None:
            path = storage / self.path.removeprefix("/static/")
            if ".." in self.path or not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            match = _RANGE.fullmatch(self.headers.get("Range", ""))
            first = int(match[1]) if match else 0
            body = data[first:]
            self.send_response(206 if match else 200)
            self.send_header("Content-Type", "audio/wav")
            self.send_header("Content-Length", str(len(body)))
            if match:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Static) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}") as client:
                yield ReadingApp(database, storage, client)
        finally:
            server.shutdown()
            thread.join()


def _instant(text: str | None) -> datetime:
    return _EPOCH if text is None else datetime.fromisoformat(text)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
