"""The existing backend vieneu: as app, with named voices, and declining short lines."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response

from novel_audio_pipeline_tests.dialects.app import DiaForm, spoken_by_dia_or_vieneu
from novel_audio_pipeline_tests.dialects.routes import (
    LocalTime,
    add_deletion,
    add_download,
    add_service_routes,
    skipped,
    why_skipped,
)
from novel_audio_pipeline_tests.dialects.storage import DefectiveStorage

VOICES = ("id_0001", "id_0002", "id_0003", "id_0004", "id_0005", "id_0007")


class VieneuForm(DiaForm):
    """The form of app, and voices."""

    voice: str | None = None
    auto_voice: bool | None = False
    max_chars: int | None = 256
    auto_chunk: bool | None = True


def make_vieneu(root: Path, local_time: LocalTime) -> tuple[FastAPI, DefectiveStorage]:
    """Return the service and its storage."""
    storage = DefectiveStorage(root, local_time=local_time)
    app = FastAPI(title="VieNeu TTS API")
    add_service_routes(app, "VieNeu TTS API")

    @app.get("/api/tts/voices")
    def voices() -> dict[str, Any]:
        known = {name: {"gender": "female", "accent": "", "description": name} for name in VOICES}
        return {
            "success": True,
            "voices": known,
            "default_male": VOICES[0],
            "default_female": VOICES[1],
        }

    @app.post("/api/tts/synthesize", response_model=None)
    def synthesize(form: VieneuForm) -> Response:
        if not form.text.strip():
            raise HTTPException(400, "Text is required")
        if reason := why_skipped(form.text):
            return skipped(form.model, reason)
        return spoken_by_dia_or_vieneu(form, storage, speaker="default")

    add_download(app, storage)
    add_deletion(app, storage)
    return app, storage
