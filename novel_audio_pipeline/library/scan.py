"""Looking at what stands in a chapter's folder, and judging it. Reads only."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from novel_audio_pipeline.library.inventory import (
    ChapterInventory,
    HeldAudio,
    HeldParagraph,
    Standing,
)
from novel_audio_pipeline.library.layout import (
    ASIDE,
    MANIFEST,
    PLAYLIST,
    aside_wav_name,
    failure_name,
    paragraph_number_of,
    record_name,
    wav_name,
)
from novel_audio_pipeline.library.manifest import ChapterManifest, ManifestEntry
from novel_audio_pipeline.library.manifest_json import manifest_from_json
from novel_audio_pipeline.library.record import (
    ParagraphFailure,
    ParagraphRecord,
    RecordError,
    text_key,
)
from novel_audio_pipeline.library.record_json import failure_from_json, record_from_json
from novel_audio_pipeline.storage.store import FileFacts, FileStore
from novel_audio_pipeline.storage.temporary import is_temporary

_RECORD_SUFFIX = "_metadata.json"


@dataclass(frozen=True, slots=True)
class ScannedParagraph:
    """A paragraph as found.

    Attributes:
        held: What a plan needs.
        entry: What a manifest written now says of it.
        vouched: Whether an earlier manifest, or a commit of this process, says the same.
        leftovers: Files in its folder that its record does not account for.
    """

    held: HeldParagraph
    entry: ManifestEntry
    vouched: bool
    leftovers: tuple[PurePosixPath, ...]


@dataclass(frozen=True, slots=True)
class ScannedChapter:
    """A chapter's folder as found; ``folder_exists`` is False if there is none."""

    folder_exists: bool
    manifest: ChapterManifest | None = None
    has_playlist: bool = False
    paragraphs: Mapping[int, ScannedParagraph] = field(default_factory=dict)
    temporaries: tuple[PurePosixPath, ...] = ()


def scan_chapter(
    store: FileStore,
    folder: PurePosixPath,
    *,
    verify: bool,
    committed: Mapping[int, ManifestEntry] | None = None,
) -> ScannedChapter:
    """Look at a chapter's folder.

    Args:
        store: Where the library lies.
        folder: Of the chapter.
        verify: Whether a WAV that nothing vouches for is hashed; else it is UNVERIFIED.
        committed: What this process has committed and verified itself; goes before the manifest.

    Raises:
        StorageError: If something cannot be read.
    """
    entries = store.entries(folder)
    if entries is None:
        return ScannedChapter(folder_exists=False)
    names = {entry.name for entry in entries if entry.kind == "file"}
    manifest = read_manifest(store, folder) if MANIFEST in names else None
    vouchers = {**(manifest.paragraphs if manifest else {}), **(committed or {})}
    paragraphs = {}
    for entry in entries:
        number = paragraph_number_of(entry.name) if entry.kind == "folder" else None
        if number is None:
            continue
        voucher = vouchers.get(number)
        found = _scan_paragraph(store, folder / entry.name, number, voucher, verify=verify)
        if found is not None:
            paragraphs[number] = found
    temporaries = tuple(folder / name for name in sorted(names) if is_temporary(name))
    return ScannedChapter(
        folder_exists=True,
        manifest=manifest,
        has_playlist=PLAYLIST in names,
        paragraphs=paragraphs,
        temporaries=temporaries,
    )


def inventory_of(scan: ScannedChapter, *, folder: PurePosixPath, number: int) -> ChapterInventory:
    """Return what a scan found in the form that a plan is made from."""
    if not scan.folder_exists:
        return ChapterInventory(number)
    leftovers = [path for found in scan.paragraphs.values() for path in found.leftovers]
    leftovers += scan.temporaries
    entries = {number: found.entry for number, found in scan.paragraphs.items()}
    return ChapterInventory(
        number=number,
        folder=folder,
        paragraphs={number: found.held for number, found in scan.paragraphs.items()},
        manifest=scan.manifest,
        settled=scan.manifest is not None
        and scan.has_playlist
        and not leftovers
        and dict(scan.manifest.paragraphs) == entries,
        leftovers=tuple(leftovers),
    )


def read_manifest(store: FileStore, folder: PurePosixPath) -> ChapterManifest | None:
    """Return the manifest of a chapter, or None if there is none that can be read."""
    data = store.read(folder / MANIFEST)
    try:
        return None if data is None else manifest_from_json(data)
    except RecordError:
        return None  # derived: it is rebuilt from the records


def read_record(store: FileStore, path: PurePosixPath) -> ParagraphRecord | None:
    """Return the record in a file, or None if there is no such file.

    Raises:
        RecordError: If it cannot be understood.
        StorageError: If it cannot be read.
    """
    data = store.read(path)
    return None if data is None else record_from_json(data, what=str(path))


def scan_aside(store: FileStore, novel_folder: PurePosixPath) -> list[HeldAudio]:
    """Return the displaced audio of a novel that has a good record and the size it says."""
    folder = novel_folder / ASIDE
    entries = {entry.name: entry for entry in store.entries(folder) or ()}
    held = []
    for name in sorted(entries):
        if not name.endswith(_RECORD_SUFFIX) or is_temporary(name):
            continue
        key = name.removesuffix(_RECORD_SUFFIX)
        wav = entries.get(aside_wav_name(key))
        try:
            record = read_record(store, folder / name)
        except RecordError:
            continue  # a finding of the check
        if record is None or record.held_key != key or wav is None or wav.facts is None:
            continue
        audio = held_audio(record, wav=folder / wav.name, record_path=folder / name)
        if audio is not None and audio.size_bytes == wav.facts.size_bytes:
            held.append(audio)
    return held


def held_audio(
    record: ParagraphRecord, *, wav: PurePosixPath, record_path: PurePosixPath
) -> HeldAudio | None:
    """Return where a record's audio stands; None if it is a skip."""
    if record.audio is None or record.held_key is None:
        return None
    return HeldAudio(
        path=wav,
        record_path=record_path,
        key=record.held_key,
        sha256=record.audio.sha256,
        size_bytes=record.audio.size_bytes,
        duration_s=record.audio.duration_s,
    )


def entry_of(
    number: int,
    record: ParagraphRecord,
    *,
    record_facts: FileFacts,
    wav_facts: FileFacts | None,
) -> ManifestEntry:
    """Return what a manifest says of the paragraph at a place whose record and WAV stand."""
    key, audio = text_key(record.text.original_text), record.audio
    common = ManifestEntry(
        number=number,
        status="skipped" if audio is None else "audio",
        text_key=key,
        record_size_bytes=record_facts.size_bytes,
        record_modified_ns=record_facts.modified_ns,
        skip_reason=record.skip_reason,
        warnings=record.warnings,
    )
    if audio is None:
        return common
    return replace(
        common,
        content_key=audio.content_key,
        sha256=audio.sha256,
        size_bytes=audio.size_bytes,
        modified_ns=wav_facts.modified_ns if wav_facts else 0,
        duration_s=audio.duration_s,
    )


def _scan_paragraph(
    store: FileStore,
    folder: PurePosixPath,
    number: int,
    voucher: ManifestEntry | None,
    *,
    verify: bool,
) -> ScannedParagraph | None:
    """Return what stands in a paragraph's folder; None if it holds files, and none is ours."""
    entries = store.entries(folder) or []
    files = {entry.name: entry.facts for entry in entries if entry.facts is not None}
    record_facts, wav_facts = files.get(record_name(number)), files.get(wav_name(number))
    failure_facts = files.get(failure_name(number))
    leftovers = [folder / name for name in sorted(files) if is_temporary(name)]
    if entries and not (record_facts or wav_facts or failure_facts or leftovers):
        return None
    failure = _read_failure(store, folder / failure_name(number)) if failure_facts else None
    try:
        entry = _entry(
            store, number, folder / record_name(number), record_facts, wav_facts, voucher
        )
    except RecordError:
        standing, entry = Standing.UNREADABLE, None
    else:
        standing = _standing(
            store, folder / wav_name(number), entry, wav_facts, voucher, verify=verify
        )
    if wav_facts is not None and standing in (Standing.SKIPPED, Standing.NOTHING):
        leftovers.append(folder / wav_name(number))
    is_good = standing in (Standing.INTACT, Standing.SKIPPED)
    if entry is None or not is_good or failure_facts is not None:
        status = "failed" if failure_facts is not None else "missing"
        listed = ManifestEntry(number=number, status=status)
    else:
        listed = entry
    return ScannedParagraph(
        held=_held(folder, number, standing, entry, failure),
        entry=listed,
        vouched=voucher is not None and voucher == entry,
        leftovers=tuple(leftovers),
    )


def _entry(
    store: FileStore,
    number: int,
    path: PurePosixPath,
    record_facts: FileFacts | None,
    wav_facts: FileFacts | None,
    voucher: ManifestEntry | None,
) -> ManifestEntry | None:
    """Return what stands by the record; the record is read only if no voucher knows this file."""
    if record_facts is None:
        return None
    known = None if voucher is None else (voucher.record_size_bytes, voucher.record_modified_ns)
    if (
        voucher is not None
        and voucher.text_key is not None
        and known == (record_facts.size_bytes, record_facts.modified_ns)
    ):
        if voucher.sha256 is None or wav_facts is None:
            return voucher
        return replace(voucher, modified_ns=wav_facts.modified_ns)
    record = read_record(store, path)
    if record is None:
        return None
    return entry_of(number, record, record_facts=record_facts, wav_facts=wav_facts)


def _standing(
    store: FileStore,
    wav: PurePosixPath,
    entry: ManifestEntry | None,
    facts: FileFacts | None,
    voucher: ManifestEntry | None,
    *,
    verify: bool,
) -> Standing:
    if entry is None:
        return Standing.NOTHING
    if entry.sha256 is None:
        return Standing.SKIPPED
    if facts is None:
        return Standing.MISSING
    known = None if voucher is None else (voucher.sha256, voucher.size_bytes, voucher.modified_ns)
    if known == (entry.sha256, facts.size_bytes, facts.modified_ns):
        return Standing.INTACT
    if facts.size_bytes == entry.size_bytes:
        return _hashed(store, wav, entry.sha256) if verify else Standing.UNVERIFIED
    return Standing.DAMAGED


def _hashed(store: FileStore, wav: PurePosixPath, sha256: str) -> Standing:
    data = store.read(wav)
    if data is None:
        return Standing.MISSING
    same = hashlib.sha256(data).hexdigest() == sha256
    return Standing.INTACT if same else Standing.DAMAGED


def _held(
    folder: PurePosixPath,
    number: int,
    standing: Standing,
    entry: ManifestEntry | None,
    failure: ParagraphFailure | None,
) -> HeldParagraph:
    if entry is None:
        return HeldParagraph(number=number, standing=standing, failure=failure)
    audio = None
    if standing in (Standing.INTACT, Standing.UNVERIFIED) and entry.sha256 and entry.text_key:
        audio = HeldAudio(
            path=folder / wav_name(number),
            record_path=folder / record_name(number),
            key=entry.content_key or entry.text_key,
            sha256=entry.sha256,
            size_bytes=entry.size_bytes,
            duration_s=entry.duration_s,
        )
    return HeldParagraph(
        number=number,
        standing=standing,
        content_key=entry.content_key,
        text_key=entry.text_key,
        audio=audio,
        skip_reason=entry.skip_reason,
        warnings=entry.warnings,
        adopted=entry.sha256 is not None and entry.content_key is None,
        failure=failure,
    )


def _read_failure(store: FileStore, path: PurePosixPath) -> ParagraphFailure | None:
    data = store.read(path)
    try:
        return None if data is None else failure_from_json(data, what=str(path))
    except RecordError:
        return None  # it stands as a failure all the same; only its sentence is lost
