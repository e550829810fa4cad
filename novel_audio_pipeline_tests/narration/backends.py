"""Backends for narration tests: real classes behind the protocol, with faults told beforehand."""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import numpy as np

from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.errors import CacheEntryGoneError
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_client.replies import (
    BackendHealth,
    CachedSpeech,
    DownloadedAudio,
    SkippedSpeech,
)

RATE = 8_000
EXPIRES_AT = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)


def speech_of(request: SpeechRequest, *, seconds: float | None = None) -> bytes:
    """Return a WAV that depends on the request alone, about as long as speech would be."""
    length = seconds if seconds is not None else len(request.text) / 16 / request.speed
    seed = int.from_bytes(hashlib.sha256(request.content_key.encode()).digest()[:4], "big")
    t = np.arange(max(1, int(length * RATE)))
    tone = np.sin(2 * np.pi * (200 + seed % 400) * t / RATE) * 8000
    return encode_wav((tone + seed % 7).astype(np.int16), RATE)


class FakeBackend:
    """A backend with a cache in memory. ``faults`` are raised by the next calls, in order."""

    url = "http://fake"

    def __init__(
        self,
        *,
        speak: Callable[[SpeechRequest], bytes] = speech_of,
        faults: Iterable[Exception | None] = (),
        proof: str = "digest",
        refuse: Callable[[str], bool] = lambda _text: False,
        max_chars: int | None = None,
    ) -> None:
        self.cache: dict[str, bytes] = {}
        self.synthesized: Counter[str] = Counter()
        self.evicted: list[str] = []
        self.healths = 0
        self.faults = deque(faults)
        self.health_faults: deque[Exception | None] = deque()
        self._speak = speak
        self._proof = proof
        self._refuse = refuse
        self._max_chars = max_chars

    async def health(self) -> BackendHealth:
        self.healths += 1
        if self.health_faults and (fault := self.health_faults.popleft()) is not None:
            raise fault
        return BackendHealth(service="fake", version="1", expiry=timedelta(hours=2))

    async def max_chars(self, model: str) -> int | None:
        return self._max_chars

    async def synthesize(self, request: SpeechRequest) -> CachedSpeech | SkippedSpeech:
        self.synthesized[request.text] += 1
        if self.faults and (fault := self.faults.popleft()) is not None:
            raise fault
        if self._refuse(request.text):
            return SkippedSpeech("too short")
        known = request.file_id in self.cache
        self.cache[request.file_id] = self._speak(request)
        return CachedSpeech(request.file_id, known, EXPIRES_AT, "fake 1", request.voice)

    async def download(self, file_id: str) -> DownloadedAudio:
        if file_id not in self.cache:
            raise CacheEntryGoneError(file_id)
        data = self.cache[file_id]
        return DownloadedAudio(data, hashlib.sha256(data).hexdigest(), self._proof)

    async def evict(self, file_id: str, *, sha256: str) -> bool:
        self.evicted.append(file_id)
        return self.cache.pop(file_id, None) is not None
