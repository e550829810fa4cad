"""Which model and voice speak a language: our settings, resolved, before anything is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_MODEL = "espeak"
DEFAULT_VOICES: Mapping[str, str] = {"vi": "vi", "en": "en-us"}
DEFAULT_MAX_CHARS = 1000


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """How novels are spoken unless their own settings say otherwise.

    Attributes:
        model: Name of the model the backend is asked for.
        voices: Voice by primary language tag.
        speed: 1.0 is the voice's own.
        max_chars: A longer text is spoken in pieces, cut at sentence ends.
    """

    model: str = DEFAULT_MODEL
    voices: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_VOICES))
    speed: float = 1.0
    max_chars: int = DEFAULT_MAX_CHARS
