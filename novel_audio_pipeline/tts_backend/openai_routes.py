"""The dialect of OpenAI's speech endpoint, which many clients speak."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from novel_audio_pipeline.audio.encodings import MEDIA_TYPES, Format, encoded
from novel_audio_pipeline.tts_backend.audio_answers import repr_digest_of
from novel_audio_pipeline.tts_backend.backend import Backend
from novel_audio_pipeline.tts_backend.choosing import Asked, has_something_to_say
from novel_audio_pipeline.tts_backend.descriptions import audio, errors
from novel_audio_pipeline.tts_backend.forms import Name, Text
from novel_audio_pipeline.tts_backend.refusals import RefusalError
from novel_audio_pipeline.tts_backend.speaking import (
    check_text,
    choose_for_client,
    headers_of,
    speak_and_log,
)


class VoiceById(BaseModel):
    """A voice as ``{"id": name}``."""

    model_config = ConfigDict(strict=True, extra="ignore")

    id: Name


class OpenAiSpeechForm(BaseModel):
    """``POST /v1/audio/speech``. Unknown fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")

    input: Text
    model: Annotated[Name | None, Field(description="One of ours, or of OpenAI's.")] = None
    voice: Annotated[
        Name | VoiceById | None, Field(description="An unknown one is mapped by language.")
    ] = None
    response_format: Format = "mp3"
    speed: Annotated[float, Field(ge=0.25, le=4.0, allow_inf_nan=False)] = 1.0
    language: Annotated[Name | None, Field(description="Beyond OpenAI: a language tag.")] = None


def openai_routes(backend: Backend) -> APIRouter:
    """Return the routes of this dialect."""
    router = APIRouter(prefix="/v1/audio")

    @router.post(
        "/speech",
        response_model=None,
        responses=errors(400, 408, 413, 415, 500, 507) | audio(*MEDIA_TYPES.values()),
    )
    async def speech(form: OpenAiSpeechForm, request: Request) -> Response:
        """Speak a text and answer with the audio, MP3 unless another form is asked for."""
        check_text(form.input, backend)
        if not has_something_to_say(form.input):
            raise RefusalError(
                "the input holds no letter or digit: there is nothing to say",
                status=422,
                code="nothing_to_say",
            )
        voice = form.voice.id if isinstance(form.voice, VoiceById) else form.voice
        asked = Asked(form.input, form.model, voice, form.language, form.speed)
        chosen = choose_for_client(asked, backend, is_openai=True)
        done = await speak_and_log(backend, chosen, request, store=True, wants_audio=True)
        data = await asyncio.to_thread(encoded, done.audio or b"", form=form.response_format)
        headers = headers_of(done.spoken, done.chosen) | {
            "X-File-ID": done.spoken.file_id,
            "Repr-Digest": repr_digest_of(data),
        }
        return Response(data, headers=headers, media_type=MEDIA_TYPES[form.response_format])

    @router.get("/voices", responses=errors())
    async def voices() -> dict[str, Any]:
        """List the voices of all models."""
        listed = [
            {"id": voice.name, "name": voice.name, "language": voice.language, "model": each.model}
            for each in backend.engines
            for voice in each.voices
        ]
        return {"voices": listed}

    return router
