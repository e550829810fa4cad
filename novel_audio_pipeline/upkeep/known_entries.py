"""What is known of cache entries by their ids: whether the library holds them, and who waits for them.

Asked before an entry is removed, so that nothing which goes wrong here costs its line in the audit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.upkeep.asked import AskedNote, AskedNotes, by_entry
from novel_audio_pipeline.upkeep.audit import UNKNOWN, Known

if TYPE_CHECKING:
    from novel_audio_pipeline.upkeep.library_index import LibraryIndex


@dataclass(frozen=True, slots=True)
class EntryKnowledge:
    """What is known of one entry.

    Attributes:
        in_library: Whether the library holds its content, as of the derived index; ``unknown`` if
            there is none, it cannot be read, or the entry is younger than it and not in it.
        asked_for: The chapter and paragraph that wait for it, or empty; ``unknown`` if the notes
            cannot be read.
    """

    in_library: Known
    asked_for: str


class KnownEntries:
    """The derived index of the library and the notes of narrations; each is read when it is needed.

    Args:
        reports_dir: Where both are kept.
    """

    def __init__(self, reports_dir: Path) -> None:
        self._reports_dir = reports_dir

    @cached_property
    def _index(self) -> "LibraryIndex | None":
        # It loads pandas, half a second that narrating does without.
        from novel_audio_pipeline.upkeep.library_index import read_index  # noqa: PLC0415

        return read_index(self._reports_dir)

    @cached_property
    def _asked(self) -> Mapping[str, AskedNote]:
        return by_entry(AskedNotes(self._reports_dir).read())

    def places(self, file_ids: Iterable[str]) -> Mapping[str, tuple[str, int]]:
        """Return chapter folder and paragraph number of the entries that the library's records name.

        Raises:
            StorageError: If the disk fails.
        """
        wanted = frozenset(file_ids)
        return {} if not wanted or self._index is None else self._index.places(wanted)

    def about(self, stored_at: Mapping[str, datetime]) -> Mapping[str, EntryKnowledge]:
        """Return what is known of each of some entries; what cannot be read is ``unknown``.

        Args:
            stored_at: When each was stored, by its id.
        """
        if not stored_at:
            return {}
        in_library = self._in_library(stored_at)
        try:
            asked: Mapping[str, AskedNote] | None = self._asked
        except StorageError:
            asked = None
        return {
            file_id: EntryKnowledge(
                in_library[file_id], UNKNOWN if asked is None else str(asked.get(file_id, ""))
            )
            for file_id in stored_at
        }

    def _in_library(self, stored_at: Mapping[str, datetime]) -> Mapping[str, Known]:
        try:
            held, index = self.places(stored_at), self._index
        except StorageError:
            held, index = {}, None
        return {
            file_id: "yes"
            if file_id in held
            else ("no" if index is not None and at < index.built_at else UNKNOWN)
            for file_id, at in stored_at.items()
        }
