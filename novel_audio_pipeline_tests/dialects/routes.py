"""What the four existing backends' services have in common: answers, downloads, skips."""

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse, Response, StreamingResponse

from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline_tests.dialects.storage import DefectiveStorage, Metadata

CHARS_PER_S = 16.0
LocalTime = Callable[[], datetime]
Make = Callable[[Path, LocalTime], tuple[FastAPI, DefectiveStorage]]
_DECORATION = frozenset("-=_~*#@$%^&+|\\/<>{}[]().,:;!?")


@lru_cache(maxsize=256)
def tone(text: str, rate_hz: int) -> bytes:
    """Return a WAV as long as the text would take to speak."""
    t = np.arange(max(1, int(len(text) / CHARS_PER_S * rate_hz))) / rate_hz
    return encode_wav((np.sin(2 * np.pi * 220 * t) * 9000).astype(np.int16), rate_hz)


def new_request_id() -> str:
    return str(uuid.uuid4())


def why_skipped(text: str) -> str | None:
    """Return why vieneu and viettts do not speak a text, or None if they do: also "No!" is short."""
    meaning = "".join(char for char in text if char.isalnum() or char.isspace()).strip()
    visible = [char for char in text if not char.isspace()]
    if len(meaning) < 5 and all(char in _DECORATION for char in visible):
        return "Meaningless paragraph (separator/decorator line) - skipped silently"
    if len(text) < 10 and len(meaning) < 5:
        return "Text too short or contains only punctuation - skipped silently"
    return None


def skipped(model: str | None, reason: str) -> JSONResponse:
    """Answer 200 with JSON, also to who asked for audio."""
    request_id = new_request_id()
    body = {
        "success": True,
        "skipped": True,
        "request_id": request_id,
        "model": model,
        "reason": reason,
        "sample_rate": 24000,
        "duration_seconds": 0.0,
        "file_metadata": None,
    }
    return JSONResponse(body, headers={"X-Skipped": "true", "X-Request-ID": request_id})


def synthesized(
    wav: bytes,
    metadata: Metadata | None,
    *,
    request_id: str,
    model: str,
    rate_hz: int,
    return_audio: bool | None,
) -> Response:
    """Answer as app, vieneu and viettts do: the id in headers, audio without a length."""
    stored = metadata or {"file_id": "", "expires_at": ""}
    told = {"X-File-ID": stored["file_id"], "X-Expires-At": stored["expires_at"]}
    if return_audio:
        name = {"Content-Disposition": f'attachment; filename="{request_id}.wav"'}
        return streamed(wav, {"X-Request-ID": request_id} | told | name)
    headers = {"X-Request-ID": request_id} | (told if metadata else {})
    return JSONResponse(record(wav, metadata, request_id, model, rate_hz), headers=headers)


def record(
    wav: bytes, metadata: Metadata | None, request_id: str, model: str, rate_hz: int
) -> dict[str, Any]:
    return {
        "success": True,
        "request_id": request_id,
        "model": model,
        "sample_rate": rate_hz,
        "duration_seconds": (len(wav) - 44) / 2 / rate_hz,
        "file_metadata": metadata,
    }


def streamed(wav: bytes, headers: dict[str, str]) -> Response:
    """Answer in chunks, so without Content-Length, ETag or ranges."""

    def chunks() -> Iterator[bytes]:
        yield from (wav[start : start + 4096] for start in range(0, len(wav), 4096))

    return StreamingResponse(chunks(), media_type="audio/wav", headers=headers)


def add_service_routes(app: FastAPI, service: str) -> None:
    @app.get("/")
    @app.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "healthy", "service": service, "version": "1.0.0"}

    @app.get("/api/tts/health")
    def tts_health() -> dict[str, Any]:
        return {"status": "healthy", "service": service}


def add_download(app: FastAPI, storage: DefectiveStorage) -> None:
    @app.get("/api/tts/audio/{file_id}")
    def audio(file_id: str) -> Response:
        wav = storage.audio(file_id)
        if wav is None:
            raise HTTPException(404, "Audio file not found or expired")
        metadata = storage.metadata(file_id)
        assert metadata is not None
        return streamed(
            wav,
            {
                "Content-Disposition": f'attachment; filename="{file_id}.wav"',
                "X-File-ID": file_id,
                "X-Expires-At": metadata["expires_at"],
            },
        )


def add_deletion(app: FastAPI, storage: DefectiveStorage) -> None:
    """Add what viettts lacks: metadata, DELETE, clean-up and numbers without side effects."""

    @app.get("/api/tts/audio/{file_id}/metadata")
    def metadata(file_id: str) -> dict[str, Any]:
        found = storage.metadata(file_id)
        if found is None:
            raise HTTPException(404, "Audio file not found or expired")
        return {"success": True, "metadata": found}

    @app.delete("/api/tts/audio/{file_id}")
    def delete(file_id: str) -> dict[str, Any]:
        if not storage.delete(file_id):
            raise HTTPException(404, "Audio file not found or expired")
        return {"success": True, "message": "Audio file deleted", "file_id": file_id}

    @app.get("/api/tts/storage/stats")
    def stats() -> dict[str, Any]:
        return {"success": True, "stats": storage.stats()}

    @app.post("/api/tts/storage/cleanup")
    def cleanup() -> dict[str, Any]:
        return {"success": True, "cleanup": storage.cleanup()}


def stored_or_500(store: Callable[[], Metadata]) -> Metadata:
    """Store, and answer 500 with the raw text of what went wrong, after the work was done."""
    try:
        return store()
    except OverflowError as error:
        raise HTTPException(500, str(error)) from error
