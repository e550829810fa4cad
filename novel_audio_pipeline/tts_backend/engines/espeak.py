"""The engine ``espeak``: espeak-ng in child processes, Vietnamese and English, no downloads."""

import os
import sys
from collections.abc import Sequence

import espeakng_loader

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import EngineError, Speech, Voice
from novel_audio_pipeline.tts_backend.engines.worker_engine import WorkerEngine, demand_ok
from novel_audio_pipeline.tts_backend.engines.worker_pool import WorkerPool

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
        workers: How many processes; 0 is one for each processor.
        queue_limit: How many texts may wait.
        timeout_s: A process silent for longer is replaced.
    """

    name = "espeak"
    model = "espeak"
    max_chars = 2000
    min_speed = 0.46
    max_speed = 2.57
    sample_rate_hz = 22_050

    def __init__(
        self, *, workers: int = 0, queue_limit: int = 256, timeout_s: float = 60.0
    ) -> None:
        self._version = "espeak-ng"
        command = [
            sys.executable, "-m", _WORKER,
            espeakng_loader.get_library_path(), espeakng_loader.get_data_path(),
        ]  # fmt: skip
        size = workers or os.cpu_count() or 1
        super().__init__(
            WorkerPool(command, size=size, queue_limit=queue_limit, timeout_s=timeout_s)
        )

    @property
    def version(self) -> str:
        """``espeak-ng`` and its version."""
        return self._version

    @property
    def voices(self) -> Sequence[Voice]:
        """Three Vietnamese, two English."""
        return VOICES

    async def start(self) -> None:
        """Start the processes and ask the library for its version."""
        self._version = f"espeak-ng {await self.start_and_ask_version()}"

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
