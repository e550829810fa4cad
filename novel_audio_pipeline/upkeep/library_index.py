"""A derived index of the library: what was found at the last look, kept to make the next one quick.

Two Parquet files under the reports folder. They vouch for nothing: each row says by size and date of
a file what was read in it then, and counts only as long as the file still has both.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pandas as pd

from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.upkeep.audit import Known

FORM = "1"
CHAPTERS_FILE = PurePosixPath("index/library_chapters.parquet")
PARAGRAPHS_FILE = PurePosixPath("index/library_paragraphs.parquet")
_CHAPTER_COLUMNS = {
    *("folder", "manifest_size", "manifest_ns", "listed", "is_complete", "script_digest"),
}
_PARAGRAPH_COLUMNS = {
    *("folder", "number", "record_size", "record_ns"),
    *("status", "said_size", "file_ids", "is_read"),
}
_BUILT_AT, _FORM = "novel_audio_built_at", "novel_audio_form"


@dataclass(frozen=True)
class LibraryIndex:
    """What the library held at the last look.

    Attributes:
        built_at: When that look began, aware UTC.
        chapters: One row for each chapter folder: ``folder``, ``manifest_size``, ``manifest_ns``,
            ``listed``, ``is_complete``, ``script_digest``.
        paragraphs: One row for each record: ``folder`` (categorical), ``number``, ``record_size``,
            ``record_ns``, ``status``, ``said_size``, ``file_ids``, ``is_read``.
    """

    built_at: datetime
    chapters: pd.DataFrame
    paragraphs: pd.DataFrame

    def places(self) -> Mapping[str, tuple[str, int]]:
        """Return chapter folder and paragraph number by the ids of the cache entries they name."""
        audio = self.paragraphs[self.paragraphs["file_ids"] != ""]
        rows = zip(audio["folder"].astype(str), audio["number"], audio["file_ids"], strict=True)
        return {
            file_id: (folder, int(number))
            for folder, number, file_ids in rows
            for file_id in str(file_ids).split()
        }


def is_held(
    places: Mapping[str, tuple[str, int]] | None,
    *,
    built_at: datetime | None,
    file_id: str,
    stored_at: datetime,
) -> Known:
    """Return whether the library held an entry's content, as of the index.

    ``unknown`` if there is no index, or the entry is younger than it and not in it.
    """
    if places is None or built_at is None:
        return "unknown"
    if file_id in places:
        return "yes"
    return "no" if stored_at < built_at else "unknown"


def read_index(reports_dir: Path) -> LibraryIndex | None:
    """Return the index, or None if there is none that can be read: it is derived, and made anew.

    Raises:
        StorageError: If the disk fails.
    """
    store = LocalFileStore(reports_dir)
    chapters, paragraphs = (_read(store, path) for path in (CHAPTERS_FILE, PARAGRAPHS_FILE))
    if chapters is None or paragraphs is None:
        return None
    if not ({*chapters} >= _CHAPTER_COLUMNS and {*paragraphs} >= _PARAGRAPH_COLUMNS):
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
