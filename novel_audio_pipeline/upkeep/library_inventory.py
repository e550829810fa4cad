"""The library as tables: what lies there, and what its records say. Files are read only if new."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from novel_audio_pipeline.library.layout import (
    failure_name,
    paragraph_folder_name,
    record_name,
)
from novel_audio_pipeline.library.manifest_glance import ManifestGlance, glance_at_manifest
from novel_audio_pipeline.library.record import RecordError
from novel_audio_pipeline.library.record_json import failure_from_json, record_from_json
from novel_audio_pipeline.storage.problems import explained
from novel_audio_pipeline.upkeep.known_library import (
    NO_RECORD,
    KnownLibrary,
    RecordColumns,
    RecordFacts,
    Said,
    columns_of,
    one_below_another,
)
from novel_audio_pipeline.upkeep.library_index import (
    CHAPTER_COLUMNS,
    PARAGRAPH_COLUMNS,
    LibraryIndex,
)
from novel_audio_pipeline.upkeep.library_walk import (
    NONE,
    ChapterWalk,
    NovelWalk,
    OtherFile,
    ParagraphFacts,
    walk_library,
)

_FILE_ID_DIGITS = 32
# Younger dates of folders are not gone by: it may still be written there, and clocks differ.
FOLDER_DATES_SETTLE = timedelta(minutes=15)


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
            ``number``, ``folder_ns``, ``wav_size``, ``wav_ns``, ``record_size``, ``record_ns``,
            ``failure_ns`` (-1 for what is not there), ``said`` (a ``Said``), ``said_size``,
            ``file_ids``, ``is_read`` (whether these come from the record; else from the manifest,
            whose content key names the entry only on this project's own backend and of audio made
            in one piece).
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
        rows = self.paragraphs[self.paragraphs["record_size"] != NONE]
        folders = pd.Categorical.from_codes(
            rows["chapter"].to_numpy(), categories=pd.Index(self.chapters["folder"])
        )
        settled_ns = int((self.looked_at - FOLDER_DATES_SETTLE).timestamp() * 1e9)
        is_settled = rows["folder_ns"] < settled_ns
        return LibraryIndex(
            built_at=self.looked_at,
            chapters=self.chapters[list(CHAPTER_COLUMNS)],
            paragraphs=rows.assign(
                folder=folders,
                folder_ns=rows["folder_ns"].where(is_settled, NONE),
            )[list(PARAGRAPH_COLUMNS)],
        )


def take_library_inventory(
    root: Path, *, now: datetime, before: LibraryIndex | None, read_since: datetime | None
) -> LibraryInventory:
    """Look at the whole library.

    WAVs and records are looked at each time. A record is read if neither the last look nor its
    chapter's manifest knows the file by size and date, or if it was written since ``read_since`` and
    only a manifest knows it. A paragraph's folder is listed unless it has the date it had at the
    last look.

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
    """One look under way: collects tables, chapter by chapter."""

    def __init__(
        self, root: Path, *, before: LibraryIndex | None, read_since: datetime | None
    ) -> None:
        self._root = root
        self._since_ns = None if read_since is None else int(read_since.timestamp() * 1e9)
        self._known = KnownLibrary(before, read_since_ns=self._since_ns)
        self._novels: list[tuple[str, str, int]] = []
        self._chapters: list[tuple[Any, ...]] = []
        self._seen: list[npt.NDArray[np.int64]] = []
        self._records: list[RecordColumns] = []
        self._failures: list[tuple[int, int, int, str, str]] = []
        self._others: list[OtherFile] = []
        self._files = 0

    def take(self, now: datetime) -> LibraryInventory:
        for walk in walk_library(self._root, known=self._known.chapter):
            if isinstance(walk, NovelWalk):
                self._add_novel(walk)
            else:
                self._others.append(walk)
        return LibraryInventory(
            looked_at=now,
            exists=self._root.is_dir(),
            novels=pd.DataFrame(self._novels, columns=["novel_id", "folder", "modified_ns"]),
            chapters=pd.DataFrame(self._chapters, columns=["novel_id", "number", *CHAPTER_COLUMNS]),
            paragraphs=self._paragraphs(),
            failures=pd.DataFrame(
                self._failures, columns=["chapter", "number", "failed_ns", "code", "message"]
            ),
            others=pd.DataFrame(
                [(o.path, o.is_temporary, o.size_bytes, o.modified_ns) for o in self._others],
                columns=["path", "is_temporary", "size_bytes", "modified_ns"],
            ),
            files=self._files + len(self._others),
        )

    def _paragraphs(self) -> pd.DataFrame:
        seen = np.concatenate([_NOTHING_SEEN, *self._seen])
        lengths = [len(one) for one in self._seen]
        records = one_below_another(self._records)
        frame = pd.DataFrame(
            {
                "chapter": np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
                **{name: seen[:, at].copy() for at, name in enumerate(_SEEN)},
                "said": records.said,
                "said_size": records.said_size,
                "is_read": records.is_read,
                "file_ids": pd.Series(records.file_ids, dtype="string[pyarrow]"),
            }
        )
        return frame.astype({"number": "int32"})

    def _add_novel(self, walk: NovelWalk) -> None:
        self._novels.append((walk.novel_id, walk.folder, walk.modified_ns))
        self._others += walk.others
        for chapter in walk.chapters:
            self._add_chapter(chapter)

    def _add_chapter(self, walk: ChapterWalk) -> None:
        said = self._known.manifest(walk)
        glance = _glance_of(walk)
        if said is None:
            said = _NOTHING_SAID if glance is None else _said_of(glance)
        if walk.is_known:
            self._records.append(self._known.columns(walk.folder))
        else:
            known = {**_vouched(glance), **self._known.records(walk.folder)}
            self._records.append(
                columns_of([self._record(walk, f, known) for f in walk.paragraphs])
            )
        self._chapters.append((walk.novel_id, walk.number, walk.folder, *walk.manifest, *said))
        self._seen.append(np.array(walk.paragraphs, dtype=np.int64).reshape(-1, len(_SEEN)))
        self._files += walk.files

    def _record(
        self, walk: ChapterWalk, seen: ParagraphFacts, known: Mapping[int, RecordFacts]
    ) -> RecordFacts:
        number, record, failure_ns = seen[0], seen[4:6], seen[6]
        if failure_ns != NONE:
            failure = self._failure(walk, number)
            self._failures.append((len(self._chapters), number, failure_ns, *failure))
        if record[0] == NONE:
            return NO_RECORD
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


_SEEN = ("number", "folder_ns", "wav_size", "wav_ns", "record_size", "record_ns", "failure_ns")
_NOTHING_SEEN = np.empty((0, len(_SEEN)), dtype=np.int64)
_NOTHING_SAID = (NONE, False, "")


def _glance_of(walk: ChapterWalk) -> ManifestGlance | None:
    try:
        return None if walk.manifest_data is None else glance_at_manifest(walk.manifest_data)
    except RecordError:
        return None  # derived: the records are read instead


def _said_of(glance: ManifestGlance) -> tuple[int, bool, str]:
    return glance.listed, glance.complete, glance.script_digest


def _vouched(glance: ManifestGlance | None) -> dict[int, RecordFacts]:
    """Return what a manifest says of the records it knows."""
    if glance is None:
        return {}
    return {
        number: RecordFacts(
            (size, modified_ns),
            Said.AUDIO if status == "audio" else Said.SKIPPED,
            wav_size,
            key[:_FILE_ID_DIGITS],
            is_read=False,
        )
        for number, (size, modified_ns, wav_size, status, key) in glance.records.items()
    }


def _read_record(path: str, record: tuple[int, int]) -> RecordFacts:
    data = _read(path)
    try:
        found = None if data is None else record_from_json(data, what=path)
    except RecordError:
        return RecordFacts(record, Said.UNREADABLE, 0, "", is_read=True)
    if found is None:
        return NO_RECORD
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
