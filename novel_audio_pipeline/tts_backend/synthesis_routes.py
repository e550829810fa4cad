"""``POST /api/tts/synthesize``: text in, audio or its record out."""

import logging
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from novel_audio_pipeline.instants import instant_text
from novel_audio_pipeline.tts_backend.audio_answers import MEDIA_TYPE, audio_headers
from novel_audio_pipeline.tts_backend.backend import Backend
from novel_audio_pipeline.tts_backend.choosing import Asked, Chosen, has_something_to_say
from novel_audio_pipeline.tts_backend.descriptions import audio, errors
from novel_audio_pipeline.tts_backend.existing_clients import SERVER_PATH_FIELDS
from novel_audio_pipeline.tts_backend.forms import SynthesizeForm
from novel_audio_pipeline.tts_backend.request_ids import request_id_of
from novel_audio_pipeline.tts_backend.speaking import (
    check_text,
    choose_for_client,
    headers_of,
    speak_and_log,
)
from novel_audio_pipeline.tts_backend.synthesis import Spoken

NOTHING_TO_SAY = "Text without a letter or digit: there is nothing to say"
_logger = logging.getLogger(__name__)


def synthesis_routes(backend: Backend) -> APIRouter:
    """Return the route that speaks."""
    router = APIRouter()

    @router.post(
        "/api/tts/synthesize",
        response_model=None,
        responses=errors(400, 408, 413, 415, 500, 507) | audio(MEDIA_TYPE, "application/json"),
    )
    async def synthesize(form: SynthesizeForm, request: Request) -> Response:
        """Speak a text, or answer from the cache. Audio, or JSON if ``return_audio`` is false."""
        check_text(form.text, backend)
        if not has_something_to_say(form.text):
            return _skipped(form, request, backend)
        chosen = choose_for_client(_asked(form), backend)
        chosen = replace(chosen, notices=chosen.notices + _ignored(form))
        is_stored = form.store is not False
        done = await speak_and_log(
            backend,
            chosen,
            request,
            store=is_stored,
            wants_audio=form.return_audio is not False,
        )
        if done.audio is not None:
            return _audio(done.spoken, done.audio, done.chosen, is_stored=is_stored)
        return _record(done.spoken, done.chosen, form, request)

    return router


def _asked(form: SynthesizeForm) -> Asked:
    speed = form.speed if form.speed is not None else form.speed_factor
    return Asked(
        text=form.text,
        model=form.model,
        voice=form.voice if form.voice is not None else form.speaker,
        language=form.language,
        speed=1.0 if speed is None else speed,
        take=form.take or 0,
    )


def _ignored(form: SynthesizeForm) -> tuple[str, ...]:
    """Return a notice for each field that names a file on this machine: it is never opened."""
    given = form.model_extra or {}
    return tuple(
        f"{name} is ignored: no request names a file of this machine"
        for name in SERVER_PATH_FIELDS
        if given.get(name) is not None
    )


def _audio(spoken: Spoken, wav: bytes, chosen: Chosen, *, is_stored: bool) -> Response:
    headers = audio_headers(
        spoken.file_id,
        sha256=spoken.document["sha256"],
        expires_at=spoken.expires_at if is_stored or spoken.cached else None,
    )
    headers |= headers_of(spoken, chosen) | {"Accept-Ranges": "none"}
    return Response(wav, headers=headers, media_type=MEDIA_TYPE)


def _record(spoken: Spoken, chosen: Chosen, form: SynthesizeForm, request: Request) -> JSONResponse:
    is_stored = form.store is not False or spoken.cached
    document: dict[str, Any] = {
        "success": True,
        "request_id": request_id_of(request.scope),
        "model": chosen.request.model,
        "sample_rate": spoken.document["sample_rate"],
        "duration_seconds": spoken.document["duration_seconds"],
        "file_metadata": spoken.document if is_stored else None,
        "file_id": spoken.file_id if is_stored else None,
        "expires_at": instant_text(spoken.expires_at) if is_stored else None,
        "cached": spoken.cached,
        "voice": chosen.request.voice,
        "language": chosen.request.language,
        "notices": list(chosen.notices),
        "reference": form.reference,
    }
    headers = headers_of(spoken, chosen)
    if is_stored:
        headers |= {
            "X-File-ID": spoken.file_id,
            "X-Expires-At": instant_text(spoken.expires_at),
        }
    return JSONResponse(document, headers=headers)


def _skipped(form: SynthesizeForm, request: Request, backend: Backend) -> JSONResponse:
    """Answer a text that has nothing to be spoken, in the form of the existing system."""
    request_id = request_id_of(request.scope)
    document = {
        "success": True,
        "skipped": True,
        "request_id": request_id,
        "model": form.model or backend.engines[0].model,
        "reason": NOTHING_TO_SAY,
        "sample_rate": 0,
        "duration_seconds": 0.0,
        "file_metadata": None,
        "reference": form.reference,
    }
    backend.metrics.speech_answered("skipped")
    _logger.info("speech_skipped", extra={"facts": {"request_id": request_id}})
    return JSONResponse(document, headers={"X-Skipped": "true"})
