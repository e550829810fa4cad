"""From a chosen request to a cache entry: cached, or spoken once however many ask at once."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from novel_audio_pipeline.audio.joining import joined
from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.speech.sentences import cut_at_sentences
from novel_audio_pipeline.tts_backend.budget import DiskBudget
from novel_audio_pipeline.tts_backend.choosing import Chosen
from novel_audio_pipeline.tts_backend.engines.base import EngineError, Speech
from novel_audio_pipeline.tts_backend.metrics import Metrics
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.metadata import (
    EntryMetadata,
    can_be_answered,
    metadata_document,
)
from novel_audio_pipeline.tts_cache.remembered import Remembered, Sight

RENEW_BEFORE = timedelta(minutes=10)
_REMEMBERED_BYTES = 8_000_000  # about 2,000 records
_RECORD_BYTES, _CHAR_BYTES = 4_000, 2  # of memory: a record without its text, and that
_SAMPLE_BYTES = 2
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance, in the cache or just made.

    Attributes:
        file_id: Its name in the cache.
        document: Its record, as stored.
        expires_at: When its entry stops being served.
        wav: The audio if it was just made, or None: then it lies in the cache.
        cached: Whether it was there already.
    """

    file_id: str
    document: dict[str, Any]
    expires_at: datetime
    wav: bytes | None
    cached: bool


class Synthesizer:
    """Answers chosen requests from the cache, or has them spoken and stored.

    Args:
        cache: Where audio is looked for and stored.
        ttl: Life of an entry.
        now: The clock.
        budget: Says whether there is room to store more.
        metrics: Told of what is made.
    """

    def __init__(
        self,
        *,
        cache: CacheFolder,
        ttl: timedelta,
        now: Callable[[], datetime],
        budget: DiskBudget,
        metrics: Metrics,
    ) -> None:
        self._cache = cache
        self._ttl = ttl
        self._now = now
        self._budget = budget
        self._metrics = metrics
        self._flights: dict[tuple[str, bool], asyncio.Task[Spoken]] = {}
        self._remembered = Remembered[Spoken](cache, limit=_REMEMBERED_BYTES)

    async def speak(self, chosen: Chosen, *, request_id: str, store: bool) -> Spoken:
        """Return the audio's record; the audio itself too if it had to be made.

        An entry with less than ten minutes to live is made anew. That it is there, unexpired and
        whole is looked at for each request; its record is read again only if a file of it changed.
        Requests for one ``file_id`` at the same time share one synthesis, which goes on if those
        who asked leave.

        Raises:
            EngineError: If it cannot be spoken.
            RefusalError: 507 if there is no room to store it.
            StorageError: If it cannot be stored.
        """
        file_id = chosen.request.file_id
        key = (file_id, store)
        if key not in self._flights:
            found = self._remembered.find(file_id)
            if found is not None and self._lives_long_enough(found):
                return found
            found = await self._look_into_cache(file_id)
            if found is not None:
                return found
        flight = self._flights.get(key)
        if flight is None:  # it looks again: another one may have landed since
            flight = asyncio.create_task(self._find_or_make(chosen, request_id, store=store))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(flight)

    async def drain(self, *, timeout_s: float) -> None:
        """Wait until nothing is being made any more, or until the time is over."""
        if self._flights:
            await asyncio.wait(list(self._flights.values()), timeout=timeout_s)

    def _landed(self, key: tuple[str, bool], flight: "asyncio.Task[Spoken]") -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # whoever asked may have left; a task's error wants to be looked at

    async def _find_or_make(self, chosen: Chosen, request_id: str, *, store: bool) -> Spoken:
        found = await self._look_into_cache(chosen.request.file_id)
        if found is not None:
            return found
        if store:
            await asyncio.to_thread(self._budget.demand_room)
        started_s = time.monotonic()
        pieces = await _speak_in_pieces(chosen)
        spoken = await asyncio.to_thread(self._finish, chosen, pieces, request_id, store)
        self._metrics.speech_made(
            took_s=time.monotonic() - started_s, audio_s=spoken.document["duration_seconds"]
        )
        return spoken

    async def _look_into_cache(self, file_id: str) -> Spoken | None:
        """Return the entry if it is there to be answered with, and remember it then."""
        found, sight = await asyncio.to_thread(self._find, file_id)
        if found is not None and sight is not None:
            weight = _RECORD_BYTES + _CHAR_BYTES * len(found.document["text"])
            self._remembered.keep(file_id, sight, found, weight=weight)
        return found

    def _find(self, file_id: str) -> tuple[Spoken | None, Sight | None]:
        """Return the entry if it is whole, recorded by us, and has ten minutes to live."""
        sight = self._remembered.sight(file_id)
        opened = self._cache.open(file_id)
        if opened is None:
            return None, None
        opened.file.close()
        document = opened.metadata
        if document is None or not opened.is_recorded or not can_be_answered(document):
            return None, None
        expires_at = opened.entry.stored_at + self._ttl
        found = Spoken(file_id, document, expires_at, wav=None, cached=True)
        return (found, sight) if self._lives_long_enough(found) else (None, None)

    def _lives_long_enough(self, spoken: Spoken) -> bool:
        return spoken.expires_at - self._now() >= RENEW_BEFORE

    def _finish(  # passed through to_thread by position
        self,
        chosen: Chosen,
        pieces: Sequence[Speech],
        request_id: str,
        store: bool,  # noqa: FBT001
    ) -> Spoken:
        rate = pieces[0].sample_rate_hz
        parts = [np.frombuffer(piece.pcm, dtype="<i2") for piece in pieces]
        samples = joined(parts, sample_rate_hz=rate)
        wav = encode_wav(samples, rate)
        request, stored_at = chosen.request, self._now()
        metadata = EntryMetadata(
            file_id=request.file_id,
            text=request.text,
            model=request.model,
            voice=request.voice,
            language=request.language,
            speed=request.speed,
            take=request.take,
            content_key=request.content_key,
            created_at=stored_at,
            expires_at=stored_at + self._ttl,
            expiry_hours=int(self._ttl / timedelta(hours=1)),
            size_bytes=len(wav),
            sample_rate_hz=rate,
            duration_s=len(samples) / rate,
            sha256=hashlib.sha256(wav).hexdigest(),
            request_id=request_id,
            engine=chosen.engine.version,
        )
        if store:
            self._cache.store(wav, metadata)
            self._budget.stored(len(wav))
        document = metadata_document(metadata)
        return Spoken(request.file_id, document, metadata.expires_at, wav=wav, cached=False)


async def _speak_in_pieces(chosen: Chosen) -> list[Speech]:
    """Have a text spoken, cut at sentence ends to what the engine can take, and join the pieces."""
    request, engine = chosen.request, chosen.engine
    spoken = []
    for text in cut_at_sentences(request.text, max_chars=engine.max_chars):
        speech = await engine.speak(replace(request, text=text))
        size = len(speech.pcm)
        if size == 0 or size % _SAMPLE_BYTES:
            raise EngineError(f"{engine.name} gave {size} bytes of audio", code="engine_failed")
        spoken.append(speech)
    rates = {speech.sample_rate_hz for speech in spoken}
    if len(rates) != 1:
        raise EngineError(f"{engine.name} changed its sample rate: {rates}", code="engine_failed")
    return spoken
