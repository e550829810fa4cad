"""What the existing system wrote about a paragraph, read leniently: it is another's format. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

# What the existing system appends to what it speaks when the text has fewer than ten characters.
PADDED_BELOW_CHARS = 10
MAX_SPEED = 100


@dataclass(frozen=True, slots=True)
class ForeignMetadata:
    """The fields that adopting needs; None or empty where they are absent or of another type.

    Attributes:
        index: Position in the chapter, from 0.
        text: Original.
        spoken: Text that was sent to the backend, before short ones are padded.
        is_skipped: Whether it says that nothing was spoken on purpose.
        is_failed: Whether it says that speaking failed.
    """

    novel_title: str
    chapter_title: str
    index: int | None
    total: int
    paragraph_id: str | None
    text: str | None
    spoken: str | None
    model: str | None
    voice: str | None
    speed: float | None
    created_at: datetime | None
    is_skipped: bool
    is_failed: bool


def foreign_metadata(data: bytes) -> ForeignMetadata | None:
    """Return what a metadata file of the existing system says; None if it is no JSON object."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    made = fields.get("generationParams")
    params: Mapping[str, object] = made if isinstance(made, dict) else {}
    speed = params.get("speedFactor")
    return ForeignMetadata(
        novel_title=_text(fields, "novelTitle") or "",
        chapter_title=_text(fields, "chapterTitle") or "",
        index=_whole(fields, "paragraphIndex"),
        total=_whole(fields, "totalParagraphsInChapter") or 0,
        paragraph_id=_text(fields, "paragraphId"),
        text=_text(fields, "subtitle") or _text(fields, "text"),
        spoken=_text(fields, "normalizedText"),
        model=_text(params, "model"),
        voice=_text(params, "speakerId"),
        speed=float(speed) if isinstance(speed, (int, float)) and 0 < speed < MAX_SPEED else None,
        created_at=_instant(fields, "createdAt"),
        is_skipped=fields.get("skipped") is True or fields.get("status") == "skipped",
        is_failed=fields.get("failed") is True or fields.get("status") == "failed",
    )


def was_spoken_otherwise(text: str, spoken: str | None) -> bool:
    """Return whether something else than the text was heard.

    White space and a full stop at the end are not heard. A text of fewer than ten characters was
    padded with a sentence of its own.
    """
    if spoken is None:
        return False
    heard, written = " ".join(spoken.split()), " ".join(text.split())
    return len(heard) < PADDED_BELOW_CHARS or heard not in (written, f"{written}.")


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        return None
    return value.encode("utf-8", "replace").decode()  # a lone surrogate is no text


def _whole(fields: Mapping[str, object], name: str) -> int | None:
    value = fields.get(name)
    return value if type(value) is int and value >= 0 else None


def _instant(fields: Mapping[str, object], name: str) -> datetime | None:
    try:
        value = datetime.fromisoformat(_text(fields, name) or "")
    except ValueError:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
