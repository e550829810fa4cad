"""How the four backends of the existing novel readers are asked: app, vieneu, coqui, viettts.

What they share: one request at a time, ids that are new each time, dates without a time zone (so no
date at all), status 500 for many a wrong request, a DELETE that answers 404 for an expired entry and
leaves its file, or no DELETE at all. Another take is simply another request to them.
"""

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from novel_audio_pipeline.errors import SpeechRefusedError
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_client.dialect import Dialect, refuse_unknown_model
from novel_audio_pipeline.tts_client.openapi import BackendDocument

VIENEU_MODEL = "vieneu-tts"
DIA_MODEL = "dia"
VIENEU_MAX_CHARS = 256
_DIA_VOICE = re.compile(r"[0-9]{2}")


class ExistingDialect(Dialect):
    """What the four have in common."""

    one_at_a_time: ClassVar[bool] = True
    keeps_its_word: ClassVar[bool] = False

    def body(self, request: SpeechRequest, *, expiry_hours: int) -> dict[str, object]:
        """Return the common fields and those of the dialect; see ``Dialect.body``."""
        refuse_unknown_model(request, self.document, name=self.name)
        return {
            "text": request.text,
            "model": request.model,
            "store": True,
            "expiry_hours": expiry_hours,
            "return_audio": False,
            **self._fields(request),
        }

    @abstractmethod
    def _fields(self, request: SpeechRequest) -> dict[str, object]:
        """Return the fields that only this dialect has, or has another way."""

    def _engine(self, entry: Mapping[str, Any], body: Mapping[str, Any]) -> object:
        """Return the model: none of them tells more."""
        return body.get("model") or entry.get("model")


class AppDialect(ExistingDialect):
    """The oldest: ``vieneu-tts`` by a reference recording only, ``dia`` by a number before the text."""

    name: ClassVar[str] = "app"

    @classmethod
    def matches(cls, document: BackendDocument) -> bool:
        """Return whether it speaks ``vieneu-tts`` and has no voices."""
        return VIENEU_MODEL in document.models and "voice" not in document.fields

    def _fields(self, request: SpeechRequest) -> dict[str, object]:
        if request.model != DIA_MODEL:
            raise SpeechRefusedError(
                f"the app backend speaks {request.model} only after a reference recording, a file "
                "of its own machine (ref_audio_path and ref_text), and answers 500 without one; no "
                f"such path is ever sent. Set NOVEL_AUDIO_MODEL={DIA_MODEL} with a two-digit "
                "voice, or use the vieneu backend",
                code="reference_needed",
            )
        return _dia_fields(request)


class VieneuDialect(ExistingDialect):
    """``vieneu-tts`` with named voices, and ``dia``."""

    name: ClassVar[str] = "vieneu"

    @classmethod
    def matches(cls, document: BackendDocument) -> bool:
        """Return whether it speaks ``vieneu-tts`` in voices that have names."""
        return VIENEU_MODEL in document.models and "voice" in document.fields

    def max_chars(self, model: str) -> int | None:
        """Return the default of its own field ``max_chars`` for ``vieneu-tts``; ``dia`` has none."""
        if model == DIA_MODEL:
            return None
        told = self.document.default("max_chars")
        return told if isinstance(told, int) and told > 0 else VIENEU_MAX_CHARS

    def _fields(self, request: SpeechRequest) -> dict[str, object]:
        if request.model == DIA_MODEL:
            return _dia_fields(request)
        _refuse_speed(request, name=self.name)
        return {
            "voice": request.voice,
            "auto_voice": False,  # the voice is part of the content key: nobody else chooses it
            "auto_chunk": True,
            "max_chars": self.max_chars(request.model),
        }


class CoquiDialect(ExistingDialect):
    """XTTS with speakers and languages; tells the id in the body only."""

    name: ClassVar[str] = "coqui"

    @classmethod
    def matches(cls, document: BackendDocument) -> bool:
        """Return whether a synthesis takes a speaker and a language."""
        return document.fields.keys() >= {"speaker", "language"}

    def _fields(self, request: SpeechRequest) -> dict[str, object]:
        _refuse_speed(request, name=self.name)
        return {"speaker": request.voice, "language": request.language}


class ViettsDialect(ExistingDialect):
    """The readers' default: voices and speed, no DELETE, and a GET of numbers that deletes files."""

    name: ClassVar[str] = "viettts"

    @classmethod
    def matches(cls, document: BackendDocument) -> bool:
        """Return whether it speaks ``viet-tts``."""
        return "viet-tts" in document.models

    def _fields(self, request: SpeechRequest) -> dict[str, object]:
        return {"voice": request.voice, "speed": request.speed}


def _dia_fields(request: SpeechRequest) -> dict[str, object]:
    """Return the fields for ``dia``, whose voice is a number before the text.

    Its trimming of silence is switched off: it cuts into speech.

    Raises:
        SpeechRefusedError: If the voice is not two digits.
    """
    if not _DIA_VOICE.fullmatch(request.voice):
        raise SpeechRefusedError(
            f"a voice of the model {DIA_MODEL} is a number of two digits such as 05, not "
            f"{request.voice!r}; set NOVEL_AUDIO_VOICE_VI and NOVEL_AUDIO_VOICE_EN, or `voice` in "
            "the novel's settings file",
            code="unknown_voice",
        )
    return {
        "text": f"[{request.voice}] {request.text}",
        "speed_factor": request.speed,
        "trim_silence": False,
    }


def _refuse_speed(request: SpeechRequest, *, name: str) -> None:
    """Return if the voice's own speed is asked for; audio of another would bear a wrong key.

    Raises:
        SpeechRefusedError: If another speed is asked for.
    """
    if f"{request.speed:.2f}" != "1.00":
        raise SpeechRefusedError(
            f"the {name} backend cannot change the speed of {request.model}, and {request.speed} "
            "is asked for; set NOVEL_AUDIO_SPEED, or `speed` in the novel's settings file, to 1",
            code="speed_not_supported",
        )
