"""What one kind of TTS backend wants and answers: the interface, and what all kinds share.

One class for each kind; no HTTP here. How a kind is told from another: ``recognition.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from novel_audio_pipeline.errors import AudioTransferError, SpeechRefusedError
from novel_audio_pipeline.speech.request import FILE_ID_PATTERN, SpeechRequest
from novel_audio_pipeline.tts_client.openapi import AUDIO_PATH, SYNTHESIZE_PATH, BackendDocument
from novel_audio_pipeline.tts_client.replies import CachedSpeech, SkippedSpeech

NEEDED_CALLS = frozenset({("POST", SYNTHESIZE_PATH), ("GET", AUDIO_PATH)})


class Dialect(ABC):
    """How one kind of backend is asked, and how its answers are to be read.

    Attributes:
        name: For messages.
        one_at_a_time: Whether it answers nothing while it speaks, so that a second request would
            only wait there, and time out there, instead of here.
        keeps_its_word: Whether an entry that it says is deleted, or unknown, is gone from its
            folder.
        has_delete: Whether it can be asked to delete an entry.
    """

    name: ClassVar[str]
    one_at_a_time: ClassVar[bool]
    keeps_its_word: ClassVar[bool]

    def __init__(self, document: BackendDocument) -> None:
        """Take over what the backend's document tells."""
        self.document = document
        self.has_delete = ("DELETE", AUDIO_PATH) in document.calls

    @classmethod
    @abstractmethod
    def matches(cls, document: BackendDocument) -> bool:
        """Return whether a backend with this document, and with the needed calls, is of this kind."""

    @abstractmethod
    def body(self, request: SpeechRequest, *, expiry_hours: int) -> dict[str, object]:
        """Return the JSON of a synthesis that caches the audio and answers with its record.

        Args:
            request: What is to be heard.
            expiry_hours: How long the entry is wanted, for backends that let themselves be told.

        Raises:
            SpeechRefusedError: If this backend is known to be unable to speak it that way.
        """

    def max_chars(self, model: str) -> int | None:  # noqa: ARG002  (some have a limit for each model)
        """Return the longest text a model takes in one request, or None if none is known."""
        return None

    def read(
        self, headers: Mapping[str, str], body: Mapping[str, Any], *, where: str
    ) -> CachedSpeech | SkippedSpeech:
        """Return what a successful synthesis answered.

        Args:
            headers: Of the answer; looked up whatever the case.
            body: Its JSON object; empty if it had none.
            where: Who answered, for messages.

        Raises:
            AudioTransferError: If there is no ``file_id``, or none that is 32 lowercase hex digits.
        """
        if body.get("skipped"):
            return SkippedSpeech(reason=str(body.get("reason") or ""))
        told = body.get("file_metadata")
        entry = told if isinstance(told, dict) else {}
        file_id = headers.get("X-File-ID") or entry.get("file_id") or ""
        if not FILE_ID_PATTERN.fullmatch(str(file_id)):
            raise AudioTransferError(
                f"{where} answered 200 to a synthesis without a usable file_id ({file_id!r})"
            )
        return CachedSpeech(
            file_id=str(file_id),
            already_cached=bool(body.get("cached")),
            expires_at=_instant(headers.get("X-Expires-At") or entry.get("expires_at")),
            engine=str(self._engine(entry, body) or ""),
            voice=str(entry.get("voice") or ""),
        )

    def _engine(self, entry: Mapping[str, Any], body: Mapping[str, Any]) -> object:
        """Return what spoke, as reported."""
        return entry.get("engine") or body.get("engine")


def refuse_unknown_model(request: SpeechRequest, document: BackendDocument, *, name: str) -> None:
    """Return if the backend has the model that is asked for, or does not list its models.

    Raises:
        SpeechRefusedError: If it has not; the message lists what it has.
    """
    if document.models and request.model not in document.models:
        raise SpeechRefusedError(
            f"the {name} backend has no model {request.model!r}; it has "
            f"{', '.join(sorted(document.models))}. Set NOVEL_AUDIO_MODEL, or `model` in the "
            "novel's settings file, to one of these",
            code="unknown_model",
        )


def _instant(text: object) -> datetime | None:
    """Return an instant, or None if there is none or it has no time zone, and so is a guess."""
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else None
