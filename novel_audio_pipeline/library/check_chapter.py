"""Checking one chapter's folder. Reads only."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from novel_audio_pipeline.audio.wav import SILENCE_DBFS, wav_facts
from novel_audio_pipeline.errors import WrongAudioError
from novel_audio_pipeline.library.finding import Finding, found
from novel_audio_pipeline.library.inventory import HeldAudio, HeldParagraph, Standing
from novel_audio_pipeline.library.layout import (
    MANIFEST,
    PLAYLIST,
    failure_name,
    paragraph_number_of,
    paragraph_path,
    record_name,
    wav_name,
)
from novel_audio_pipeline.library.record import RecordError
from novel_audio_pipeline.library.record_json import record_from_json
from novel_audio_pipeline.library.scan import (
    ScannedChapter,
    ScannedParagraph,
    scan_chapter,
)
from novel_audio_pipeline.storage.store import FileStore
from novel_audio_pipeline.storage.temporary import is_temporary

Chosen = Callable[[PurePosixPath], bool]

_STANDINGS = {
    Standing.MISSING: ("record_without_audio", "the record names a WAV that is not there"),
    Standing.DAMAGED: ("size_differs", "the WAV has not the size or digest that its record says"),
}


def check_chapter(
    store: FileStore, folder: PurePosixPath, *, place: tuple[str, int], read: Chosen
) -> Iterator[Finding]:
    """Yield what is to be said of a chapter's folder.

    Args:
        store: Where the library lies.
        folder: Of the chapter.
        place: Id of the novel and number of the chapter, by the names of the folders.
        read: Which WAVs are read whole, hashed and decoded, with their records.

    Raises:
        StorageError: If something cannot be read.
    """
    scan = scan_chapter(store, folder, verify=False)
    yield from _derived(scan, folder, place[1])
    yield from _unknown(store, folder)
    for number in sorted(scan.paragraphs):
        paragraph = scan.paragraphs[number]
        yield from _standing(paragraph, paragraph_path(folder, number))
        audio = paragraph.held.audio
        if audio is not None and read(audio.path):
            yield from _read_whole(store, audio, place=(*place, number))
    for path in scan.temporaries:
        yield found("temporary_leftover", path, "a temporary file")


def _derived(scan: ScannedChapter, folder: PurePosixPath, number: int) -> Iterator[Finding]:
    manifest = scan.manifest
    if manifest is None:
        if scan.paragraphs:
            yield found("manifest_missing", folder / MANIFEST, "there is none that can be read")
        return
    if not scan.has_playlist:
        yield found("playlist_missing", folder / PLAYLIST, "there is none")
    if not manifest.complete:
        counts = {status: manifest.count(status) for status in ("missing", "failed")}
        told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        yield found(
            "chapter_incomplete", folder, f"not as its script wants: {told or 'outdated audio'}"
        )
    entries = {paragraph: item.entry for paragraph, item in scan.paragraphs.items()}
    listed = {n: e for n, e in manifest.paragraphs.items() if e.status != "missing" or n in entries}
    if manifest.number != number or listed != entries:
        yield found("manifest_stale", folder / MANIFEST, "it does not say what stands here")


def _standing(paragraph: ScannedParagraph, folder: PurePosixPath) -> Iterator[Finding]:
    held, number = paragraph.held, paragraph.held.number
    if held.standing in _STANDINGS:
        code, message = _STANDINGS[held.standing]
        yield found(code, folder / wav_name(number), message)
    if held.standing is Standing.UNREADABLE:
        yield found("record_unreadable", folder / record_name(number), "the record is no record")
    if held.failure is not None:
        yield found("paragraph_failed", folder / failure_name(number), held.failure.message)
    for path in paragraph.leftovers:
        yield _leftover(path, held)
    for code in held.warnings:
        yield found("doubtful_audio", folder / record_name(number), f"its record warns: {code}")


def _leftover(path: PurePosixPath, held: HeldParagraph) -> Finding:
    if is_temporary(path.name):
        return found("temporary_leftover", path, "a temporary file")
    if held.standing is Standing.SKIPPED:
        return found("audio_beside_skip", path, "a WAV beside a record that says skipped")
    return found("audio_without_record", path, "a WAV without a record")


def _unknown(store: FileStore, folder: PurePosixPath) -> Iterator[Finding]:
    for entry in store.entries(folder) or ():
        path = folder / entry.name
        number = paragraph_number_of(entry.name) if entry.kind == "folder" else None
        if entry.kind == "other":
            yield found("link_in_library", path, "a link or device")
        elif number is not None:
            ours = {wav_name(number), record_name(number), failure_name(number)}
            for inner in store.entries(path) or ():
                if inner.kind == "other":
                    yield found("link_in_library", path / inner.name, "a link or device")
                elif inner.name not in ours and not is_temporary(inner.name):
                    yield found("unknown_in_library", path / inner.name, "no part of the format")
        elif entry.name not in (MANIFEST, PLAYLIST) and not is_temporary(entry.name):
            yield found("unknown_in_library", path, "no part of the format")


def _read_whole(
    store: FileStore, audio: HeldAudio, *, place: tuple[str, int, int]
) -> Iterator[Finding]:
    """Yield what only reading shows: digest, decoding, silence, whose record it is."""
    data, record_data = store.read(audio.path), store.read(audio.record_path)
    if data is None or record_data is None:
        return  # removed since the scan: someone is at work
    try:
        record = record_from_json(record_data, what=str(audio.record_path))
    except RecordError as error:
        yield found("record_unreadable", audio.record_path, str(error))
        return
    text = record.text
    named = (text.novel_id, text.chapter_number, text.paragraph_number)
    if named != place:
        told = "/".join(map(str, named))
        yield found("record_of_other_place", audio.record_path, f"its record is of {told}")
    if record.audio is None or hashlib.sha256(data).hexdigest() != record.audio.sha256:
        yield found("digest_differs", audio.path, "the WAV has not the SHA-256 of its record")
        return
    try:
        facts = wav_facts(data)
    except WrongAudioError as error:
        yield found("audio_does_not_decode", audio.path, str(error))
        return
    if facts.peak_dbfs < SILENCE_DBFS:
        yield found("audio_is_silent", audio.path, f"its peak is {facts.peak_dbfs:.0f} dBFS")
