"""A backend's list of what lies in its cache, page by page. No HTTP here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from novel_audio_pipeline.errors import AudioTransferError
from novel_audio_pipeline.speech.request import FILE_ID_PATTERN

LIST_CALL = ("GET", "/api/tts/storage/files")


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """One cache entry as the backend lists it.

    Attributes:
        file_id: 32 lowercase hex digits.
        age: By the backend's own clock.
        size_bytes: Of the WAV.
        sha256: Of the WAV, or empty.
    """

    file_id: str
    age: timedelta
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ListedPage:
    """Part of the list; ``next_cursor`` asks for the next part, None if this was the last."""

    entries: tuple[ListedEntry, ...]
    next_cursor: str | None


def read_page(body: Mapping[str, Any], *, where: str) -> ListedPage:
    """Return the page that an answer holds.

    Raises:
        AudioTransferError: If it is not in the contract's form; half a list is no list.
    """
    try:
        entries = tuple(_entry(row) for row in body["files"])
        cursor = body.get("next_cursor")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise AudioTransferError(f"{where} listed its cache in an unknown form: {error}") from error
    return ListedPage(entries, str(cursor) if cursor else None)


def _entry(row: Mapping[str, Any]) -> ListedEntry:
    file_id = row["file_id"]
    if not FILE_ID_PATTERN.fullmatch(file_id):
        raise ValueError(f"{file_id!r} is no file_id")
    return ListedEntry(
        file_id=file_id,
        age=timedelta(seconds=float(row["age_s"])),
        size_bytes=int(row["size"]),
        sha256=str(row.get("sha256") or ""),
    )
