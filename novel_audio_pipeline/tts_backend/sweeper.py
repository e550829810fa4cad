"""Removing expired entries, at the start and then again and again."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.tts_backend.metrics import Metrics
from novel_audio_pipeline.tts_cache.entry import CacheEntry
from novel_audio_pipeline.tts_cache.expiring import Expired, expire
from novel_audio_pipeline.tts_cache.folder import CacheFolder

_logger = logging.getLogger(__name__)


class Sweeper:
    """Expires the cache's entries.

    Args:
        cache: The folder.
        ttl: Life of an entry.
        interval: Time between two sweeps.
        now: The clock.
        metrics: Told of what each sweep removed and left.
    """

    def __init__(
        self,
        *,
        cache: CacheFolder,
        ttl: timedelta,
        interval: timedelta,
        now: Callable[[], datetime],
        metrics: Metrics,
    ) -> None:
        self._cache = cache
        self._ttl = ttl
        self._interval = interval
        self._now = now
        self._metrics = metrics

    async def sweep(self) -> Expired:
        """Remove what is expired now; return what went and what did not.

        What the disk refuses is logged, and tried again at the next sweep.

        Raises:
            StorageError: If the folder cannot be read or locked.
        """
        done = await asyncio.to_thread(expire, self._cache, now=self._now(), ttl=self._ttl)
        for entry in done.removed:
            age_s = (self._now() - entry.stored_at).total_seconds()
            facts = {"file_id": entry.file_id, "age_s": age_s, "bytes": entry.size_bytes}
            _logger.info("entry_expired", extra={"facts": facts})
        if done.refused:
            _log_failure(done.refused)
        await asyncio.to_thread(self._measure, done.removed)
        return done

    def _measure(self, removed: list[CacheEntry]) -> None:
        entries, total_bytes = 0, 0
        for entry in self._cache.entries():
            entries += 1
            total_bytes += entry.size_bytes
        self._metrics.swept(removed=removed, entries=entries, total_bytes=total_bytes)

    async def run(self) -> None:
        """Sweep until cancelled; a sweep that fails is logged and tried again at the next."""
        while True:
            try:
                await self.sweep()
            except StorageError as error:
                _log_failure(str(error))
            await asyncio.sleep(self._interval.total_seconds())


def _log_failure(error: str) -> None:
    _logger.error("sweep_failed", extra={"facts": {"error": error}})
