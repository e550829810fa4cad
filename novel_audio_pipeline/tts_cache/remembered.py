"""What was found in the cache folder, for as long as both files of an entry stay as they were."""

import os
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from novel_audio_pipeline.tts_cache.folder import CacheFolder

_Found = TypeVar("_Found")
_File = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Sight:
    """What an entry's WAV and record looked like: number, size and dates of both files."""

    wav: _File
    record: _File


class Remembered(Generic[_Found]):
    """Keeps what was read of entries, and gives it back only while their files are the same ones.

    Looking costs two ``lstat`` and no reading. An entry that was removed, replaced, cut short or
    touched since, by whatever process, is not remembered any more. What was asked for longest ago is
    forgotten first. For one thread.

    Args:
        cache: The folder.
        limit: Most that is kept, as the sum of the weights given to ``keep``.
    """

    def __init__(self, cache: CacheFolder, *, limit: int) -> None:
        self._cache = cache
        self._limit = limit
        self._weight = 0
        self._kept: OrderedDict[str, tuple[Sight, _Found, int]] = OrderedDict()

    def sight(self, file_id: str) -> Sight | None:
        """Return what both files look like now, or None if one is not there or cannot be seen.

        Take it *before* reading what is then kept with it: a change in between is noticed so.
        """
        wav, record = self._cache.paths(file_id)
        try:
            return Sight(_file(wav), _file(record))
        except OSError:
            return None

    def keep(self, file_id: str, sight: Sight, found: _Found, *, weight: int) -> None:
        """Keep what was read of the entry after it was sighted."""
        self._forget(file_id)
        self._kept[file_id] = (sight, found, weight)
        self._weight += weight
        while self._weight > self._limit:
            self._forget(next(iter(self._kept)))

    def find(self, file_id: str) -> _Found | None:
        """Return what was kept, if both files look as they did then."""
        kept = self._kept.get(file_id)
        if kept is None:
            return None
        if self.sight(file_id) != kept[0]:
            self._forget(file_id)
            return None
        self._kept.move_to_end(file_id)
        return kept[1]

    def _forget(self, file_id: str) -> None:
        kept = self._kept.pop(file_id, None)
        if kept is not None:
            self._weight -= kept[2]


def _file(path: str) -> _File:
    facts = os.lstat(path)
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
