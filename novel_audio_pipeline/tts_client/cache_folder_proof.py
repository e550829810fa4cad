"""A TTS client with the backend's cache folder beside it: proof and eviction where HTTP gives none.

Only backends that send no digest, and whose word on a deletion is worth nothing, need it.
"""

import asyncio
import hashlib
from dataclasses import dataclass, replace

from novel_audio_pipeline.errors import (
    AudioTransferError,
    SpeechRefusedError,
    StorageError,
    TransientError,
)
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_cache.entry import CacheEntry
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_client.http import TtsClient
from novel_audio_pipeline.tts_client.replies import (
    BackendHealth,
    CachedSpeech,
    DownloadedAudio,
    SkippedSpeech,
)


@dataclass(frozen=True, slots=True)
class _Held:
    """A file of the folder, and the digest of its bytes as they were read."""

    entry: CacheEntry
    sha256: str


class CacheFolderProof:
    """Asks as the client does, and looks into the folder after it.

    The folder may be another's, missing or unreadable: then it proves nothing, nothing is removed
    from it, and the client's own answers stand.
    """

    def __init__(self, client: TtsClient, folder: CacheFolder) -> None:
        """Take a client and what may be its backend's folder.

        Args:
            client: Open.
            folder: ``guard.refuse_wrong_root`` was asked about it.
        """
        self.url = client.url
        self._client = client
        self._folder = folder

    async def health(self) -> BackendHealth:
        """Return what the backend tells about itself."""
        return await self._client.health()

    async def max_chars(self, model: str) -> int | None:
        """Return the longest text a model of the backend takes at once, or None if none is known."""
        return await self._client.max_chars(model)

    async def synthesize(self, request: SpeechRequest) -> CachedSpeech | SkippedSpeech:
        """Ask for speech and return where the backend cached it."""
        return await self._client.synthesize(request)

    async def download(self, file_id: str) -> DownloadedAudio:
        """Return the audio of a cache entry; ``verified_by`` is ``folder`` if the folder proves it.

        Raises:
            AudioTransferError: If the file in the folder is another than what was downloaded; and
                what ``TtsClient.download`` raises.
        """
        audio = await self._client.download(file_id)
        if audio.verified_by == "digest":
            return audio
        held = await asyncio.to_thread(self._held, file_id)
        if held is None:
            return audio
        if held.sha256 != audio.sha256:
            raise AudioTransferError(
                f"{self.url} sent {len(audio.data)} bytes for {file_id} that are not those of the "
                f"file in its cache folder {self._folder.root}"
            )
        return replace(audio, verified_by="folder")

    async def evict(self, file_id: str, *, sha256: str) -> bool:
        """Delete a cache entry by its backend, else by its folder; return whether it is gone.

        Where the backend's word counts, that is all. Else the folder is looked at: a file that is
        still there, and still the audio that is meant, is removed, and its absence confirmed. A
        file that is not there tells nothing (the folder may be another's): then the backend's
        answer stands.

        Args:
            file_id: Name of the entry.
            sha256: Digest of the audio that is meant; another file of this name stays.
        """
        keeps_its_word = (await self._client.dialect()).keeps_its_word
        try:
            says_gone = await self._client.evict(file_id, sha256=sha256)
        except (TransientError, SpeechRefusedError):
            if keeps_its_word:
                raise
            says_gone = False
        if keeps_its_word:
            return says_gone
        held = await asyncio.to_thread(self._held, file_id)
        if held is None or held.sha256 != sha256:
            return says_gone
        return await asyncio.to_thread(self._remove, held.entry)

    def _held(self, file_id: str) -> _Held | None:
        """Return the file by its bytes, or None if the folder has no such file to show."""
        try:
            opened = self._folder.open(file_id)
        except StorageError:
            return None
        if opened is None:
            return None
        with opened.file as file:
            return _Held(opened.entry, hashlib.file_digest(file, "sha256").hexdigest())

    def _remove(self, entry: CacheEntry) -> bool:
        try:
            return self._folder.remove_same(entry, is_shared_with_others=True)
        except StorageError:  # still there: expiry will try again, and report it
            return False
