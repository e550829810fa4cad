"""How this project's own backend is asked."""

from typing import ClassVar

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_client.dialect import Dialect
from novel_audio_pipeline.tts_client.openapi import BackendDocument

# No other backend can be asked for another reading of the same text.
_OWN_FIELDS = frozenset({"text", "model", "voice", "language", "speed", "take"})


class OwnDialect(Dialect):
    """This project's own backend: digests, UTC, a DELETE that deletes, several requests at once."""

    name: ClassVar[str] = "own"
    one_at_a_time: ClassVar[bool] = False
    keeps_its_word: ClassVar[bool] = True

    @classmethod
    def matches(cls, document: BackendDocument) -> bool:
        """Return whether a synthesis takes all that a speech request is made of."""
        return document.fields.keys() >= _OWN_FIELDS

    def body(self, request: SpeechRequest, *, expiry_hours: int) -> dict[str, object]:  # noqa: ARG002  (an entry lives as long as the backend is set to)
        """Return the request as it is: every part of it decides what is heard."""
        return {
            "text": request.text,
            "model": request.model,
            "voice": request.voice,
            "language": request.language,
            "speed": request.speed,
            "take": request.take,
            "store": True,
            "return_audio": False,
        }
