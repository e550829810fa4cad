"""The engine ``espeak``: espeak-ng in child processes, Vietnamese and English, no downloads."""

import sys
from collections.abc import Sequence
from typing import Unpack

import espeakng_loader

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import EngineError, Speech, Voice
from novel_audio_pipeline.tts_backend.engines.worker_engine import (
    Children,
    WorkerEngine,
    demand_ok,
)

_WORKER = "novel_audio_pipeline.tts_backend.engines.espeak_worker"
WORDS_PER_MINUTE = 175
_SLOWEST, _FASTEST = 80, 450  # words per minute that espeak-ng knows
VOICES = (
    Voice("vi", "vi", "Vietnamese, north"),
    Voice("vi-vn-x-central", "vi", "Vietnamese, centre"),
    Voice("vi-vn-x-south", "vi", "Vietnamese, south"),
    Voice("en-us", "en", "English, America"),
    Voice("en", "en", "English, Britain"),  # espeak-ng finds no voice called en-gb
)


class EspeakEngine(WorkerEngine):
    """espeak-ng in ``workers`` processes of its own.

    Args:
        children: How they are run.
    """

    name = "espeak"
    model = "espeak"
    library = "espeak-ng"
    max_chars = 2000
    min_speed = 0.46
    max_speed = 2.57
    sample_rate_hz = 22_050

    def __init__(self, **children: Unpack[Children]) -> None:
        loaded = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
        super().__init__([sys.executable, "-m", _WORKER, *loaded], **children)

    @property
    def voices(self) -> Sequence[Voice]:
        """Three Vietnamese, two English."""
        return VOICES

    async def speak(self, request: SpeechRequest) -> Speech:
        """Speak the text; take n is the n-th further reading of it."""
        answer = await self.pool.ask(
            {
                "do": "speak",
                "text": request.text,
                "voice": request.voice,
                "words_per_minute": words_per_minute(request.speed),
                "take": request.take,
            }
        )
        demand_ok(answer)
        return Speech(answer.pcm, int(answer.header["sample_rate_hz"]))


def words_per_minute(speed: float) -> int:
    """Return the speed as espeak-ng wants it, 175 words a minute at 1.0.

    Raises:
        EngineError: If espeak-ng cannot speak that slowly or that fast.
    """
    words = round(WORDS_PER_MINUTE * speed)
    if not _SLOWEST <= words <= _FASTEST:
        raise EngineError(
            f"espeak speaks at speed {EspeakEngine.min_speed} to {EspeakEngine.max_speed}, "
            f"not at {speed}",
            code="speed_out_of_range",
        )
    return words
