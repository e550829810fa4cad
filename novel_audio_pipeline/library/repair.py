"""Repairing a library: only what the check named; puts away, never destroys."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from novel_audio_pipeline.library.check_chapter import check_chapter
from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.library.layout import (
    ASIDE,
    MANIFEST,
    PLAYLIST,
    REPAIR_ASIDE,
    chapter_number_of,
    novel_id_of,
    paragraph_number_of,
    paragraph_path,
    record_name,
    wav_name,
)
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.library.locks import Lease
from novel_audio_pipeline.library.manifest import ChapterManifest, ManifestEntry
from novel_audio_pipeline.library.manifest_json import manifest_to_json, playlist_of
from novel_audio_pipeline.library.record import RecordError
from novel_audio_pipeline.library.scan import ScannedChapter, read_record, scan_chapter
from novel_audio_pipeline.storage.store import FileStore

# Wrong audio takes its record with it: what is left is a paragraph that is not there, and spoken.
_PAIR = (
    "record_without_audio",
    "size_differs",
    "digest_differs",
    "audio_does_not_decode",
    "record_unreadable",
)
_ALONE = ("audio_without_record", "audio_beside_skip")
_DERIVED = ("manifest_missing", "manifest_stale", "playlist_missing")
REPAIRABLE = (*_PAIR, *_ALONE, *_DERIVED, "aside_unreadable", "twin_folders")


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done about a finding.

    Attributes:
        finding: As the check named it.
        done: Whether it is repaired.
        message: What was done, or why nothing was.
    """

    finding: Finding
    done: bool
    message: str


def repair_library(
    library: AudioLibrary, findings: Iterable[Finding], *, now: datetime
) -> Iterator[Repair]:
    """Repair what can be, finding by finding, and yield what became of each repairable one.

    What is taken away is moved to ``.repair-aside/{moment}/`` under the path it had. A chapter that
    is open elsewhere is left, and so is what has changed since the check.

    Args:
        library: The library.
        findings: Of a check just made.
        now: Timezone-aware; names the folder.

    Raises:
        StorageError: If the library cannot be written.
    """
    away = PurePosixPath(REPAIR_ASIDE) / now.strftime("%Y%m%dT%H%M%SZ")
    chapters: dict[PurePosixPath, list[Finding]] = {}
    for finding in findings:
        path = PurePosixPath(finding.path)
        if finding.code == "twin_folders":
            yield _twin(library, finding, away)
        elif finding.code == "aside_unreadable":
            yield _aside(library, finding, away)
        elif finding.code in REPAIRABLE:
            chapters.setdefault(PurePosixPath(*path.parts[:2]), []).append(finding)
    for folder, named in chapters.items():
        yield from _chapter(library, folder, named, away)


def _chapter(
    library: AudioLibrary, folder: PurePosixPath, named: list[Finding], away: PurePosixPath
) -> Iterator[Repair]:
    novel_id, number = novel_id_of(folder.parts[0]), chapter_number_of(folder.name)
    if novel_id is None or number is None:
        yield from (Repair(finding, done=False, message="no chapter is there") for finding in named)
        return
    lease = library.lease(novel_id, number)
    try:
        yield from _locked_chapter(library.store, folder, named, away, lease)
    finally:
        lease.release()


def _locked_chapter(
    store: FileStore,
    folder: PurePosixPath,
    named: list[Finding],
    away: PurePosixPath,
    lease: Lease,
) -> Iterator[Repair]:
    if not lease.locked:
        yield from (
            Repair(finding, done=False, message="the chapter is being narrated")
            for finding in named
        )
        return
    place = (lease.novel_id, lease.number)
    again = check_chapter(store, folder, place=place, read=lambda _: True)
    still = {(finding.code, finding.path) for finding in again}
    derived: list[Finding] = []
    for finding in named:
        if not _is_still_so(finding, still):
            yield Repair(finding, done=False, message="it is not so any more")
        elif finding.code in _DERIVED:
            derived.append(finding)
        else:
            yield _put_paragraph_away(store, finding, away)
    if derived or still:
        rebuild_manifest(store, folder, place=place)
    yield from (
        Repair(finding, done=True, message="rebuilt from the records") for finding in derived
    )


def _is_still_so(finding: Finding, still: set[tuple[str, str]]) -> bool:
    """Return whether a finding was made again; size and digest are one by now."""
    codes = ("size_differs", "digest_differs") if finding.code.endswith("_differs") else ()
    return any((code, finding.path) in still for code in (finding.code, *codes))


def _put_paragraph_away(store: FileStore, finding: Finding, away: PurePosixPath) -> Repair:
    path = PurePosixPath(finding.path)
    number = paragraph_number_of(path.parent.name)
    if number is None or finding.code in _ALONE:
        names = [path.name]
    else:  # the record first: what it names is then nobody's
        names = [record_name(number), wav_name(number)]
    moved = [name for name in names if put_away(store, path.parent / name, away)]
    return Repair(finding, done=True, message=f"{' and '.join(moved)} put away to {away}")


def put_away(store: FileStore, path: PurePosixPath, away: PurePosixPath) -> bool:
    """Move a file or folder below ``away``, keeping its path; return whether it was there."""
    if store.facts(path) is None and store.entries(path) is None:
        return False
    store.make_folder((away / path).parent)
    store.rename(path, away / path)
    return True


def _aside(library: AudioLibrary, finding: Finding, away: PurePosixPath) -> Repair:
    path = PurePosixPath(finding.path)
    if path.parent.name != ASIDE or not put_away(library.store, path, away):
        return Repair(finding, done=False, message="it is not there any more")
    return Repair(finding, done=True, message=f"put away to {away}")


def _twin(library: AudioLibrary, finding: Finding, away: PurePosixPath) -> Repair:
    """Put a second folder away, once all its audio stands in the first."""
    path = PurePosixPath(finding.path)
    novel_id = novel_id_of(path.parts[0]) or ""
    inventory = library.inventory(novel_id)
    standing = {
        held.audio.key
        for chapter in inventory.chapters.values()
        for held in chapter.paragraphs.values()
        if held.audio is not None
    }
    only_there = [
        audio
        for audio in inventory.strays
        if audio.path.is_relative_to(path) and audio.key not in standing
    ]
    if only_there:
        told = f"{len(only_there)} of its WAVs stand nowhere else: narrate the novel first"
        return Repair(finding, done=False, message=told)
    if path not in library.twins(novel_id):
        return Repair(finding, done=False, message="it is not so any more")
    with library.alone(novel_id) as is_alone:
        if not is_alone:
            return Repair(finding, done=False, message="the novel is being narrated")
        put_away(library.store, path, away)
    return Repair(finding, done=True, message=f"put away to {away}")


def rebuild_manifest(store: FileStore, folder: PurePosixPath, *, place: tuple[str, int]) -> None:
    """Write manifest and playlist of a chapter from its records.

    Which script it belongs to is not in the records: the digest is kept from the manifest there
    was, and the chapter is complete only if it was and every paragraph of it still stands. Else the
    next narration decides, at no cost.
    """
    scan = scan_chapter(store, folder, verify=True)
    old = scan.manifest
    length = len(old.paragraphs) if old else max(scan.paragraphs, default=0)
    missing = {n: ManifestEntry(n, "missing") for n in range(1, length + 1)}
    entries = missing | {n: p.entry for n, p in scan.paragraphs.items()}
    titles = (old.novel_title, old.title) if old else _titles(store, folder, scan)
    manifest = ChapterManifest(
        novel_id=place[0],
        novel_title=titles[0],
        number=place[1],
        title=titles[1],
        script_digest=old.script_digest if old else "",
        complete=old is not None
        and old.complete
        and all(e.status in ("audio", "skipped") for e in entries.values()),
        paragraphs=entries,
    )
    store.write(folder / PLAYLIST, playlist_of(manifest))
    store.write(folder / MANIFEST, manifest_to_json(manifest))


def _titles(store: FileStore, folder: PurePosixPath, scan: ScannedChapter) -> tuple[str, str]:
    for number in sorted(scan.paragraphs):
        path = paragraph_path(folder, number) / record_name(number)
        try:
            record = read_record(store, path)
        except RecordError:
            continue
        if record is not None:
            return record.text.novel_title, record.text.chapter_title
    return "", ""
