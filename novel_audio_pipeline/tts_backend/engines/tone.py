"""The engine ``tone``, for tests and benchmarks: a hum of the text's length, at a known speed."""

import asyncio
import hashlib
from collections.abc import Sequence

import numpy as np

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import (
    Engine,
    EngineBusyError,
    EngineError,
    Speech,
    Voice,
)

_CHARS_PER_S = 17.0
_SAMPLE_RATE_HZ = 22_050
_AMPLITUDE = 8_000
_LOWEST_HZ, _RANGE_HZ = 120, 400


class ToneEngine(Engine):
    """Hums for as long as the text would take to read, ``real_time`` times as fast as that.

    The pitch and the phase come from the request, so that other texts give other audio and the same
    text the same. It waits instead of computing: a stand-in for an engine on a device of its own.

    Args:
        real_time: Seconds of audio it makes in a second; 0 makes it at once.
        workers: How many texts at a time share that speed each.
        queue_limit: How many texts may wait.
    """

    name = "tone"
    model = "tone"
    max_chars = 2000
    min_speed = 0.25
    max_speed = 4.0
    sample_rate_hz = _SAMPLE_RATE_HZ
    version = "tone 1"
    voices: Sequence[Voice] = (
        Voice("vi", "vi", "A hum, for tests"),
        Voice("en-us", "en", "A hum, for tests"),
    )

    def __init__(
        self, *, real_time: float = 20.0, workers: int = 1, queue_limit: int = 256
    ) -> None:
        self._real_time = real_time
        self._queue_limit = queue_limit
        self._turns = asyncio.Semaphore(workers)
        self._waiting = 0
        self._is_open = False

    @property
    def waiting(self) -> int:
        """How many texts wait for their turn."""
        return self._waiting

    def is_ready(self) -> bool:
        """Return whether it was started and not closed."""
        return self._is_open

    async def start(self) -> None:
        """Begin."""
        self._is_open = True

    def stop_taking(self) -> None:
        """Refuse what waits or comes."""
        self._is_open = False

    async def close(self) -> None:
        """End."""
        self._is_open = False

    async def speak(self, request: SpeechRequest) -> Speech:
        """Hum."""
        if self._turns.locked() and self._waiting >= self._queue_limit:
            raise EngineBusyError(f"{self._waiting} texts wait already", retry_after_s=1)
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            self._demand_open()
            duration_s = max(0.2, len(request.text) / _CHARS_PER_S / request.speed)
            if self._real_time:
                await asyncio.sleep(duration_s / self._real_time)
            return await asyncio.to_thread(_hum, request.content_key, duration_s)
        finally:
            self._turns.release()

    def _demand_open(self) -> None:
        if not self._is_open:
            raise EngineError("the engine is stopping", code="stopping")


def _hum(key: str, duration_s: float) -> Speech:
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big")
    hertz = _LOWEST_HZ + seed % _RANGE_HZ + (seed >> 24) / 2**24
    instants = np.arange(int(duration_s * _SAMPLE_RATE_HZ)) / _SAMPLE_RATE_HZ
    samples = _AMPLITUDE * np.sin(2 * np.pi * hertz * instants)
    return Speech(samples.astype("<i2").tobytes(), _SAMPLE_RATE_HZ)
