"""Looking at every name in a library on a local disk, quickly; of files only manifests are read.

Chapters are looked at in several threads: most of the time is the system's, and much of it waiting for
the disk.
"""

import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.library.layout import (
    ASIDE,
    LOCKS,
    MANIFEST,
    PLAYLIST,
    REPAIR_ASIDE,
    chapter_number_of,
    novel_id_of,
    paragraph_number_of,
)
from novel_audio_pipeline.storage.problems import explained
from novel_audio_pipeline.storage.temporary import is_temporary

NONE = -1  # size and date of a file that is not there
_TRIES = 3
_THREADS = 8


@dataclass(frozen=True, slots=True)
class OtherFile:
    """Something in the library that is no part of a paragraph.

    Attributes:
        path: Relative to the library.
        is_temporary: Whether it has the form of a temporary file of ours.
        size_bytes: Its size; 0 of a folder.
        modified_ns: When it was last written.
    """

    path: str
    is_temporary: bool
    size_bytes: int
    modified_ns: int


# number, date of the folder, WAV size and date, record size and date, date of the failure; NONE for
# what is not there
ParagraphFacts = tuple[int, int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class KnownChapter:
    """What an earlier look found in a chapter folder; paragraph by paragraph, in the disk's order.

    Attributes:
        manifest: Size and date of its manifest.
        numbers: Of the paragraphs, each with a record.
        folder_ns: Dates of their folders; NONE of a folder that is to be listed again.
        has_wav: Whether there was a WAV.
        records: Size and date of each record.
    """

    manifest: tuple[int, int]
    numbers: list[int]
    folder_ns: list[int]
    has_wav: list[bool]
    records: list[tuple[int, int]]


@dataclass(slots=True)
class ChapterWalk:
    """The names in one chapter folder.

    Attributes:
        novel_id: Whose.
        number: Of the chapter.
        folder: Relative to the library, with ``/``.
        manifest: Size and date; ``(NONE, NONE)`` if there is none.
        manifest_data: Its content; None if there is none, or all of the chapter is known.
        paragraphs: Facts of each paragraph folder, in the disk's order.
        is_known: Whether folders and records are all those of an earlier look.
        others: What is no part of a paragraph.
        files: How many files were seen, of any kind.
    """

    novel_id: str
    number: int
    folder: str
    manifest: tuple[int, int] = (NONE, NONE)
    manifest_data: bytes | None = None
    paragraphs: list[ParagraphFacts] = field(default_factory=list)
    is_known: bool = False
    others: list[OtherFile] = field(default_factory=list)
    files: int = 0


@dataclass(slots=True)
class NovelWalk:
    """One folder of a novel.

    Attributes:
        novel_id: By its name.
        folder: Its name.
        chapters: In the order of the disk.
        others: What is no part of a paragraph, in all of it.
        modified_ns: Of the folder.
    """

    novel_id: str
    folder: str
    modified_ns: int
    chapters: list[ChapterWalk] = field(default_factory=list)
    others: list[OtherFile] = field(default_factory=list)


Known = Callable[[str], KnownChapter | None]


def walk_library(root: Path, *, known: Known) -> Iterator[NovelWalk | OtherFile]:
    """Yield every novel folder, and what lies beside them; an absent library yields nothing.

    Links are never followed. A file that goes meanwhile is left out; a novel or chapter that is
    renamed meanwhile is looked at again.

    Args:
        root: Of the library.
        known: What an earlier look found in a chapter, by its folder. A paragraph's folder that has
            the date it had is not listed again: nothing can have come into it or gone. WAV and record
            are looked at in any case, since neither a write nor a cut changes that date.

    Raises:
        StorageError: If a folder cannot be read: that is never the same as being empty.
    """
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="library-walk") as threads:
        yield from _walk_novels(root, _Looking(known, threads))


@dataclass(frozen=True, slots=True)
class _Looking:
    """What a walk looks with."""

    known: Known
    threads: ThreadPoolExecutor


def _walk_novels(root: Path, looking: _Looking) -> Iterator[NovelWalk | OtherFile]:
    renamed: set[str] = set()
    for name in _names(root):
        if name == LOCKS:
            continue
        facts = _facts_at(root / name)
        if facts is None:
            renamed.add(novel_id_of(name) or "")
        elif (novel_id := _novel_of(name, facts)) is None:
            yield _other(name, name, facts)
        elif (walk := _walk_novel(root, name, novel_id, facts.st_mtime_ns, looking)) is not None:
            yield walk
        else:
            renamed.add(novel_id)
    for name in _names(root) if renamed else ():
        facts = _facts_at(root / name)
        novel_id = None if facts is None else _novel_of(name, facts)
        if facts is not None and novel_id in renamed:
            walk = _walk_novel(root, name, novel_id, facts.st_mtime_ns, looking)
            if walk is None:
                raise _changing(root / name)
            yield walk


def _novel_of(name: str, facts: os.stat_result) -> str | None:
    return novel_id_of(name) if stat.S_ISDIR(facts.st_mode) else None


def _names(root: Path) -> list[str]:
    with explained("list the folder", str(root)):
        try:
            return sorted(os.listdir(root))
        except FileNotFoundError:
            return []


def _facts_at(path: Path) -> os.stat_result | None:
    with explained("look at", str(path)):
        try:
            return os.lstat(path)
        except FileNotFoundError:
            return None


def _walk_novel(
    root: Path, name: str, novel_id: str, modified_ns: int, looking: _Looking
) -> NovelWalk | None:
    """Return what a novel's folder holds, or None if it has another name by now."""
    for _ in range(_TRIES):
        walk = NovelWalk(novel_id, name, modified_ns)
        with explained("list the folder", str(root / name)):
            try:
                _fill_novel(root, walk, looking)
            except FileNotFoundError:
                if not (root / name).is_dir():
                    return None
                continue
        return walk
    raise _changing(root / name)


def _changing(path: Path) -> StorageError:
    return StorageError(
        f"{path} changes while it is looked at. Wait until narration is done there, then run this "
        "again"
    )


def _fill_novel(root: Path, walk: NovelWalk, looking: _Looking) -> None:
    chapters: list[tuple[str, int]] = []
    others: list[OtherFile] = []
    with os.scandir(root / walk.folder) as found:
        for entry in found:
            number = chapter_number_of(entry.name)
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and number is not None:
                chapters.append((entry.name, number))
            elif is_folder and entry.name == ASIDE:
                _add_temporaries(entry.path, f"{walk.folder}/{entry.name}", others)
            elif not (is_folder and entry.name == REPAIR_ASIDE):
                _add_other(entry, f"{walk.folder}/{entry.name}", others)

    def look(chapter: tuple[str, int]) -> ChapterWalk:
        folder = f"{walk.folder}/{chapter[0]}"
        found = ChapterWalk(walk.novel_id, chapter[1], folder)
        _walk_chapter(f"{root}/{folder}", found, looking.known(folder))
        return found

    walk.chapters = list(looking.threads.map(look, chapters))
    walk.others = others + [one for chapter in walk.chapters for one in chapter.others]


def _walk_chapter(path: str, walk: ChapterWalk, known: KnownChapter | None) -> None:
    names: list[str] = []
    numbers: list[int] = []
    with os.scandir(path) as found:
        for entry in found:
            name = entry.name
            paragraph = paragraph_number_of(name)
            if paragraph is not None and entry.is_dir(follow_symlinks=False):
                names.append(name)
                numbers.append(paragraph)
            elif name == MANIFEST:
                if (seen := _facts(entry)) is not None:
                    walk.manifest = (seen.st_size, seen.st_mtime_ns)
                    walk.files += 1
            elif name == PLAYLIST:
                walk.files += 1
            else:
                _add_other(entry, f"{walk.folder}/{name}", walk.others)
    if known is not None and known.numbers == numbers:
        walk.is_known = _look_again(path, names, walk, known)
    if not walk.is_known:
        walk.paragraphs = [
            _walk_paragraph(path, walk, name, number)
            for name, number in zip(names, numbers, strict=True)
        ]
    if walk.manifest[0] != NONE and not (
        walk.is_known and known is not None and known.manifest == walk.manifest
    ):
        walk.manifest_data = _read(f"{path}/{MANIFEST}")
    walk.files += sum(
        (facts[2] != NONE) + (facts[4] != NONE) + (facts[6] != NONE) for facts in walk.paragraphs
    )


def _look_again(path: str, names: list[str], walk: ChapterWalk, known: KnownChapter) -> bool:
    """Look at what an earlier look has found; return False if anything but a WAV is another.

    Three looks at a paragraph instead of listing its folder: half the time, and of a folder that is
    not in memory less of the disk.
    """
    look = os.lstat
    try:
        if [look(f"{path}/{name}").st_mtime_ns for name in names] != known.folder_ns:
            return False
        records = [look(f"{path}/{name}/{name}_metadata.json") for name in names]
        wavs = [
            look(f"{path}/{name}/{name}.wav") if has_wav else None
            for name, has_wav in zip(names, known.has_wav, strict=True)
        ]
    except FileNotFoundError:
        return False
    if [(one.st_size, one.st_mtime_ns) for one in records] != known.records:
        return False
    walk.paragraphs = [
        (
            *(number, folder_ns),
            *((wav.st_size, wav.st_mtime_ns) if wav is not None else (NONE, NONE)),
            *(*record, NONE),
        )
        for number, folder_ns, wav, record in zip(
            known.numbers, known.folder_ns, wavs, known.records, strict=True
        )
    ]
    return True


def _walk_paragraph(
    chapter_path: str, chapter: ChapterWalk, name: str, number: int
) -> ParagraphFacts:
    path = f"{chapter_path}/{name}"
    wav_size = wav_ns = record_size = record_ns = failure_ns = NONE
    wav, record = f"{name}.wav", f"{name}_metadata.json"
    folder_ns = os.lstat(path).st_mtime_ns  # before it is listed: what comes later changes it
    with os.scandir(path) as found:
        for entry in found:
            if (seen := _facts(entry)) is None:
                continue
            is_file = stat.S_ISREG(seen.st_mode)
            if entry.name == wav and is_file:
                wav_size, wav_ns = seen.st_size, seen.st_mtime_ns
            elif entry.name == record and is_file:
                record_size, record_ns = seen.st_size, seen.st_mtime_ns
            else:
                folder_ns = NONE  # it holds what is to be looked at each time
                if entry.name == f"{name}_failure.json" and is_file:
                    failure_ns = seen.st_mtime_ns
                else:
                    relative = f"{chapter.folder}/{name}/{entry.name}"
                    chapter.others.append(_other(entry.name, relative, seen))
    return number, folder_ns, wav_size, wav_ns, record_size, record_ns, failure_ns


def _add_temporaries(path: str, relative: str, others: list[OtherFile]) -> None:
    with os.scandir(path) as found:
        for entry in found:
            if is_temporary(entry.name):
                _add_other(entry, f"{relative}/{entry.name}", others)


def _add_other(entry: "os.DirEntry[str]", relative: str, others: list[OtherFile]) -> None:
    if (seen := _facts(entry)) is not None:
        others.append(_other(entry.name, relative, seen))


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _facts(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """Return what a name stands for, or None if it is gone: temporary files come and go."""
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _other(name: str, relative: str, facts: os.stat_result) -> OtherFile:
    is_file = stat.S_ISREG(facts.st_mode)
    return OtherFile(
        relative, is_file and is_temporary(name), facts.st_size if is_file else 0, facts.st_mtime_ns
    )
