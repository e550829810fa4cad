"""What stands in ``metadata/{file_id}.json``: written by us, read whoever wrote it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from novel_audio_pipeline.instants import instant_text

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ANSWERED: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "request_id": str,
    "sample_rate": int,
    "duration_seconds": (int, float),
}


@dataclass(frozen=True, slots=True)
class EntryMetadata:
    """The record beside one WAV of the cache.

    The first fields are those of the existing backends, in their order and under their names
    (``created_at`` to ``request_id``); what is ours follows. No path is in it: ``file_path`` is the
    bare file name.

    Attributes:
        file_id: 32 lowercase hex digits.
        text: What was asked to be spoken.
        model: Name of the model.
        voice: Name of the voice; ``speaker_id`` for older readers.
        language: Primary language tag.
        speed: 1.0 is the voice's own.
        take: Which reading of the text.
        content_key: SHA-256 of the speech request, 64 hex digits.
        created_at: When it was stored, aware UTC; the WAV carries the same date.
        expires_at: When it stops being served.
        expiry_hours: Life of the cache's entries, in hours.
        size_bytes: Size of the WAV.
        sample_rate_hz: Frames per second.
        duration_s: Length of the audio, in seconds.
        sha256: Of the WAV's bytes, 64 hex digits.
        request_id: Of the request that made it.
        engine: Name and version of what spoke.
    """

    file_id: str
    text: str
    model: str
    voice: str
    language: str
    speed: float
    take: int
    content_key: str
    created_at: datetime
    expires_at: datetime
    expiry_hours: int
    size_bytes: int
    sample_rate_hz: int
    duration_s: float
    sha256: str
    request_id: str
    engine: str


def metadata_document(metadata: EntryMetadata) -> dict[str, Any]:
    """Return the record as it is written and answered, keys in the order of the existing system."""
    file_name = f"{metadata.file_id}.wav"
    return {
        "file_id": metadata.file_id,
        "file_path": file_name,
        "file_name": file_name,
        "text": metadata.text,
        "speaker_id": metadata.voice,
        "model": metadata.model,
        "created_at": instant_text(metadata.created_at),
        "expires_at": instant_text(metadata.expires_at),
        "expiry_hours": metadata.expiry_hours,
        "file_size": metadata.size_bytes,
        "file_size_mb": round(metadata.size_bytes / 1024 / 1024, 3),
        "request_id": metadata.request_id,
        "sample_rate": metadata.sample_rate_hz,
        "sha256": metadata.sha256,
        "duration_seconds": round(metadata.duration_s, 6),
        "voice": metadata.voice,
        "language": metadata.language,
        "speed": metadata.speed,
        "take": metadata.take,
        "content_key": metadata.content_key,
        "engine": metadata.engine,
    }


def can_be_answered(document: dict[str, Any]) -> bool:
    """Return whether a record holds what answers are made of, in the types that we write."""
    has_all = all(isinstance(document.get(name), kind) for name, kind in _ANSWERED.items())
    return has_all and is_sha256(document.get("sha256"))


def is_sha256(value: object) -> bool:
    """Return whether a value of a record is a digest: 64 lowercase hex digits."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def document_to_json(document: dict[str, Any]) -> bytes:
    """Return the document as UTF-8 JSON, indented by two, Vietnamese left readable."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def document_from_json(data: bytes) -> dict[str, Any] | None:
    """Return the document, or None if it is torn, no JSON, or no object."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
