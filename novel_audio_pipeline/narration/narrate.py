"""The door to narration: chapters in, outcomes and progress out, for Dagster and the command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from novel_audio_pipeline.errors import (
    SettingError,
    SpeechRefusedError,
    StorageError,
    TransientError,
)
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.flow import Narration
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.narration.progress import Progress, ProgressCounts
from novel_audio_pipeline.narration.speaker import Speaker, SpeechBackend
from novel_audio_pipeline.narration.thread import FlowThread
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.novels.script import Script
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.guard import refuse_wrong_root
from novel_audio_pipeline.tts_client.cache_folder_proof import CacheFolderProof
from novel_audio_pipeline.tts_client.http import TtsClient
from novel_audio_pipeline.upkeep.asked import AskedNotes


@dataclass(frozen=True, slots=True)
class NarrationSettings:
    """How a narration asks its backend.

    Attributes:
        backend_url: Address of the TTS backend.
        backend_token: Bearer token, or empty.
        backend_wait: How long a backend that is down is waited for.
        cache_ttl: How long the cache keeps entries by our settings.
        concurrency: Speech requests under way at once.
        evict: ``proven``, ``always`` or ``never``.
        cache_dir: The backend's cache folder as seen from here, or None if it is elsewhere. It may
            be another's or missing; then it is of no use, and does no harm.
        reports_dir: Where it is noted what was asked for and is not filed yet; None to note nothing.
    """

    backend_url: str
    backend_token: str
    backend_wait: timedelta
    cache_ttl: timedelta
    concurrency: int
    evict: str
    cache_dir: Path | None = None
    reports_dir: Path | None = None


def narrate(
    keys: Sequence[ChapterKey],
    *,
    settings: NarrationSettings,
    library: AudioLibrary,
    scripts: Callable[[str], Sequence[Script]],
    now: Callable[[], datetime],
    listener: Callable[[ProgressCounts], None] = lambda _counts: None,
) -> FlowThread[ChapterOutcome | ProgressCounts]:
    """Return the narration of some chapters as an iterable of what happens.

    Iterating runs it. It yields an outcome for each chapter, and now and then (every 30 s) the
    counts so far. Interrupted, it commits what was downloaded, then lets the interruption go on.

    Args:
        keys: Which chapters, in the order they are narrated.
        settings: How the backend is asked.
        library: Where audio is filed.
        scripts: Returns all scripts of a novel by its id.
        now: Gives aware instants.
        listener: Told the counts at every change, from any thread; must be quick.

    Raises (when iterated):
        SettingError: If the backend keeps its cache for another time than our settings say, is no
            TTS backend known here, or the cache folder looks like a library.
        BackendDownError, StorageError: See ``Narration.run``.
    """

    async def flow(emit: Callable[[ChapterOutcome | ProgressCounts], None]) -> None:
        progress = Progress(emit, watcher=listener)
        async with TtsClient(
            settings.backend_url,
            token=settings.backend_token,
            connections=settings.concurrency,
            cache_ttl=settings.cache_ttl,
        ) as client:
            await _require_same_life(client, settings.cache_ttl)
            speaker = Speaker(
                _with_folder(client, settings.cache_dir),
                concurrency=settings.concurrency,
                wait=settings.backend_wait,
                progress=progress,
            )
            narration = Narration(
                library=library,
                speaker=speaker,
                scripts=scripts,
                evict=settings.evict,
                concurrency=settings.concurrency,
                progress=progress,
                now=now,
                notes=AskedNotes(settings.reports_dir) if settings.reports_dir else None,
            )
            await narration.run(keys, on_chapter=emit)

    return FlowThread(flow)


def _with_folder(client: TtsClient, cache_dir: Path | None) -> SpeechBackend:
    """Return the client, with the backend's cache folder beside it if that can be read here.

    Raises:
        SettingError: If the folder looks like a library: nothing may be removed from it.
    """
    if cache_dir is None:
        return client
    try:
        refuse_wrong_root(cache_dir)
    except StorageError:  # the folder of another user or machine: asking over HTTP goes on
        return client
    return CacheFolderProof(client, CacheFolder(cache_dir))


async def _require_same_life(client: TtsClient, ttl: timedelta) -> None:
    """Refuse a backend that keeps entries for another time than our settings say.

    A backend that does not tell, or does not answer yet, is not refused here.

    Raises:
        SettingError: If the two differ.
    """
    try:
        health = await client.health()
    except (TransientError, SpeechRefusedError):  # the first request for speech finds out why
        return
    if health.expiry is not None and health.expiry != ttl:
        raise SettingError(
            f"the TTS backend at {client.url} keeps its cache for {health.expiry}, our settings "
            f"say {ttl}: set TTS_DEFAULT_EXPIRY_HOURS to the same on both sides"
        )
