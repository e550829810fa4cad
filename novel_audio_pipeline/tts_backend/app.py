"""The FastAPI application: one function that puts the rooms of the backend together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata as distribution

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.tts_backend.backend import Backend
from novel_audio_pipeline.tts_backend.budget import DiskBudget
from novel_audio_pipeline.tts_backend.cache_routes import cache_routes
from novel_audio_pipeline.tts_backend.doors import Doors
from novel_audio_pipeline.tts_backend.engines.base import Engine, EngineError
from novel_audio_pipeline.tts_backend.existing_routes import existing_routes
from novel_audio_pipeline.tts_backend.metrics import Metrics
from novel_audio_pipeline.tts_backend.openai_routes import openai_routes
from novel_audio_pipeline.tts_backend.refusals import RefusalError, answer_error
from novel_audio_pipeline.tts_backend.service_routes import SERVICE, service_routes
from novel_audio_pipeline.tts_backend.settings import BackendSettings
from novel_audio_pipeline.tts_backend.sweeper import Sweeper
from novel_audio_pipeline.tts_backend.synthesis import Synthesizer
from novel_audio_pipeline.tts_backend.synthesis_routes import synthesis_routes
from novel_audio_pipeline.tts_cache.folder import CacheFolder

_DRAIN_S = 2.0
_ANSWERED: tuple[type[Exception], ...] = (
    Exception,
    RefusalError,
    RequestValidationError,
    HTTPException,
    EngineError,
    StorageError,
)


def utc_now() -> datetime:
    """Return the instant, aware UTC."""
    return datetime.now(tz=UTC)


def create_app(
    settings: BackendSettings,
    *,
    engines: Sequence[Engine],
    cache: CacheFolder,
    now: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """Return the application; it starts and ends engines and sweeper with its own life.

    Args:
        settings: As the backend was told.
        engines: At least one; the first speaks what names no model.
        cache: The folder; ``guard.refuse_wrong_root`` was asked about it.
        now: The clock.
    """
    metrics = Metrics(waiting=lambda: sum(engine.waiting for engine in engines))
    budget = DiskBudget(
        cache, max_bytes=settings.max_storage_bytes, min_free_bytes=settings.min_free_bytes
    )
    backend = Backend(
        settings=settings,
        engines=tuple(engines),
        cache=cache,
        now=now,
        synthesizer=Synthesizer(
            cache=cache, ttl=settings.ttl, now=now, budget=budget, metrics=metrics
        ),
        sweeper=Sweeper(
            cache=cache,
            ttl=settings.ttl,
            interval=settings.cleanup_interval,
            now=now,
            metrics=metrics,
        ),
        metrics=metrics,
        version=distribution.version("novel-audio-pipeline"),
    )
    app = FastAPI(
        title=SERVICE,
        version=backend.version,
        lifespan=lambda _app: _lifespan(backend),
        exception_handlers=dict.fromkeys(_ANSWERED, answer_error),
    )
    routers = [
        service_routes(backend),
        synthesis_routes(backend),
        cache_routes(backend),
        existing_routes(backend),
        openai_routes(backend),
    ]
    for router in routers:
        app.include_router(router)
    app.state.routes = [route for router in routers for route in router.routes]
    app.add_middleware(Doors, settings=settings, metrics=metrics)
    return app


@contextlib.asynccontextmanager
async def _lifespan(backend: Backend) -> AsyncIterator[None]:
    await asyncio.to_thread(backend.cache.prepare)
    try:
        for engine in backend.engines:
            await engine.start()
        sweeping = asyncio.create_task(backend.sweeper.run())
        try:
            yield
        finally:
            sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeping
            await backend.synthesizer.drain(timeout_s=_DRAIN_S)
    finally:
        for engine in backend.engines:
            await engine.close()
