"""How much the cache may hold: refused before the disk is full, never freed by removing the young."""

import os
import shutil
import threading

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.tts_backend.refusals import RefusalError
from novel_audio_pipeline.tts_cache.folder import CacheFolder

_MIB = 1024 * 1024


class DiskBudget:
    """Says whether more may be stored.

    Between two measurements it adds what was stored and ignores what went; it measures again before
    it refuses, so that a refusal is always about what lies there now.

    Args:
        cache: The folder.
        max_bytes: Most bytes of audio it may hold; 0 is no limit.
        min_free_bytes: Bytes that stay free on its disk.
    """

    def __init__(self, cache: CacheFolder, *, max_bytes: int, min_free_bytes: int) -> None:
        self._cache = cache
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._lock = threading.Lock()
        self._estimate: int | None = None

    def demand_room(self) -> None:
        """Return if more may be stored.

        Raises:
            RefusalError: 507 ``disk_full`` or ``cache_full``.
            StorageError: If the folder cannot be read.
        """
        free = _free_bytes(self._cache)
        if free < self._min_free_bytes:
            raise RefusalError(
                f"only {free // _MIB} MiB are free on the disk of the TTS cache, and "
                f"{self._min_free_bytes // _MIB} MiB stay free; entries go when they expire",
                status=507,
                code="disk_full",
            )
        if self._max_bytes and self._held_bytes() >= self._max_bytes:
            raise RefusalError(
                f"the TTS cache holds its {self._max_bytes // _MIB} MiB; fetch and delete entries, "
                "or wait until they expire",
                status=507,
                code="cache_full",
            )

    def stored(self, size_bytes: int) -> None:
        """Take note of an entry that was stored."""
        with self._lock:
            if self._estimate is not None:
                self._estimate += size_bytes

    def _held_bytes(self) -> int:
        """Return how many bytes lie there, measured if the estimate would mean a refusal."""
        with self._lock:
            if self._estimate is None or self._estimate >= self._max_bytes:
                self._estimate = sum(entry.size_bytes for entry in self._cache.entries())
            return self._estimate


def _free_bytes(cache: CacheFolder) -> int:
    try:
        return shutil.disk_usage(os.fspath(cache.root)).free
    except OSError as error:
        raise StorageError(f"cannot look at the disk of {cache.root}: {error}") from error
