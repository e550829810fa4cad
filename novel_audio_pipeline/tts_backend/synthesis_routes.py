"""``POST /api/tts/synthesize``: text in, audio or its record out."""

import asyncio
import logging
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from novel_audio_pipeline.tts_backend.audio_answers import MEDIA_TYPE, audio_headers
from novel_audio_pipeline.tts_backend.backend import Backend
from novel_audio_pipeline.tts_backend.choosing import Asked, Chosen, choose, has_something_to_say
from novel_audio_pipeline.tts_backend.doors import request_id_of
from novel_audio_pipeline.tts_backend.forms import SynthesizeForm
from novel_audio_pipeline.tts_backend.refusals import RefusalError
from novel_audio_pipeline.tts_backend.synthesis import Spoken
from novel_audio_pipeline.tts_cache.metadata import instant_text

NOTHING_TO_SAY = "Text without a letter or digit: there is nothing to say"
_logger = logging.getLogger(__name__)


def synthesis_routes(backend: Backend) -> APIRouter:
    """Return the route that speaks."""
    router = APIRouter()

    @router.post("/api/tts/synthesize", response_model=None)
    async def synthesize(form: SynthesizeForm, request: Request) -> Response:
        """Speak a text, or answer from the cache. Audio, or JSON if ``return_audio`` is false."""
        check_text(form.text, backend)
        if not has_something_to_say(form.text):
            return _skipped(form, request, backend)
        asked = Asked(
            text=form.text,
            model=form.model,
            voice=form.voice,
            language=form.language,
            speed=1.0 if form.speed is None else form.speed,
            take=form.take or 0,
        )
        chosen = choose(
            asked, engines=backend.engines, default_language=backend.settings.default_language
        )
        spoken, audio = await speak_and_log(
            backend, chosen, request, store=form.store is not False,
            wants_audio=form.return_audio is not False,
        )  # fmt: skip
        if audio is not None:
            return _audio(spoken, audio, chosen, stored=form.store is not False)
        return _record(spoken, chosen, form, request)

    return router


def check_text(text: str, backend: Backend) -> None:
    """Refuse a text that is blank or too long.

    Raises:
        RefusalError: 400 ``text_blank`` or 422 ``text_too_long``.
    """
    limit = backend.settings.max_text_chars
    if not text.strip():
        raise RefusalError("the text is blank", status=400, code="text_blank")
    if len(text) > limit:
        raise RefusalError(
            f"the text has {len(text)} characters, and at most {limit} are spoken at once; "
            "cut it at a sentence end",
            status=422,
            code="text_too_long",
        )


async def speak_and_log(
    backend: Backend, chosen: Chosen, request: Request, *, store: bool, wants_audio: bool
) -> tuple[Spoken, bytes | None]:
    """Have it spoken, with its audio if wanted, and write one log line about it.

    An entry that is removed between being found and being read is made anew.

    Raises:
        EngineError: If it cannot be spoken.
        StorageError: If it cannot be stored or read.
    """
    request_id = request_id_of(request.scope)
    while True:
        spoken = await backend.synthesizer.speak(chosen, request_id=request_id, store=store)
        audio = spoken.wav
        if audio is None and wants_audio:
            audio = await asyncio.to_thread(_read, backend, spoken.file_id)
            if audio is None:
                continue
        break
    facts = {
        "request_id": request_id,
        "file_id": spoken.file_id,
        "cached": spoken.cached,
        "made_by_this_request": not spoken.cached and spoken.document["request_id"] == request_id,
        "chars": len(chosen.request.text),
        "voice": chosen.request.voice,
    }
    _logger.info("speech_answered", extra={"facts": facts})
    return spoken, audio if wants_audio else None


def _read(backend: Backend, file_id: str) -> bytes | None:
    opened = backend.cache.open(file_id)
    if opened is None:
        return None
    with opened.file as file:
        return file.read()


def _audio(spoken: Spoken, audio: bytes, chosen: Chosen, *, stored: bool) -> Response:
    headers = audio_headers(
        spoken.file_id,
        sha256=spoken.document["sha256"],
        expires_at=spoken.expires_at if stored or spoken.cached else None,
    )
    headers |= _headers(spoken, chosen)
    headers["Accept-Ranges"] = "none"
    return Response(audio, headers=headers, media_type=MEDIA_TYPE)


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
    headers = _headers(spoken, chosen)
    if is_stored:
        headers |= {
            "X-File-ID": spoken.file_id,
            "X-Expires-At": instant_text(spoken.expires_at),
        }
    return JSONResponse(document, headers=headers)


def _headers(spoken: Spoken, chosen: Chosen) -> dict[str, str]:
    headers = {
        "X-Cached": str(spoken.cached).lower(),
        "X-Model": chosen.request.model,
        "X-Voice": chosen.request.voice,
        "X-Sample-Rate": str(spoken.document["sample_rate"]),
        "X-Duration": str(spoken.document["duration_seconds"]),
    }
    if chosen.notices:
        headers["X-Notices"] = "; ".join(chosen.notices).encode("ascii", "replace").decode()
    return headers


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
    _logger.info("speech_skipped", extra={"facts": {"request_id": request_id}})
    return JSONResponse(document, headers={"X-Skipped": "true"})
