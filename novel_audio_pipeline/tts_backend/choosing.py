"""Which engine and voice speak a request: pure, and every choice that was not asked for is told."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import Engine, Voice
from novel_audio_pipeline.tts_backend.refusals import RefusalError


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asked to be spoken; None is left to the backend.

    Attributes:
        text: As it came.
        model: Name of the model.
        voice: Name of the voice.
        language: A language tag; only its first part counts.
        speed: 1.0 is the voice's own.
        take: 0, or more for another reading.
    """

    text: str
    model: str | None = None
    voice: str | None = None
    language: str | None = None
    speed: float = 1.0
    take: int = 0


@dataclass(frozen=True, slots=True)
class Chosen:
    """What will be spoken.

    Attributes:
        request: Resolved: its ``file_id`` names the cache entry.
        engine: Who speaks it.
        notices: What differs from what was asked for, in sentences for people.
        stand_in: Who speaks it if this engine cannot read the text; None if a model was named.
    """

    request: SpeechRequest
    engine: Engine
    notices: tuple[str, ...] = ()
    stand_in: "Chosen | None" = None


def has_something_to_say(text: str) -> bool:
    """Return whether a text holds a letter or a digit of any script."""
    return any(char.isalnum() for char in text)


def choose(asked: Asked, *, engines: Sequence[Engine], default_language: str) -> Chosen:
    """Return who speaks the request, in which voice.

    What is named must exist, and voice and language must agree. What is not named: the first
    engine that has the voice or the language; the language of the voice, else
    ``default_language``; the language's first voice.

    Raises:
        RefusalError: 422, with ``unknown_model``, ``unknown_voice``, ``unknown_language``,
            ``voice_language_mismatch`` or ``speed_out_of_range``.
    """
    engine = _engine(asked, engines, default_language)
    voice = _voice(asked, engine, default_language)
    if not engine.min_speed <= asked.speed <= engine.max_speed:
        raise _refusal(
            "speed_out_of_range",
            f"{engine.name} speaks at speed {engine.min_speed} to {engine.max_speed}, "
            f"not at {asked.speed}",
        )
    request = _request(asked, engine, voice)
    if asked.model is not None:
        return Chosen(request, engine)
    told: tuple[str, ...] = ()
    if engine is not engines[0]:
        told = (f"the model {engines[0].model!a} does not have it; {engine.model!a} speaks",)
    others = engines[list(engines).index(engine) + 1 :]
    return Chosen(request, engine, told, _stand_in(asked, others, engine, voice.language))


def _request(asked: Asked, engine: Engine, voice: Voice) -> SpeechRequest:
    return SpeechRequest(
        text=unicodedata.normalize("NFC", asked.text),
        model=engine.model,
        voice=voice.name,
        language=voice.language,
        speed=asked.speed,
        take=asked.take,
    )


def _stand_in(
    asked: Asked, others: Sequence[Engine], engine: Engine, language: str
) -> Chosen | None:
    """Return the first of the other engines that has the language and the speed."""
    told = (f"{engine.model!a} cannot read this text; another one speaks",)
    for other in others:
        if not other.min_speed <= asked.speed <= other.max_speed:
            continue
        for voice in other.voices:
            if voice.language == language:
                return Chosen(_request(asked, other, voice), other, told)
    return None


def _engine(asked: Asked, engines: Sequence[Engine], default_language: str) -> Engine:
    """Return the engine of the model; without one, the first that has the voice or the language."""
    if asked.model is not None:
        for engine in engines:
            if engine.model == asked.model:
                return engine
        known = ", ".join(engine.model for engine in engines)
        raise _refusal(
            "unknown_model", f"there is no model {asked.model[:100]!a}; there is {known}"
        )
    language = default_language if asked.language is None else primary_language(asked.language)
    for engine in engines:
        for voice in engine.voices:
            if voice.name == asked.voice or (asked.voice is None and voice.language == language):
                return engine
    return engines[0]


def _voice(asked: Asked, engine: Engine, default_language: str) -> Voice:
    language = None if asked.language is None else primary_language(asked.language)
    if asked.voice is None:
        wanted = default_language if language is None else language
        for voice in engine.voices:
            if voice.language == wanted:
                return voice
        known = ", ".join(sorted({voice.language for voice in engine.voices}))
        raise _refusal(
            "unknown_language", f"{engine.name} does not speak {wanted[:100]!a}; it speaks {known}"
        )
    for voice in engine.voices:
        if voice.name == asked.voice:
            if language not in (None, voice.language):
                raise _refusal(
                    "voice_language_mismatch",
                    f"the voice {voice.name!r} speaks {voice.language}, not {language[:100]!a}",
                )
            return voice
    known = ", ".join(voice.name for voice in engine.voices)
    raise _refusal("unknown_voice", f"there is no voice {asked.voice[:100]!a}; there is {known}")


def primary_language(tag: str) -> str:
    """Return the first part of a language tag, in lower case: ``en`` of ``en-US``."""
    return tag.replace("_", "-").split("-")[0].strip().lower()


def _refusal(code: str, message: str) -> RefusalError:
    return RefusalError(message, status=422, code=code)
