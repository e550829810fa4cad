"""What an engine is: the small interface behind which any speech engine can stand."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass

from novel_audio_pipeline.speech.request import SpeechRequest

TEXT_NOT_SPOKEN = "text_not_spoken"


class EngineError(Exception):
    """The engine did not speak. It stays inside the backend, which answers with HTTP statuses.

    Attributes:
        code: Stable name of what happened, ``lower_snake_case``; ``text_not_spoken`` means that
            this engine never speaks this text, and another may.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class EngineBusyError(EngineError):
    """More is waiting already than may wait.

    Attributes:
        retry_after_s: When asking again makes sense, in seconds, at least 1.
    """

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message, code="queue_full")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of an engine.

    Attributes:
        name: As a request names it.
        language: Primary language tag it speaks.
        description: For people.
    """

    name: str
    language: str
    description: str


@dataclass(frozen=True, slots=True)
class Speech:
    """What an engine spoke.

    Attributes:
        pcm: Samples, mono, 16 bits signed, little-endian.
        sample_rate_hz: Samples per second.
    """

    pcm: bytes
    sample_rate_hz: int


class Engine(abc.ABC):
    """Speaks texts. Started once, used by many requests at once, closed once.

    Attributes:
        name: Name of the engine, as ``TTS_ENGINE`` chooses it.
        model: Name of its model, as requests name it.
        max_chars: Longest text for one ``speak``; longer ones are cut at sentence ends before.
        min_speed: Slowest speed it can do.
        max_speed: Fastest speed it can do.
        sample_rate_hz: What it usually speaks at; each ``Speech`` says for itself.
    """

    name: str
    model: str
    max_chars: int
    min_speed: float
    max_speed: float
    sample_rate_hz: int

    @property
    @abc.abstractmethod
    def version(self) -> str:
        """Name and version of what speaks, as records tell it."""

    @property
    @abc.abstractmethod
    def voices(self) -> Sequence[Voice]:
        """All voices; the first of a language is that language's default."""

    @abc.abstractmethod
    async def start(self) -> None:
        """Get ready to speak.

        Raises:
            EngineError: If it never will.
        """

    @abc.abstractmethod
    async def speak(self, request: SpeechRequest) -> Speech:
        """Speak a text of at most ``max_chars`` in a voice of this engine.

        Equal requests give equal samples where the engine can. The event loop is never blocked.

        Raises:
            EngineBusyError: If too many wait already.
            EngineError: If it failed, hung or died, twice.
        """

    @abc.abstractmethod
    def stop_taking(self) -> None:
        """Finish what is being spoken and refuse, as ``stopping``, what waits or comes."""

    @abc.abstractmethod
    async def close(self) -> None:
        """End everything that was started; safe to call twice."""

    @property
    @abc.abstractmethod
    def waiting(self) -> int:
        """How many texts wait for their turn."""

    @abc.abstractmethod
    def is_ready(self) -> bool:
        """Return whether a text would be spoken now."""
