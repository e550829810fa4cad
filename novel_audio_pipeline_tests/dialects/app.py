"""The oldest existing backend: ``vieneu-tts`` by reference recording, ``dia`` by number."""

import re
from pathlib import Path
from typing import Literal

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response
from pydantic import BaseModel

from novel_audio_pipeline_tests.dialects.routes import (
    LocalTime,
    add_deletion,
    add_download,
    add_service_routes,
    new_request_id,
    stored_or_500,
    synthesized,
    tone,
)
from novel_audio_pipeline_tests.dialects.storage import DefectiveStorage

RATES_HZ = {"vieneu-tts": 24_000, "dia": 44_100}
_SPEAKER = re.compile(r"\[(\d+)\]\s*")


class DiaForm(BaseModel):
    """What the models of app and vieneu can be told."""

    text: str
    model: Literal["vieneu-tts", "dia"] | None = "vieneu-tts"
    ref_audio_path: str | None = None
    ref_text: str | None = None
    temperature: float | None = 1.3
    top_p: float | None = 0.95
    cfg_scale: float | None = 3.0
    max_tokens: int | None = None
    speed_factor: float | None = 1.0
    trim_silence: bool | None = True
    normalize: bool | None = False
    store: bool | None = True
    expiry_hours: int | None = None
    return_audio: bool | None = True


def make_app(root: Path, local_time: LocalTime) -> tuple[FastAPI, DefectiveStorage]:
    """Return the service and its storage."""
    storage = DefectiveStorage(root, local_time=local_time)
    app = FastAPI(title="Dia TTS API")
    add_service_routes(app, "Dia TTS API")

    @app.post("/api/tts/synthesize", response_model=None)
    def synthesize(form: DiaForm) -> Response:
        has_reference = form.ref_audio_path and form.ref_text
        if form.model == "vieneu-tts" and not has_reference:
            raise HTTPException(500, "400: VieNeu-TTS requires ref_audio_path and ref_text")
        return spoken_by_dia_or_vieneu(form, storage, speaker="default")

    add_download(app, storage)
    add_deletion(app, storage)
    return app, storage


def spoken_by_dia_or_vieneu(form: DiaForm, storage: DefectiveStorage, *, speaker: str) -> Response:
    """Answer a synthesis of app or vieneu, once it is allowed."""
    model = form.model or ""
    rate_hz = RATES_HZ.get(model, 24_000)
    text = form.text
    if model == "dia" and (prefix := _SPEAKER.match(text)):
        speaker, text = prefix[1], text[prefix.end() :]
    wav, request_id = tone(text, rate_hz), new_request_id()
    if form.model is None:
        raise HTTPException(400, "Unknown model: None")
    metadata = None
    if form.store:
        metadata = stored_or_500(
            lambda: storage.save(
                wav,
                text=form.text,
                speaker=speaker,
                model=model,
                expiry_hours=form.expiry_hours,
                request_id=request_id,
                temperature=form.temperature,
                top_p=form.top_p,
                cfg_scale=form.cfg_scale,
                sample_rate=rate_hz,
            )
        )
    return synthesized(
        wav,
        metadata,
        request_id=request_id,
        model=model,
        rate_hz=rate_hz,
        return_audio=form.return_audio,
    )
