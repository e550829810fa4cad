"""Getting one utterance out of the TTS backend: request, download, verify, and when to ask again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol, TypeVar

import tenacity

from novel_audio_pipeline.audio.wav import WavFacts
from novel_audio_pipeline.errors import (
    BackendBusyError,
    BackendDownError,
    BackendUnreachableError,
    CacheEntryGoneError,
    ExpiredBeforeDownloadError,
    SpeechRefusedError,
    TransientError,
)
from novel_audio_pipeline.library.inventory import HeldAudio
from novel_audio_pipeline.narration.progress import Progress
from novel_audio_pipeline.narration.verify import checked_speech, implausibility, is_plausible
from novel_audio_pipeline.speech.request import MAX_TAKE, SpeechRequest
from novel_audio_pipeline.storage.store import FileStore
from novel_audio_pipeline.tts_client.parts import parts_of
from novel_audio_pipeline.tts_client.replies import (
    BackendHealth,
    CachedSpeech,
    DownloadedAudio,
    SkippedSpeech,
)
from novel_audio_pipeline.upkeep.eviction import evict_kept

MAX_ATTEMPTS = 4
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
HEALTH_INTERVAL_S = 2.0
# A backend that answers its health page but fails this many requests in a row speaks no more.
MAX_FAILURES_IN_A_ROW = 8

_Answer = TypeVar("_Answer")


class SpeechBackend(Protocol):
    """What a speaker needs of a TTS client."""

    url: str

    async def health(self) -> BackendHealth:
        """Return what the backend tells about itself."""
        ...

    async def max_chars(self, model: str) -> int | None:
        """Return the longest text a model takes at once, or None if none is known."""
        ...

    async def synthesize(self, request: SpeechRequest) -> CachedSpeech | SkippedSpeech:
        """Ask for speech and return where it is cached."""
        ...

    async def download(self, file_id: str) -> DownloadedAudio:
        """Return the audio of a cache entry, compared with what was promised."""
        ...

    async def evict(self, file_id: str, *, sha256: str) -> bool:
        """Delete a cache entry that holds this audio; return False if that did not work."""
        ...


@dataclass(frozen=True, slots=True)
class SpokenPiece:
    """One utterance, downloaded and verified, not yet in the library.

    Attributes:
        request: What was asked for at last; its take differs if another reading was kept.
        cached: Where the backend cached it.
        audio: The WAV and by what it was verified.
        facts: Its duration and level.
        warning: What a person should listen to, or empty.
    """

    request: SpeechRequest
    cached: CachedSpeech
    audio: DownloadedAudio
    facts: WavFacts
    warning: str = ""


class Speaker:
    """Speaks through one backend, with bounded concurrency and patience.

    A transient error is retried up to four times in all, with growing, jittered waits or as long
    as ``Retry-After`` says. No answer at all is something else: the backend is down, and everybody
    waits for it together, up to ``wait``.
    """

    def __init__(
        self,
        backend: SpeechBackend,
        *,
        concurrency: int,
        wait: timedelta,
        progress: Progress,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare a speaker.

        Args:
            backend: The client to speak through.
            concurrency: Requests under way at once, at least 1.
            wait: How long a backend that does not answer is waited for.
            progress: Told of requests, retries and waits.
            sleep: Waits so many seconds.
        """
        self._backend = backend
        self._slots = asyncio.Semaphore(concurrency)
        self._wait = wait
        self._progress = progress
        self._sleep = sleep
        self._waiting = asyncio.Lock()
        self._failures_in_a_row = 0
        self._limits: dict[str, int | None] = {}

    async def parts(self, request: SpeechRequest) -> Sequence[SpeechRequest]:
        """Return the request as this backend can speak it: whole, or cut to its limit.

        Raises:
            TransientError: If the backend did not tell its limit as often as it may be asked.
            PermanentError: If it is no TTS backend known here, or did not come back.
        """
        model = request.model
        if model not in self._limits:
            self._limits[model] = await self._persist(lambda: self._backend.max_chars(model))
        return parts_of(request, max_chars=self._limits[model])

    async def speak(
        self, request: SpeechRequest, *, asked: Callable[[str], Awaitable[None]] | None = None
    ) -> SpokenPiece | SkippedSpeech:
        """Return the audio of a request, verified, or why the backend will not speak it.

        A duration that is implausible is asked for once more with another take; the better of the
        two is returned, with a warning.

        Args:
            request: What is to be spoken.
            asked: Awaited with the id of each cache entry before it is downloaded; None if nobody
                wants to know.

        Raises:
            TransientError: If it failed as often as it may; ``ExpiredBeforeDownloadError`` if its
                entry was gone each time.
            PermanentError: If asking again gives the same; ``BackendDownError`` ends the run.
        """
        first = await self._persist(lambda: self._spoken(request, asked))
        if isinstance(first, SkippedSpeech) or is_plausible(request, first.facts.duration_s):
            return first
        other_request = replace(request, take=min(request.take + 1, MAX_TAKE))
        other = await self._persist(lambda: self._spoken(other_request, asked))
        pieces = [first] if isinstance(other, SkippedSpeech) else [first, other]
        best = min(pieces, key=lambda piece: implausibility(request, piece.facts.duration_s))
        warning = (
            f"{len(request.text)} characters in {best.facts.duration_s:.1f} s is implausible, "
            "also in another take; listen to it"
        )
        return replace(
            best, warning="" if is_plausible(request, best.facts.duration_s) else warning
        )

    async def evict(self, piece: SpokenPiece) -> bool:
        """Delete a piece from the cache; False if that did not work, which expiry will mend."""
        try:
            return await self._backend.evict(piece.cached.file_id, sha256=piece.audio.sha256)
        except (TransientError, SpeechRefusedError):
            return False

    async def evict_kept(self, store: FileStore, held: HeldAudio) -> list[str]:
        """Evict the cache entries of audio that the library holds; return those that went.

        Only what is the same, byte for byte, is evicted; what is not there costs one question.
        """
        async with self._slots:
            return await evict_kept(self._backend, store=store, held=[held])

    async def _persist(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Ask until there is an answer that asking again would not better."""
        retrying = tenacity.AsyncRetrying(
            sleep=self._sleep,
            stop=tenacity.stop_after_attempt(MAX_ATTEMPTS),
            retry=tenacity.retry_if_exception_type(TransientError),
            wait=_wait_s,
            before_sleep=lambda _state: self._progress.add(retries=1),
            reraise=True,
        )
        try:
            answer: _Answer = await retrying(self._attempt, ask)
        except TransientError as error:
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
                raise BackendDownError(
                    f"{self._failures_in_a_row} requests in a row failed at {self._backend.url} "
                    f"although each was repeated; the last: {error}. Look at the backend's log, "
                    "then run again: what is in the library stays"
                ) from error
            if isinstance(error, CacheEntryGoneError):
                raise _expired(error) from error
            raise
        self._failures_in_a_row = 0
        return answer

    async def _attempt(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Ask once, in a slot; wait for a backend that is down."""
        async with self._slots:
            try:
                return await ask()
            except BackendUnreachableError as error:
                await self._wait_until_up(error)
                raise

    async def _spoken(
        self, request: SpeechRequest, asked: Callable[[str], Awaitable[None]] | None
    ) -> SpokenPiece | SkippedSpeech:
        """Request, download and verify once."""
        self._progress.add(requests=1)
        cached = await self._backend.synthesize(request)
        if isinstance(cached, SkippedSpeech):
            return cached
        if asked is not None:
            await asked(cached.file_id)
        audio = await self._backend.download(cached.file_id)
        facts = await asyncio.to_thread(checked_speech, audio.data)
        return SpokenPiece(request=request, cached=cached, audio=audio, facts=facts)

    async def _wait_until_up(self, error: BackendUnreachableError) -> None:
        """Return once the backend answers; one waits, the others wait for that one.

        Raises:
            BackendDownError: If it does not answer within the time allowed.
        """
        async with self._waiting:
            waited_s = 0.0
            while not await self._answers():
                if waited_s >= self._wait.total_seconds():
                    raise BackendDownError(
                        f"the TTS backend at {self._backend.url} has not answered for "
                        f"{waited_s:.0f} s ({error}). Start it (novel-audio backend) or set "
                        "TTS_BACKEND_URL, then run again: what is in the library stays"
                    ) from error
                self._progress.note(f"waiting for the TTS backend at {self._backend.url}")
                await self._sleep(HEALTH_INTERVAL_S)
                waited_s += HEALTH_INTERVAL_S
            self._progress.note("")

    async def _answers(self) -> bool:
        try:
            await self._backend.health()
        except (BackendUnreachableError, BackendBusyError):
            return False
        return True


def _expired(error: CacheEntryGoneError) -> ExpiredBeforeDownloadError:
    return ExpiredBeforeDownloadError(
        f"it expired before it was downloaded, each of the {MAX_ATTEMPTS} times that it was asked "
        f"for ({error}). Narrate the chapter again. If it stays so, compare "
        "TTS_DEFAULT_EXPIRY_HOURS and the clocks of both machines, and look what else clears the "
        "folder of the TTS cache"
    )


def _wait_s(state: tenacity.RetryCallState) -> float:
    """Return how long to wait before asking again, in seconds.

    An entry that is gone is asked for again at once; ``Retry-After`` is obeyed up to the longest
    wait; else exponential with full jitter.
    """
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, CacheEntryGoneError):
        return 0.0
    if isinstance(error, BackendBusyError) and error.retry_after is not None:
        return min(error.retry_after.total_seconds(), LONGEST_WAIT_S)
    return tenacity.wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S)(state)
