"""The speech request: all that decides what is heard, and the content key made from it."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

CONTENT_KEY_VERSION = 1
CONTENT_KEY_PATTERN = re.compile(r"[0-9a-f]{64}")
FILE_ID_PATTERN = re.compile(r"[0-9a-f]{32}")
MIN_SPEED, MAX_SPEED = 0.25, 4.0
MAX_TAKE = 99


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """One utterance as it is asked for. Two equal requests are the same audio.

    Engine version and backend URL are left out on purpose: an update of either must not cost a
    library its audio.

    Attributes:
        text: What is spoken, NFC, not blank.
        model: Name of the model, as our settings resolve it; never ``default``.
        voice: Name of the voice, likewise.
        language: Primary language tag, ``vi`` or ``en``.
        speed: 1.0 is the voice's own; from 0.25 to 4.0, two decimals count.
        take: 0, or more for another reading of the same text; at most 99.

    Raises:
        ValueError: If a field is outside these bounds.
    """

    text: str
    model: str
    voice: str
    language: str
    speed: float = 1.0
    take: int = 0

    def __post_init__(self) -> None:
        if not self.text.strip() or not unicodedata.is_normalized("NFC", self.text):
            raise ValueError("text must be NFC and not blank")
        for name in ("model", "voice", "language"):
            if getattr(self, name) in ("", "default"):
                raise ValueError(f"{name} must be resolved, got {getattr(self, name)!r}")
        if not MIN_SPEED <= self.speed <= MAX_SPEED:
            raise ValueError(f"speed must be {MIN_SPEED} to {MAX_SPEED}, got {self.speed}")
        if not 0 <= self.take <= MAX_TAKE:
            raise ValueError(f"take must be 0 to {MAX_TAKE}, got {self.take}")

    @property
    def content_key(self) -> str:
        """SHA-256, 64 lowercase hex digits, of the request as UTF-8 JSON.

        Sorted keys, no spaces, speed as a string with two decimals, ``v`` = 1.
        """
        fields = {
            "v": CONTENT_KEY_VERSION,
            "text": self.text,
            "model": self.model,
            "voice": self.voice,
            "language": self.language,
            "speed": f"{self.speed:.2f}",
            "take": self.take,
        }
        data = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(data.encode()).hexdigest()

    @property
    def file_id(self) -> str:
        """Name of the cache entry on this project's own backend: 32 digits of the content key."""
        return self.content_key[:32]


def joined_content_key(pieces: Sequence[SpeechRequest]) -> str:
    """Return the content key of a text spoken in pieces.

    One piece has its own key; several have the SHA-256 over their keys (hex, in order, joined by
    nothing).

    Raises:
        ValueError: If there is no piece.
    """
    if not pieces:
        raise ValueError("a text is spoken in at least one piece")
    if len(pieces) == 1:
        return pieces[0].content_key
    return hashlib.sha256("".join(piece.content_key for piece in pieces).encode()).hexdigest()
