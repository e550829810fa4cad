"""The audit: one JSON line for everything that upkeep removes from the TTS cache."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.instants import instant_text

Known = Literal["yes", "no", "unknown"]
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Removal:
    """One thing that was removed from the TTS cache.

    Attributes:
        name: Its name in the cache folder.
        file_id: Of the entry; empty if it was none.
        action: ``expired`` (its time was over) or ``evicted`` (the library holds it).
        reason: Stable word for why.
        age: How old it was, by its own date.
        size_bytes: Of what went.
        in_library: Whether the library holds its content, as far as the derived index knows.
        asked_for: The chapter and paragraph that it was made for, if they were never filed; else
            empty: then it expired before it was downloaded. ``unknown`` if that could not be read.
    """

    name: str
    file_id: str
    action: Literal["expired", "evicted"]
    reason: str
    age: timedelta
    size_bytes: int
    in_library: Known
    asked_for: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether it expired before anybody had downloaded it for a chapter that wants it."""
        is_awaited = self.asked_for not in ("", UNKNOWN)
        return is_awaited and self.action == "expired" and self.in_library != "yes"


class AuditLog:
    """Appends removals to ``cache_removals-{year}-{month}.jsonl`` in a folder.

    Args:
        folder: Made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, removals: Iterable[Removal], *, at: datetime, place: str) -> Path | None:
        """Append a line for each removal, durably; return the file, or None if nothing was written.

        Args:
            removals: What was removed.
            at: When, timezone-aware.
            place: Folder or address of the cache.

        Raises:
            StorageError: If it cannot be written.
        """
        at_text = instant_text(at)
        lines = "".join(_line(removal, at=at_text, place=place) for removal in removals)
        if not lines:
            return None
        path = self._folder / f"cache_removals-{at:%Y-%m}.jsonl"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(
                f"cannot write down in {path} what was removed from the TTS cache: "
                f"{error.strerror or error}. Make room there; the removals themselves are done"
            ) from error
        return path


def _line(removal: Removal, *, at: str, place: str) -> str:
    return (
        json.dumps(
            {
                "at": at,
                "action": removal.action,
                "name": removal.name,
                "file_id": removal.file_id or None,
                "reason": removal.reason,
                "age_s": round(removal.age.total_seconds(), 3),
                "bytes": removal.size_bytes,
                "in_library": removal.in_library,
                "asked_for": removal.asked_for or None,
                "place": place,
            }
        )
        + "\n"
    )
