"""Evicting cache entries before their time: only with proof, by digest, that the library holds them.

The proof: the entries' bytes, joined as the record names its pieces, are the WAV that stands in the
library, read again just now. Anything less proves nothing, and the entry stays until it expires.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Protocol

from novel_audio_pipeline.audio.wav import join_wavs
from novel_audio_pipeline.errors import (
    CacheEntryGoneError,
    SpeechRefusedError,
    StorageError,
    TransientError,
    WrongAudioError,
)
from novel_audio_pipeline.library.commit import confirm_record
from novel_audio_pipeline.library.inventory import HeldAudio
from novel_audio_pipeline.library.layout import paragraph_path, record_name, wav_name
from novel_audio_pipeline.library.record import AudioFacts, RecordError
from novel_audio_pipeline.library.scan import read_record
from novel_audio_pipeline.storage.store import FileStore
from novel_audio_pipeline.tts_cache.entry import CacheEntry
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.refusals import Refusals
from novel_audio_pipeline.tts_client.replies import DownloadedAudio
from novel_audio_pipeline.upkeep.audit import Removal
from novel_audio_pipeline.upkeep.expiry import Judged

GRACE = timedelta(minutes=15)  # what is younger may be under way, and is evicted by who filed it
HELD_BY_LIBRARY = "held_by_library"


class EvictingClient(Protocol):
    """What is needed of a TTS client."""

    async def download(self, file_id: str) -> DownloadedAudio:
        """Return the audio of a cache entry."""
        ...

    async def evict(self, file_id: str, *, sha256: str) -> bool:
        """Delete a cache entry that holds this audio."""
        ...


def is_proven(audio: AudioFacts, *, pieces: Sequence[bytes], filed: bytes | None) -> bool:
    """Return whether the WAV in the library is what these cache entries hold, all of it.

    Args:
        audio: What the record says of the WAV.
        pieces: The entries' bytes, in the order of the record's pieces.
        filed: The bytes that stand in the library; None if there are none.
    """
    if filed is None or not pieces or len(pieces) != len(audio.pieces):
        return False
    if hashlib.sha256(filed).hexdigest() != audio.sha256:
        return False
    try:
        return hashlib.sha256(join_wavs(pieces)).hexdigest() == audio.sha256
    except WrongAudioError:
        return False


def held_entries(
    folder: CacheFolder,
    judged: Iterable[Judged],
    *,
    store: FileStore,
    places: Mapping[str, tuple[str, int]],
    refused: Refusals,
) -> Iterator[list[Judged]]:
    """Yield the live entries that the library provably holds, those of one paragraph together.

    What cannot be read proves nothing: it is told, and the next paragraph is looked at.

    Args:
        folder: The cache.
        judged: What was seen in it; what is younger than the grace is passed over.
        store: Where the library lies.
        places: Chapter folder and paragraph number by ``file_id``: candidates, not proof.
        refused: Told what cannot be read.
    """
    live = {
        one.seen.file_id: one
        for one in judged
        if one.is_entry and one.state == "live" and one.age >= GRACE
    }
    for place in dict.fromkeys(places[file_id] for file_id in live if file_id in places):
        chapter, number = PurePosixPath(place[0]), place[1]
        paragraph = paragraph_path(chapter, number)
        try:
            audio = _recorded(store, paragraph / record_name(number))
            if audio is None or not all(piece.file_id in live for piece in audio.pieces):
                continue
            found = [live[piece.file_id] for piece in audio.pieces]
            pieces = list(_read_all(folder, [one.seen.as_entry() for one in found]))
            filed = store.read(paragraph / wav_name(number))
        except StorageError as error:
            refused.add(error)
            continue
        if is_proven(audio, pieces=pieces, filed=filed):
            yield found


def evict_held(
    folder: CacheFolder,
    judged: Iterable[Judged],
    *,
    store: FileStore,
    places: Mapping[str, tuple[str, int]],
    is_shared_with_others: bool,
    refused: Refusals,
) -> Iterator[Removal]:
    """Remove the live entries that the library provably holds, and yield what went.

    Args:
        folder: The cache.
        judged: What was seen in it.
        store: Where the library lies.
        places: Chapter folder and paragraph number by ``file_id``: candidates, not proof.
        is_shared_with_others: Whether programs write in the cache that know no lock.
        refused: Told what cannot be read, or does not go.
    """
    for found in held_entries(folder, judged, store=store, places=places, refused=refused):
        for one in found:
            try:
                is_gone = folder.remove_same(
                    one.seen.as_entry(), is_shared_with_others=is_shared_with_others
                )
            except StorageError as error:
                refused.add(error)
                continue
            if is_gone:
                yield Removal(
                    name=one.seen.name,
                    file_id=one.seen.file_id,
                    action="evicted",
                    reason=HELD_BY_LIBRARY,
                    age=one.age,
                    size_bytes=one.seen.size_bytes,
                    in_library="yes",
                )


async def evict_kept(
    client: EvictingClient, *, store: FileStore, held: Iterable[HeldAudio]
) -> list[str]:
    """Evict the entries that a killed run left in the cache between commit and eviction.

    For a narration to call with the paragraphs it keeps in a chapter that was left unsettled: each
    costs a download. An entry that is gone, or that the backend cannot prove, is left alone. A record
    of a killed run may be visible and not yet durable, so it is written anew before an entry goes.

    Args:
        client: Of the backend whose cache it is.
        store: Where the library lies.
        held: Audio that stands in the library.

    Returns:
        The ids of the entries that went.

    Raises:
        StorageError: If the library cannot be read or written; then nothing of this audio went.
    """
    evicted: list[str] = []
    for one in held:
        audio = await asyncio.to_thread(_recorded, store, one.record_path)
        if audio is None or not audio.pieces:
            continue
        try:
            cached = [await client.download(piece.file_id) for piece in audio.pieces]
        except (CacheEntryGoneError, TransientError, SpeechRefusedError):
            continue
        filed = await asyncio.to_thread(store.read, one.path)
        if not is_proven(audio, pieces=[piece.data for piece in cached], filed=filed):
            continue
        await asyncio.to_thread(confirm_record, store, one.record_path)
        for piece, came in zip(audio.pieces, cached, strict=True):
            try:
                is_gone = await client.evict(piece.file_id, sha256=came.sha256)
            except (TransientError, SpeechRefusedError):
                continue
            if is_gone:
                evicted.append(piece.file_id)
    return evicted


def _recorded(store: FileStore, path: PurePosixPath) -> AudioFacts | None:
    """Return what a record says of its audio, or None if it says nothing that can be gone by."""
    try:
        record = read_record(store, path)
    except RecordError:
        return None
    return None if record is None else record.audio


def _read_all(folder: CacheFolder, entries: Iterable[CacheEntry]) -> Iterator[bytes]:
    """Yield the bytes of the entries; one that is gone or another by now ends it."""
    for entry in entries:
        opened = folder.open(entry.file_id)
        if opened is None:
            return
        with opened.file as file:
            if opened.entry != entry:
                return
            yield file.read()
