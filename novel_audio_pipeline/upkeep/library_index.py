"""A derived index of the library: what was found at the last look, kept to make the next one quick.

Two Parquet files under the reports folder. They vouch for nothing: each row says by size and date of
a file what was read in it then, and counts only as long as the file still has both.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pandas as pd

from novel_audio_pipeline.storage.local import LocalFileStore

FORM = "3"
CHAPTERS_FILE = PurePosixPath("index/library_chapters.parquet")
PARAGRAPHS_FILE = PurePosixPath("index/library_paragraphs.parquet")
CHAPTER_COLUMNS = (
    *("folder", "manifest_size", "manifest_ns", "listed", "is_complete", "script_digest"),
)
PARAGRAPH_COLUMNS = (
    *("folder", "number", "folder_ns", "wav_size", "record_size", "record_ns"),
    *("said", "said_size", "file_ids", "is_read"),
)
_BUILT_AT, _FORM = "novel_audio_built_at", "novel_audio_form"


@dataclass(frozen=True)
class LibraryIndex:
    """What the library held at the last look.

    Attributes:
        built_at: When that look began, aware UTC.
        chapters: One row for each chapter folder, columns as ``CHAPTER_COLUMNS``.
        paragraphs: One row for each record, those of a chapter together and in the disk's order,
            columns as ``PARAGRAPH_COLUMNS``: ``folder`` is the chapter's (categorical), ``folder_ns``
            the date of the paragraph's (-1 if it is to be listed again), ``wav_size`` -1 without one.
    """

    built_at: datetime
    chapters: pd.DataFrame
    paragraphs: pd.DataFrame

    def places(self, file_ids: Iterable[str]) -> Mapping[str, tuple[str, int]]:
        """Return chapter folder and paragraph number of the cache entries that the library holds.

        That is, a record names them, and beside it stood a WAV of the size that it says.
        """
        wanted = frozenset(file_ids)
        if not wanted:
            return {}
        has_audio = self.paragraphs["wav_size"] == self.paragraphs["said_size"]
        named = self.paragraphs["file_ids"]
        is_of_pieces = named.str.contains(" ", regex=False).fillna(value=False)
        found = self.paragraphs[has_audio & (named.isin(wanted) | is_of_pieces)]
        rows = zip(found["folder"].astype(str), found["number"], found["file_ids"], strict=True)
        return {
            file_id: (folder, int(number))
            for folder, number, joined in rows
            for file_id in str(joined).split()
            if file_id in wanted
        }


def read_index(reports_dir: Path) -> LibraryIndex | None:
    """Return the index, or None if there is none that can be read: it is derived, and made anew.

    Raises:
        StorageError: If the disk fails.
    """
    store = LocalFileStore(reports_dir)
    chapters, paragraphs = (_read(store, path) for path in (CHAPTERS_FILE, PARAGRAPHS_FILE))
    if chapters is None or paragraphs is None:
        return None
    if not ({*chapters} >= {*CHAPTER_COLUMNS} and {*paragraphs} >= {*PARAGRAPH_COLUMNS}):
        return None
    try:
        built_at = datetime.fromisoformat(paragraphs.attrs[_BUILT_AT]).astimezone(UTC)
        is_ours = paragraphs.attrs[_FORM] == FORM
        paragraphs["folder"] = paragraphs["folder"].astype("category")
    except (KeyError, TypeError, ValueError):
        return None
    return LibraryIndex(built_at, chapters, paragraphs) if is_ours else None


def write_index(reports_dir: Path, index: LibraryIndex) -> None:
    """Write the index, each file whole or not at all.

    Raises:
        StorageError: If it cannot be written.
    """
    store = LocalFileStore(reports_dir)
    for path, frame in ((CHAPTERS_FILE, index.chapters), (PARAGRAPHS_FILE, index.paragraphs)):
        dated = frame.copy(deep=False)
        dated.attrs = {_BUILT_AT: index.built_at.isoformat(), _FORM: FORM}
        store.write(path, parquet_bytes(dated))


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """Return the table as the content of a Parquet file."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
    return buffer.getvalue()


def _read(store: LocalFileStore, path: PurePosixPath) -> pd.DataFrame | None:
    data = store.read(path)
    try:
        return None if data is None else pd.read_parquet(io.BytesIO(data), engine="pyarrow")
    except (ValueError, OSError):  # what pyarrow raises on a damaged file is one of these
        return None
