"""The existing backend coqui: speakers and languages, the id in the body only, a real clean-up."""

from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from novel_audio_pipeline_tests.dialects.routes import (
    LocalTime,
    add_deletion,
    add_download,
    add_service_routes,
    new_request_id,
    record,
    stored_or_500,
    tone,
)
from novel_audio_pipeline_tests.dialects.storage import DefectiveStorage

RATE_HZ = 24_000
NORMALIZED_MODEL = "xtts-english"


class CoquiForm(BaseModel):
    """What a synthesis can be told."""

    text: str
    model: Literal["xtts-english", "coqui-xtts-v2", "coqui-tts", "xtts-v2"] | None = "xtts-english"
    speaker_wav: str | None = None
    speaker: str | None = None
    language: str | None = "en"
    store: bool | None = True
    expiry_hours: int | None = None
    return_audio: bool | None = True


def make_coqui(root: Path, local_time: LocalTime) -> tuple[FastAPI, DefectiveStorage]:
    """Return the service and its storage."""
    storage = DefectiveStorage(root, local_time=local_time, cleans=True)
    app = FastAPI(title="Coqui TTS API")
    add_service_routes(app, "Coqui TTS API")

    @app.get("/api/tts/speakers")
    def speakers() -> dict[str, Any]:
        return {"success": False, "error": "Speakers not available"}

    @app.post("/api/tts/synthesize", response_model=None)
    def synthesize(form: CoquiForm) -> Response:
        if not form.text.strip():
            raise HTTPException(400, "Text is required")
        if form.model is None:
            raise HTTPException(500, "Unknown model: None")
        wav, request_id = tone(form.text, RATE_HZ), new_request_id()
        metadata = _stored(form, wav, request_id, storage) if form.store else None
        if form.return_audio:  # the id of what was stored is told nowhere (D16)
            headers = {
                "X-Request-ID": request_id,
                "X-Sample-Rate": str(RATE_HZ),
                "X-Duration": str((len(wav) - 44) / 2 / RATE_HZ),
            }
            return Response(wav, media_type="audio/wav", headers=headers)
        return JSONResponse(record(wav, metadata, request_id, NORMALIZED_MODEL, RATE_HZ))

    add_download(app, storage)
    add_deletion(app, storage)
    return app, storage


def _stored(
    form: CoquiForm, wav: bytes, request_id: str, storage: DefectiveStorage
) -> dict[str, Any]:
    return stored_or_500(
        lambda: storage.save(
            wav,
            text=form.text,
            speaker=form.speaker_wav or "default",
            model=NORMALIZED_MODEL,
            expiry_hours=form.expiry_hours,
            request_id=request_id,
            language=form.language,
            sample_rate=RATE_HZ,
        )
    )
