"""What the service itself says: alive, ready, which voices."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from novel_audio_pipeline.tts_backend.backend import Backend
from novel_audio_pipeline.tts_backend.descriptions import errors
from novel_audio_pipeline.tts_backend.metrics import CONTENT_TYPE
from novel_audio_pipeline.tts_backend.refusals import RefusalError

SERVICE = "novel-audio-pipeline TTS backend"


def service_routes(backend: Backend) -> APIRouter:
    """Return the routes about the service."""
    router = APIRouter()
    engine = backend.engines[0]

    @router.get("/", responses=errors())
    async def root() -> dict[str, Any]:
        """Say what this is and where its description is."""
        return {
            "service": SERVICE,
            "version": backend.version,
            "documentation": "/docs",
            "openapi": "/openapi.json",
        }

    @router.get("/health", responses=errors())
    @router.get("/api/tts/health", responses=errors())
    async def health() -> dict[str, Any]:
        """Say that it is alive, and by which settings; looks at neither disk nor engine."""
        return {
            "status": "healthy",
            "service": SERVICE,
            "version": backend.version,
            "expiry_hours": backend.settings.expiry_hours,
            "cleanup_interval_s": backend.settings.cleanup_interval.total_seconds(),
            "engine": engine.name,
            "engine_version": engine.version,
            "model": engine.model,
            "max_text_chars": backend.settings.max_text_chars,
            "waiting": sum(each.waiting for each in backend.engines),
        }

    @router.get("/ready", responses=errors())
    async def ready() -> dict[str, Any]:
        """Say whether a text would be spoken now: 200, or 503."""
        if not all(each.is_ready() for each in backend.engines):
            raise RefusalError(
                "an engine is not ready",
                status=503,
                code="not_ready",
                headers={"Retry-After": "1"},
            )
        return {"status": "ready", "engine": engine.name}

    @router.get(
        "/metrics",
        response_model=None,
        responses=errors() | {200: {"content": {"text/plain": {}}, "description": "The numbers."}},
    )
    async def metrics() -> Response:
        """Tell the numbers, in Prometheus's text format."""
        return Response(backend.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    @router.get("/api/tts/voices", responses=errors())
    async def voices() -> dict[str, Any]:
        """List the voices of all models with their languages."""
        listed = {
            voice.name: {
                "model": each.model,
                "language": voice.language,
                "description": voice.description,
            }
            for each in reversed(backend.engines)
            for voice in each.voices
        }
        defaults: dict[str, str] = {}
        for each in backend.engines:
            for voice in each.voices:
                defaults.setdefault(voice.language, voice.name)
        return {
            "success": True,
            "voices": listed,
            "default_model": engine.model,
            "default_voices": defaults,
        }

    return router
