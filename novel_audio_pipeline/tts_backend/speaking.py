"""What every route that speaks does: check the text, choose, have it spoken, tell, log."""

import asyncio
import functools
import logging
from dataclasses import dataclass, replace

from fastapi import Request

from novel_audio_pipeline.tts_backend.backend import Backend
from novel_audio_pipeline.tts_backend.choosing import Asked, Chosen, choose
from novel_audio_pipeline.tts_backend.engines.base import TEXT_NOT_SPOKEN, EngineError
from novel_audio_pipeline.tts_backend.existing_clients import translated
from novel_audio_pipeline.tts_backend.refusals import RefusalError
from novel_audio_pipeline.tts_backend.request_ids import request_id_of
from novel_audio_pipeline.tts_backend.synthesis import Spoken

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answered request.

    Attributes:
        chosen: Who spoke what in the end, and what differs from the wish.
        spoken: Its record.
        audio: The WAV, or None if only the record was wanted.
    """

    chosen: Chosen
    spoken: Spoken
    audio: bytes | None


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


def choose_for_client(asked: Asked, backend: Backend, *, is_openai: bool = False) -> Chosen:
    """Return who speaks, a client of the existing system or of OpenAI's helped by translation.

    OpenAI's clients name no language, and may ask for speeds that no engine has: theirs is seen
    from the text, and the speed brought to what there is.

    Raises:
        RefusalError: 422, as ``choose`` says.
    """
    settings = backend.settings
    ours = translated(
        asked,
        engines=backend.engines,
        default_language=None if is_openai else settings.default_language,
    )
    asked, notices = ours.asked, ours.notices
    if is_openai:
        engine = _chosen(replace(asked, speed=1.0), backend).engine
        speed = min(max(asked.speed, engine.min_speed), engine.max_speed)
        if speed != asked.speed:
            notices += (f"spoken at speed {speed}, the nearest that {engine.name} has",)
            asked = replace(asked, speed=speed)
    chosen = _chosen(asked, backend)
    return replace(chosen, notices=notices + chosen.notices)


def _chosen(asked: Asked, backend: Backend) -> Chosen:
    language = backend.settings.default_language
    return choose(asked, engines=backend.engines, default_language=language)


async def speak_and_log(
    backend: Backend, chosen: Chosen, request: Request, *, store: bool, wants_audio: bool
) -> Answered:
    """Have it spoken, with its audio if wanted, and write one log line about it.

    A text that the engine cannot read is spoken by the stand-in, if there is one.

    Raises:
        RefusalError: 507 if there is no room to store it.
        EngineError: If it cannot be spoken.
        StorageError: If it cannot be stored or read.
    """
    request_id = request_id_of(request.scope)
    speak = functools.partial(
        _speak, backend, request_id=request_id, store=store, wants_audio=wants_audio
    )
    try:
        try:
            spoken, audio = await speak(chosen)
        except EngineError as error:
            if error.code != TEXT_NOT_SPOKEN or chosen.stand_in is None:
                raise
            stand_in = chosen.stand_in
            chosen = replace(stand_in, notices=chosen.notices + stand_in.notices)
            spoken, audio = await speak(chosen)
    except Exception:
        backend.metrics.speech_answered("failed")
        raise
    is_mine = not spoken.cached and spoken.document["request_id"] == request_id
    backend.metrics.speech_answered("made" if is_mine else "cached")
    facts = {
        "request_id": request_id,
        "file_id": spoken.file_id,
        "cached": spoken.cached,
        "made_by_this_request": is_mine,
        "chars": len(chosen.request.text),
        "voice": chosen.request.voice,
    }
    _logger.info("speech_answered", extra={"facts": facts})
    return Answered(chosen, spoken, audio)


async def _speak(
    backend: Backend, chosen: Chosen, *, request_id: str, store: bool, wants_audio: bool
) -> tuple[Spoken, bytes | None]:
    """Have it spoken; an entry that is removed between being found and being read is made anew."""
    while True:
        spoken = await backend.synthesizer.speak(chosen, request_id=request_id, store=store)
        if not wants_audio:
            return spoken, None
        audio = spoken.wav
        if audio is None:
            audio = await asyncio.to_thread(_read, backend, spoken.file_id)
        if audio is not None:
            return spoken, audio


def headers_of(spoken: Spoken, chosen: Chosen) -> dict[str, str]:
    """Return the headers that tell what was spoken by whom, and what differs from the wish."""
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


def _read(backend: Backend, file_id: str) -> bytes | None:
    opened = backend.cache.open(file_id)
    if opened is None:
        return None
    with opened.file as file:
        return file.read()
