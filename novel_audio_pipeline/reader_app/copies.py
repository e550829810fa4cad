"""Copies of a chapter's audio at its place, where the system lets nobody make links.

A folder of copies bears a mark that says what was copied; only what the mark names is ever replaced
or removed.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.library.inventory import HeldParagraph, Standing
from novel_audio_pipeline.library.layout import (
    paragraph_folder_name,
    paragraph_path,
    record_name,
    wav_name,
)
from novel_audio_pipeline.reader_app.finding import found
from novel_audio_pipeline.reader_app.static_folder import COPY_MARK, StaticFolder
from novel_audio_pipeline.storage.store import FileStore


@dataclass(frozen=True, slots=True)
class _Copied:
    """One copied file: whose bytes, and how the copy looked when it was made."""

    sha256: str
    size_bytes: int
    modified_ns: int


def copy_chapter(
    static: StaticFolder,
    library: FileStore,
    place: PurePosixPath,
    *,
    folder: PurePosixPath,
    paragraphs: Sequence[HeldParagraph],
    key: str,
) -> list[Finding]:
    """Make the copies of a chapter those of some paragraphs, and remove the others.

    Args:
        static: Where the app plays from.
        library: The library.
        place: Of the chapter, relative to the audio folder.
        folder: Of the chapter, relative to the library.
        paragraphs: Those that are published or skipped.
        key: How findings name the chapter.

    Returns:
        A finding for each copy that somebody has changed since; it is left as it is.

    Raises:
        StorageError: If something cannot be read or written.
    """
    copied = _read_mark(static.store, place)
    findings: list[Finding] = []
    wanted: dict[str, _Copied] = {}
    _write_mark(static.store, place, copied)
    for held in paragraphs:
        name, source = _file_of(held, folder)
        known = copied.get(name)
        made = _copied(static.store, library, place / name, source, known, held)
        if made is None:
            told = f"{name} is not the copy that was put there."
            findings.append(found("copy_changed", f"{key}/{held.number}", told))
            made = known
        if made is not None:
            wanted[name] = made
    _remove(static.store, place, [name for name in copied if name not in wanted], copied)
    _write_mark(static.store, place, wanted)
    return findings


def remove_copies(static: StaticFolder, place: PurePosixPath) -> bool:
    """Remove the copies of a chapter; what somebody has changed or added stays.

    Returns:
        Whether the whole folder is gone.

    Raises:
        StorageError: If something cannot be removed.
    """
    copied = _read_mark(static.store, place)
    left = _remove(static.store, place, list(copied), copied)
    if not left:
        static.store.remove([place / COPY_MARK])
    return static.store.remove_folder(place)


def _file_of(held: HeldParagraph, folder: PurePosixPath) -> tuple[str, PurePosixPath]:
    """Return a paragraph's file at the chapter's place, and the one in the library.

    Of what is skipped the app reads the record, which says so.
    """
    is_skipped = held.standing is Standing.SKIPPED
    name = record_name(held.number) if is_skipped else wav_name(held.number)
    source = paragraph_path(folder, held.number) / name
    return f"{paragraph_folder_name(held.number)}/{name}", source


def _copied(
    store: FileStore,
    library: FileStore,
    target: PurePosixPath,
    source: PurePosixPath,
    known: _Copied | None,
    held: HeldParagraph,
) -> _Copied | None:
    """Make a copy if it is not there; return it, or None if something else stands at its place."""
    facts = store.facts(target)
    is_as_made = facts is not None and not _is_changed(store, target, known)
    if known is not None and is_as_made and held.audio and held.audio.sha256 == known.sha256:
        return known
    data = library.read(source) or b""
    digest = hashlib.sha256(data).hexdigest()
    if facts is not None and (known is None or not is_as_made):
        there = hashlib.sha256(store.read(target) or b"").hexdigest()
        if there != digest:
            return None
    elif known is not None and is_as_made and known.sha256 == digest:
        return known
    else:
        facts = store.write(target, data)
    return _Copied(digest, facts.size_bytes, facts.modified_ns)


def _is_changed(store: FileStore, path: PurePosixPath, known: _Copied | None) -> bool:
    """Return whether a copy is there and is not as it was made."""
    facts = store.facts(path) if known else None
    if facts is None or known is None:
        return False
    return (facts.size_bytes, facts.modified_ns) != (known.size_bytes, known.modified_ns)


def _remove(
    store: FileStore, place: PurePosixPath, names: Sequence[str], copied: dict[str, _Copied]
) -> list[str]:
    """Remove copies and their folders; return those that somebody has changed, which stay."""
    left = [name for name in names if _is_changed(store, place / name, copied.get(name))]
    gone = [place / name for name in names if name not in left]
    store.remove(gone)
    for path in gone:
        store.remove_folder(path.parent)
    return left


def _read_mark(store: FileStore, place: PurePosixPath) -> dict[str, _Copied]:
    data = store.read(place / COPY_MARK)
    try:
        fields = json.loads(data or b"{}")
        return {name: _Copied(*values) for name, values in fields.items() if _is_name(name)}
    except (ValueError, TypeError, AttributeError):
        return {}  # damaged: what stands there counts as somebody else's


def _write_mark(store: FileStore, place: PurePosixPath, copied: dict[str, _Copied]) -> None:
    fields = {n: [c.sha256, c.size_bytes, c.modified_ns] for n, c in copied.items()}
    data = json.dumps(fields, indent=1).encode()
    if store.read(place / COPY_MARK) != data:
        store.write(place / COPY_MARK, data)


def _is_name(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and len(path.parts) == 2 and ".." not in path.parts  # noqa: PLR2004 - folder and file
