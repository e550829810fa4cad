"""The smaller calls of the existing backends that their clients make: model info, speakers."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from novel_audio_pipeline.tts_backend.backend import Backend
from novel_audio_pipeline.tts_backend.descriptions import errors
from novel_audio_pipeline.tts_backend.engines.base import Engine
from novel_audio_pipeline.tts_backend.existing_clients import MODELS
from novel_audio_pipeline.tts_backend.forms import Name
from novel_audio_pipeline.tts_backend.refusals import RefusalError


class ModelInfoForm(BaseModel):
    """``POST /api/tts/model/info``."""

    model_config = ConfigDict(strict=True, extra="ignore")

    model: Name


def existing_routes(backend: Backend) -> APIRouter:
    """Return these routes."""
    router = APIRouter(prefix="/api/tts")

    @router.post("/model/info", responses=errors(408, 413, 415))
    async def model_info(form: ModelInfoForm) -> dict[str, Any]:
        """Describe a model, or the one that stands in for it."""
        engine = _engine(form.model, backend)
        return {
            "success": True,
            "info": {
                "model": engine.model,
                "asked_model": form.model,
                "engine": engine.version,
                "sample_rate": engine.sample_rate_hz,
                "device": "cpu",
                "requires_reference": False,
                "languages": sorted({voice.language for voice in engine.voices}),
                "available_voices": [voice.name for voice in engine.voices],
            },
        }

    @router.get("/speakers", responses=errors())
    async def speakers() -> dict[str, Any]:
        """List the names of the voices."""
        names = [voice.name for voice in backend.engines[0].voices]
        return {"success": True, "total": len(names), "speakers": names}

    return router


def _engine(model: str, backend: Backend) -> Engine:
    for engine in backend.engines:
        if engine.model == model:
            return engine
    if model in MODELS:
        return backend.engines[0]
    raise RefusalError(f"there is no model {model[:100]!a}", status=422, code="unknown_model")
