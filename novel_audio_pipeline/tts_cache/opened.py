"""A cache entry opened for reading, and the proof of what its bytes are."""

import hashlib
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

from novel_audio_pipeline.instants import instant_text
from novel_audio_pipeline.tts_cache.entry import CacheEntry
from novel_audio_pipeline.tts_cache.metadata import is_sha256


@dataclass(frozen=True, slots=True)
class OpenedEntry:
    """An open file of the cache, with its record if that is known to be of these very bytes.

    Attributes:
        entry: As the open file says.
        file: Positioned at its beginning; whoever gets this closes it.
        metadata: The record found beside it, whoever wrote it, or None.
    """

    entry: CacheEntry
    file: BufferedReader
    metadata: dict[str, Any] | None

    @property
    def is_cut_short(self) -> bool:
        """Whether the file is empty, or our own record of it says another size."""
        if self.entry.size_bytes == 0:
            return True
        return self.is_recorded and self._field("file_size") != self.entry.size_bytes

    def sha256(self) -> str:
        """Return the digest of the bytes: as recorded with this file, else by reading all of it."""
        recorded = self._field("sha256")
        if self.is_recorded and is_sha256(recorded):
            return str(recorded)
        digest = hashlib.file_digest(self.file, "sha256").hexdigest()
        self.file.seek(0)
        return digest

    @property
    def is_recorded(self) -> bool:
        """Whether the record was written with this file: both carry one date."""
        return self._field("created_at") == instant_text(self.entry.stored_at)

    def _field(self, name: str) -> object:
        return None if self.metadata is None else self.metadata.get(name)
