"""The existing readers' default backend: no metadata, no DELETE, numbers that run a clean-up."""

from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response
from pydantic import BaseModel

from novel_audio_pipeline_tests.dialects.routes import (
    LocalTime,
    add_download,
    add_service_routes,
    new_request_id,
    skipped,
    stored_or_500,
    synthesized,
    tone,
    why_skipped,
)
from novel_audio_pipeline_tests.dialects.storage import DefectiveStorage

RATE_HZ = 22_050
VOICES = ("nu-nhe-nhang", "nam-tram")


class ViettsForm(BaseModel):
    """What a synthesis can be told."""

    text: str
    model: Literal["viet-tts"] | None = "viet-tts"
    voice: str | None = None
    voice_file: str | None = None
    speed: float | None = 1.0
    batch_chunks: int | None = None
    store: bool | None = True
    expiry_hours: int | None = None
    return_audio: bool | None = True


def make_viettts(root: Path, local_time: LocalTime) -> tuple[FastAPI, DefectiveStorage]:
    """Return the service and its storage."""
    storage = DefectiveStorage(root, local_time=local_time, speaker_field="voice")
    app = FastAPI(title="VietTTS API")
    add_service_routes(app, "VietTTS API")

    @app.get("/api/tts/voices")
    def voices() -> dict[str, Any]:
        return {
            "success": True,
            "voices": list(VOICES),
            "voice_map": {voice: f"{voice}.wav" for voice in VOICES},
        }

    @app.post("/api/tts/synthesize", response_model=None)
    def synthesize(form: ViettsForm) -> Response:
        if not form.text.strip():
            raise HTTPException(400, "Text is required")
        if reason := why_skipped(form.text):
            return skipped(form.model, reason)
        if form.model is None:
            raise HTTPException(400, "Unknown model: None")
        wav, request_id = tone(form.text, RATE_HZ), new_request_id()
        metadata = _stored(form, wav, request_id, storage) if form.store else None
        return synthesized(
            wav,
            metadata,
            request_id=request_id,
            model=form.model,
            rate_hz=RATE_HZ,
            return_audio=form.return_audio,
        )

    add_download(app, storage)

    @app.get("/api/tts/storage/stats")
    def stats() -> dict[str, Any]:
        return {"success": True, "stats": storage.cleanup()}

    return app, storage


def _stored(
    form: ViettsForm, wav: bytes, request_id: str, storage: DefectiveStorage
) -> dict[str, Any]:
    return stored_or_500(
        lambda: storage.save(
            wav,
            text=form.text,
            speaker=form.voice or "default",
            model="viet-tts",
            expiry_hours=form.expiry_hours,
            request_id=request_id,
            speed=form.speed,
            sample_rate=RATE_HZ,
        )
    )
