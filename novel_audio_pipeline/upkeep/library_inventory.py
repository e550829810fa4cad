"""The library as tables: what lies there, and what its records say. Files are read only if new."""

import os
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

import pandas as pd

from novel_audio_pipeline.library.layout import (
    MANIFEST,
    failure_name,
    paragraph_folder_name,
    record_name,
)
from novel_audio_pipeline.library.manifest import ChapterManifest
from novel_audio_pipeline.library.manifest_json import manifest_from_json
from novel_audio_pipeline.library.record import RecordError
from novel_audio_pipeline.library.record_json import failure_from_json, record_from_json
from novel_audio_pipeline.storage.problems import explained
from novel_audio_pipeline.upkeep.library_index import LibraryIndex
from novel_audio_pipeline.upkeep.library_walk import (
    NONE,
    ChapterWalk,
    NovelWalk,
    OtherFile,
    walk_library,
)

_FILE_ID_DIGITS = 32


class Said(IntEnum):
    """What a record says stands at its place."""

    NOTHING = 0  # there is no record
    AUDIO = 1
    SKIPPED = 2
    UNREADABLE = 3


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """What is known of one record without reading it again.

    Attributes:
        record: Size and date of its file when it was read.
        said: What it says.
        said_size: Size of the WAV by the record; 0 if it names none.
        file_ids: The cache entries it names, with spaces between.
        is_read: Whether the ids come from the record; else from the content key, which names the
            entry only on this project's own backend and of audio made in one piece.
    """

    record: tuple[int, int]
    said: Said
    said_size: int
    file_ids: str
    is_read: bool


@dataclass(frozen=True)
class LibraryInventory:
    """Everything in the library at one look.

    Attributes:
        looked_at: When the look began, aware UTC.
        exists: Whether there is a library folder at all.
        novels: One row for each novel folder: ``novel_id``, ``folder``, ``modified_ns``.
        chapters: One row for each chapter folder: ``novel_id``, ``number``, ``folder``, ``listed``
            (paragraphs by the manifest, -1 without one), ``is_complete``, ``script_digest``,
            ``manifest_size``, ``manifest_ns``.
        paragraphs: One row for each paragraph folder: ``chapter`` (row in ``chapters``),
            ``number``, ``wav_size``, ``wav_ns``, ``record_size``, ``record_ns``, ``failure_ns``
            (-1 for what is not there), ``said`` (a ``Said``), ``said_size``, ``file_ids``,
            ``is_read``.
        failures: Paragraphs with a failure: ``chapter``, ``number``, ``failed_ns``, ``code``,
            ``message``.
        others: What is no part of a paragraph: ``path``, ``is_temporary``, ``size_bytes``,
            ``modified_ns``.
        files: How many files were seen.
    """

    looked_at: datetime
    exists: bool
    novels: pd.DataFrame
    chapters: pd.DataFrame
    paragraphs: pd.DataFrame
    failures: pd.DataFrame
    others: pd.DataFrame
    files: int

    def index(self) -> LibraryIndex:
        """Return what the next look can go by."""
        with_record = self.paragraphs[self.paragraphs["record_size"] != NONE]
        folders = pd.Categorical.from_codes(
            with_record["chapter"].to_numpy(), categories=pd.Index(self.chapters["folder"])
        )
        columns = ["number", "record_size", "record_ns", "said", "said_size", "file_ids", "is_read"]
        return LibraryIndex(
            built_at=self.looked_at,
            chapters=self.chapters[
                ["folder", "manifest_size", "manifest_ns", "listed", "is_complete", "script_digest"]
            ],
            paragraphs=with_record[columns]
            .rename(columns={"said": "status"})
            .assign(folder=folders),
        )


def take_library_inventory(
    root: Path, *, now: datetime, before: LibraryIndex | None, read_since: datetime | None
) -> LibraryInventory:
    """Look at the whole library.

    A record is read if neither the last look nor its chapter's manifest knows the file by size and
    date, or if it was written since ``read_since`` and only a manifest knows it.

    Args:
        root: The library's folder; need not exist.
        now: Timezone-aware.
        before: The index of the last look, or None.
        read_since: From when on records are to name their cache entries for certain, or None.

    Raises:
        StorageError: If a folder or file cannot be read.
    """
    return _Taking(root, before=before, read_since=read_since).take(now)


class _Taking:
    """One look under way: collects columns, chapter by chapter."""

    def __init__(
        self, root: Path, *, before: LibraryIndex | None, read_since: datetime | None
    ) -> None:
        self._root = root
        self._known = _Known(before)
        self._since_ns = None if read_since is None else int(read_since.timestamp() * 1e9)
        self._novels: list[tuple[str, str, int]] = []
        self._chapters: list[tuple[Any, ...]] = []
        self._numbers: dict[str, array[int]] = {
            name: array("q")
            for name in (
                *("chapter", "number", "wav_size", "wav_ns", "record_size", "record_ns"),
                *("failure_ns", "said", "said_size", "is_read"),
            )
        }
        self._file_ids: list[str] = []
        self._failures: list[tuple[int, int, int, str, str]] = []
        self._others: list[OtherFile] = []
        self._files = 0

    def take(self, now: datetime) -> LibraryInventory:
        for walk in walk_library(self._root):
            if isinstance(walk, NovelWalk):
                self._add_novel(walk)
            else:
                self._others.append(walk)
        paragraphs = pd.DataFrame({name: pd.Series(v) for name, v in self._numbers.items()})
        paragraphs = paragraphs.astype(
            {"chapter": "int32", "number": "int32", "said": "int8", "is_read": "bool"}
        )
        paragraphs["file_ids"] = pd.Series(self._file_ids, dtype="string[pyarrow]")
        return LibraryInventory(
            looked_at=now,
            exists=self._root.is_dir(),
            novels=pd.DataFrame(self._novels, columns=["novel_id", "folder", "modified_ns"]),
            chapters=pd.DataFrame(
                self._chapters,
                columns=[
                    *("novel_id", "number", "folder", "manifest_size", "manifest_ns"),
                    *("listed", "is_complete", "script_digest"),
                ],
            ),
            paragraphs=paragraphs,
            failures=pd.DataFrame(
                self._failures, columns=["chapter", "number", "failed_ns", "code", "message"]
            ),
            others=pd.DataFrame(
                [(o.path, o.is_temporary, o.size_bytes, o.modified_ns) for o in self._others],
                columns=["path", "is_temporary", "size_bytes", "modified_ns"],
            ),
            files=self._files + len(self._others),
        )

    def _add_novel(self, walk: NovelWalk) -> None:
        self._novels.append((walk.novel_id, walk.folder, walk.modified_ns))
        self._others += walk.others
        for chapter in walk.chapters:
            self._add_chapter(chapter)

    def _add_chapter(self, walk: ChapterWalk) -> None:
        known = self._known.records(walk.folder)
        said = self._known.manifest(walk)
        if said is None or not known:
            manifest = self._read_manifest(walk)
            said = _said_of(manifest)
            known = {**_vouched(manifest), **known}
        chapter, columns = len(self._chapters), self._numbers
        self._chapters.append((walk.novel_id, walk.number, walk.folder, *walk.manifest, *said))
        self._files += walk.files
        for number, wav_size, wav_ns, record_size, record_ns, failure_ns in walk.paragraphs:
            if failure_ns != NONE:
                failure = self._failure(walk, number)
                self._failures.append((chapter, number, failure_ns, *failure))
            facts = _NO_RECORD
            if record_size != NONE:
                facts = self._record(walk, number, (record_size, record_ns), known)
            columns["chapter"].append(chapter)
            columns["number"].append(number)
            columns["wav_size"].append(wav_size)
            columns["wav_ns"].append(wav_ns)
            columns["record_size"].append(record_size)
            columns["record_ns"].append(record_ns)
            columns["failure_ns"].append(failure_ns)
            columns["said"].append(facts.said)
            columns["said_size"].append(facts.said_size)
            columns["is_read"].append(facts.is_read)
            self._file_ids.append(facts.file_ids)

    def _record(
        self,
        walk: ChapterWalk,
        number: int,
        record: tuple[int, int],
        known: Mapping[int, RecordFacts],
    ) -> RecordFacts:
        facts = known.get(number)
        is_new = self._since_ns is not None and record[1] >= self._since_ns
        if facts is not None and facts.record == record and (facts.is_read or not is_new):
            return facts
        path = os.path.join(
            self._root, walk.folder, paragraph_folder_name(number), record_name(number)
        )
        return _read_record(path, record)

    def _failure(self, walk: ChapterWalk, number: int) -> tuple[str, str]:
        """Return code and sentence of a failure; empty if they cannot be read."""
        folder = os.path.join(self._root, walk.folder, paragraph_folder_name(number))
        data = _read(os.path.join(folder, failure_name(number)))
        try:
            failure = None if data is None else failure_from_json(data)
        except RecordError:
            failure = None  # it stands as a failure all the same; only its sentence is lost
        return ("", "") if failure is None else (failure.code, failure.message)

    def _read_manifest(self, walk: ChapterWalk) -> ChapterManifest | None:
        if walk.manifest[0] == NONE:
            return None
        data = _read(os.path.join(self._root, walk.folder, MANIFEST))
        try:
            return None if data is None else manifest_from_json(data)
        except RecordError:
            return None  # derived: the records are read instead


class _Known:
    """What the last look found, chapter by chapter."""

    def __init__(self, before: LibraryIndex | None) -> None:
        self._manifests: dict[str, tuple[int, int, int, bool, str]] = {}
        self._spans: dict[str, tuple[int, int]] = {}
        if before is None:
            return
        rows = before.chapters[
            ["folder", "manifest_size", "manifest_ns", "listed", "is_complete", "script_digest"]
        ]
        self._manifests = {row[0]: row[1:] for row in rows.itertuples(index=False, name=None)}
        frame = before.paragraphs
        self._number = frame["number"].to_numpy()
        self._size, self._ns = frame["record_size"].to_numpy(), frame["record_ns"].to_numpy()
        self._status, self._said = frame["status"].to_numpy(), frame["said_size"].to_numpy()
        self._read = frame["is_read"].to_numpy()
        self._ids = frame["file_ids"].astype("string[pyarrow]").array
        codes = frame["folder"].cat.codes.to_numpy()
        starts = [0, *(i for i in range(1, len(codes)) if codes[i] != codes[i - 1])]
        names = frame["folder"].cat.categories
        for start, stop in zip(starts, [*starts[1:], len(codes)], strict=True):
            if stop > start:
                self._spans[names[codes[start]]] = (start, stop)

    def manifest(self, walk: ChapterWalk) -> tuple[int, bool, str] | None:
        """Return what was told of a chapter, if its manifest is still the same file."""
        known = self._manifests.get(walk.folder)
        if known is None or known[:2] != walk.manifest:
            return None
        return int(known[2]), bool(known[3]), str(known[4])

    def records(self, folder: str) -> Mapping[int, RecordFacts]:
        """Return what was found in the records of a chapter."""
        if folder not in self._spans:
            return {}
        start, stop = self._spans[folder]
        columns = zip(
            self._number[start:stop].tolist(),
            self._size[start:stop].tolist(),
            self._ns[start:stop].tolist(),
            self._status[start:stop].tolist(),
            self._said[start:stop].tolist(),
            self._ids[start:stop].tolist(),
            self._read[start:stop].tolist(),
            strict=True,
        )
        return {
            number: RecordFacts((size, ns), _SAID[status], said_size, ids, is_read)
            for number, size, ns, status, said_size, ids, is_read in columns
        }


_SAID = tuple(Said)
_NO_RECORD = RecordFacts((NONE, NONE), Said.NOTHING, 0, "", is_read=False)


def _said_of(manifest: ChapterManifest | None) -> tuple[int, bool, str]:
    if manifest is None:
        return NONE, False, ""
    return len(manifest.paragraphs), manifest.complete, manifest.script_digest


def _vouched(manifest: ChapterManifest | None) -> dict[int, RecordFacts]:
    """Return what a manifest says of the records it knows."""
    if manifest is None:
        return {}
    return {
        number: RecordFacts(
            (entry.record_size_bytes, entry.record_modified_ns),
            Said.AUDIO if entry.status == "audio" else Said.SKIPPED,
            entry.size_bytes,
            (entry.content_key or "")[:_FILE_ID_DIGITS],
            is_read=False,
        )
        for number, entry in manifest.paragraphs.items()
        if entry.status in ("audio", "skipped")
    }


def _read_record(path: str, record: tuple[int, int]) -> RecordFacts:
    data = _read(path)
    try:
        found = None if data is None else record_from_json(data, what=path)
    except RecordError:
        return RecordFacts(record, Said.UNREADABLE, 0, "", is_read=True)
    if found is None:
        return _NO_RECORD
    if found.audio is None:
        return RecordFacts(record, Said.SKIPPED, 0, "", is_read=True)
    ids = " ".join(piece.file_id for piece in found.audio.pieces)
    return RecordFacts(record, Said.AUDIO, found.audio.size_bytes, ids, is_read=True)


def _read(path: str) -> bytes | None:
    with explained("read", path):
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
