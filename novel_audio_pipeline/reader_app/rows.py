"""What the reader app's tables say of a chapter, and the rows that make it play ours. Pure.

The form is that of the existing system: the app looks for a speaker ``05``, ids and numbers that
are set, a local path that is not empty, and an expiry that has not passed.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

SPEAKER = "05"
NEVER_EXPIRES = "9999-12-31T23:59:59.000Z"
_NAMESPACE = uuid.UUID("6f0c5b8e-3a2d-4f5e-9d0a-1c7b2e84a913")  # drawn once; makes our ids ours

Table = Literal["audio_cache", "generation_progress"]
Value = str | int | float | None

# Told when a row is written, and no reason to write it again.
_TIMES = frozenset({"created_at", "updated_at", "completed_at"})


@dataclass(frozen=True, slots=True)
class AppParagraph:
    """A paragraph as the app has it.

    Attributes:
        paragraph_id: The app's own.
        number: From 1; None if the app has none, or one that cannot be in a path.
        text: As the app has it.
    """

    paragraph_id: str
    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class AppRow:
    """A row of one of the two tables.

    Attributes:
        table: Which.
        rowid: SQLite's own number of it.
        values: By column.
    """

    table: Table
    rowid: int
    values: Mapping[str, object]

    @property
    def is_ours(self) -> bool:
        """Whether publishing wrote it: its id follows from its paragraph's."""
        paragraph_id = self.values.get("paragraph_id")
        if not isinstance(paragraph_id, str):
            return False
        return self.values.get("id") == row_id(self.table, paragraph_id)

    def is_of(self, paragraph: AppParagraph) -> bool:
        """Return whether it is about a paragraph, by its number or its id."""
        number = self.values.get("paragraph_number")
        same_number = paragraph.number is not None and number == paragraph.number
        return same_number or self.values.get("paragraph_id") == paragraph.paragraph_id


@dataclass(frozen=True, slots=True)
class AppChapter:
    """What the app knows of a chapter.

    Attributes:
        novel_id: The app's id, as it writes it.
        chapter_id: The app's id.
        number: From 1.
        paragraphs: In order.
        rows: Of both tables, as far as the database has them.
    """

    novel_id: str
    chapter_id: str
    number: int
    paragraphs: tuple[AppParagraph, ...]
    rows: tuple[AppRow, ...]


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to write.

    Attributes:
        table: Where.
        values: By column; columns that an older database has not are left out.
    """

    table: Table
    values: Mapping[str, Value]

    def is_as(self, row: AppRow) -> bool:
        """Return whether a row already says this, whenever it was written."""
        return row.table == self.table and all(
            row.values[column] == value
            for column, value in self.values.items()
            if column not in _TIMES and column in row.values
        )


def row_id(table: Table, paragraph_id: str) -> str:
    """Return the id of our row about a paragraph: a uuid, always the same."""
    return str(uuid.uuid5(_NAMESPACE, f"{table}/{paragraph_id}"))


def audio_row(
    chapter: AppChapter,
    paragraph: AppParagraph,
    *,
    sha256: str,
    duration_s: float,
    size_bytes: int,
    path: str,
    now: datetime,
) -> NewRow:
    """Return the row that lets the app list and play a paragraph.

    Args:
        chapter: Of the app.
        paragraph: One of its paragraphs, with a number.
        sha256: Of the WAV; its first half stands where the app has the name of a cache entry.
        duration_s: Of the WAV, in seconds.
        size_bytes: Of the WAV.
        path: Where the app finds it, absolute.
        now: Aware instant.
    """
    return NewRow(
        "audio_cache",
        {
            **_identity("audio_cache", chapter, paragraph),
            "tts_file_id": sha256[:32],
            "speaker_id": SPEAKER,
            "local_audio_path": path,
            "audio_duration": round(duration_s, 3),
            "audio_file_size": size_bytes,
            "expires_at": NEVER_EXPIRES,
            "created_at": instant_text(now),
        },
    )


def skipped_row(
    chapter: AppChapter, paragraph: AppParagraph, *, reason: str, now: datetime
) -> NewRow:
    """Return the row that tells the app why a paragraph has no audio, so that it does not ask."""
    at = instant_text(now)
    return NewRow(
        "generation_progress",
        {
            **_identity("generation_progress", chapter, paragraph),
            "status": "skipped",
            "speaker_id": SPEAKER,
            "progress_percent": 100.0,
            "completed_at": at,
            "error_message": f"Nothing to speak in this paragraph ({reason})",
            "retry_count": 0,
            "created_at": at,
            "updated_at": at,
        },
    )


def instant_text(instant: datetime) -> str:
    """Return an instant as JavaScript's ``toISOString`` writes it.

    Raises:
        ValueError: If it has no timezone.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant in the app's database has a timezone")
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _identity(table: Table, chapter: AppChapter, paragraph: AppParagraph) -> dict[str, Value]:
    if paragraph.number is None:
        raise ValueError(f"paragraph {paragraph.paragraph_id} has no number to be played by")
    return {
        "id": row_id(table, paragraph.paragraph_id),
        "novel_id": chapter.novel_id,
        "chapter_id": chapter.chapter_id,
        "chapter_number": chapter.number,
        "paragraph_id": paragraph.paragraph_id,
        "paragraph_number": paragraph.number,
    }
