"""What the records of a library said at the last look, chapter by chapter, by the derived index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from novel_audio_pipeline.upkeep.library_index import CHAPTER_COLUMNS, LibraryIndex
from novel_audio_pipeline.upkeep.library_walk import NONE, ChapterWalk, KnownChapter


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
        is_read: Whether the ids come from the record; else from the content key in the manifest.
    """

    record: tuple[int, int]
    said: Said
    said_size: int
    file_ids: str
    is_read: bool


NO_RECORD = RecordFacts((NONE, NONE), Said.NOTHING, 0, "", is_read=False)
_SAID = tuple(Said)


@dataclass(frozen=True, slots=True)
class RecordColumns:
    """What the records of some paragraphs say, column by column; as in ``RecordFacts``."""

    said: npt.NDArray[np.int8]
    said_size: npt.NDArray[np.int64]
    is_read: npt.NDArray[np.bool_]
    file_ids: pa.Array


def columns_of(records: Sequence[RecordFacts]) -> RecordColumns:
    """Return the columns of some records."""
    return RecordColumns(
        np.array([one.said for one in records], dtype=np.int8),
        np.array([one.said_size for one in records], dtype=np.int64),
        np.array([one.is_read for one in records], dtype=np.bool_),
        pa.array([one.file_ids for one in records], type=pa.string()),
    )


def one_below_another(parts: Sequence[RecordColumns]) -> RecordColumns:
    """Return the rows of all parts, in order."""
    parts = [columns_of([]), *parts]
    return RecordColumns(
        np.concatenate([part.said for part in parts]),
        np.concatenate([part.said_size for part in parts]),
        np.concatenate([part.is_read for part in parts]),
        pa.concat_arrays([part.file_ids for part in parts]),
    )


def _in_one_piece(texts: object) -> pa.Array:
    """Return texts as one array: of a large file they come in several chunks."""
    found = pa.array(texts, type=pa.string())
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


class KnownLibrary:
    """The last look at a library, asked chapter by chapter.

    Args:
        before: The index of that look, or None.
        read_since_ns: Records written since then are to be read, if only a manifest told of them.
    """

    def __init__(self, before: LibraryIndex | None, *, read_since_ns: int | None) -> None:
        self._manifests: dict[str, tuple[int, int, int, bool, str]] = {}
        self._spans: dict[str, slice] = {}
        if before is None:
            return
        rows = before.chapters[list(CHAPTER_COLUMNS)]
        self._manifests = {row[0]: row[1:] for row in rows.itertuples(index=False, name=None)}
        frame = before.paragraphs
        self._number, self._folder_ns = frame["number"].to_numpy(), frame["folder_ns"].to_numpy()
        self._has_wav = frame["wav_size"].to_numpy() != NONE
        self._size, self._ns = frame["record_size"].to_numpy(), frame["record_ns"].to_numpy()
        self._records = RecordColumns(
            frame["said"].to_numpy().astype(np.int8),
            frame["said_size"].to_numpy(),
            frame["is_read"].to_numpy(),
            _in_one_piece(frame["file_ids"].astype("string[pyarrow]").array),
        )
        self._is_enough = self._records.is_read
        if read_since_ns is not None:
            self._is_enough = self._is_enough | (self._ns < read_since_ns)
        else:
            self._is_enough = np.ones(len(frame), dtype=np.bool_)
        codes = frame["folder"].cat.codes.to_numpy()
        names = frame["folder"].cat.categories
        start = 0
        for stop in (np.flatnonzero(np.diff(codes, append=-1)) + 1).tolist():
            self._spans[names[codes[start]]] = slice(start, stop)
            start = stop

    def chapter(self, folder: str) -> KnownChapter | None:
        """Return what was seen in a chapter, or None if all of it is to be looked at anew."""
        span, manifest = self._spans.get(folder), self._manifests.get(folder)
        if span is None or manifest is None:
            return None
        if not self._is_enough[span].all() or (self._folder_ns[span] == NONE).any():
            return None
        return KnownChapter(
            manifest=manifest[:2],
            numbers=self._number[span].tolist(),
            folder_ns=self._folder_ns[span].tolist(),
            has_wav=self._has_wav[span].tolist(),
            records=list(zip(self._size[span].tolist(), self._ns[span].tolist(), strict=True)),
        )

    def manifest(self, walk: ChapterWalk) -> tuple[int, bool, str] | None:
        """Return what was told of a chapter, if its manifest is still the same file."""
        known = self._manifests.get(walk.folder)
        if known is None or known[:2] != walk.manifest:
            return None
        return int(known[2]), bool(known[3]), str(known[4])

    def columns(self, folder: str) -> RecordColumns:
        """Return what was found in the records of a chapter that is known."""
        span, all_of = self._spans[folder], self._records
        return RecordColumns(
            all_of.said[span],
            all_of.said_size[span],
            all_of.is_read[span],
            all_of.file_ids.slice(span.start, span.stop - span.start),
        )

    def records(self, folder: str) -> Mapping[int, RecordFacts]:
        """Return the same record by record, by the number of the paragraph; empty if unknown."""
        if (span := self._spans.get(folder)) is None:
            return {}
        columns = self.columns(folder)
        rows = zip(
            self._number[span].tolist(),
            self._size[span].tolist(),
            self._ns[span].tolist(),
            columns.said.tolist(),
            columns.said_size.tolist(),
            columns.file_ids.to_pylist(),
            columns.is_read.tolist(),
            strict=True,
        )
        return {
            number: RecordFacts((size, ns), _SAID[said], said_size, ids, is_read)
            for number, size, ns, said, said_size, ids, is_read in rows
        }
