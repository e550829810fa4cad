"""The TTS cache as a table: what lies there, whether folder or listing showed it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.tts_cache.survey import SeenKind, survey
from novel_audio_pipeline.upkeep.cache_place import CachePlace
from novel_audio_pipeline.upkeep.expiry import Judged, judge
from novel_audio_pipeline.upkeep.remote_cache import look_at_backend

_COLUMNS = ["name", "kind", "file_id", "state", "reason", "age_s", "size_bytes", "has_record"]


@dataclass(frozen=True)
class CacheInventory:
    """Everything in the cache at one look.

    Attributes:
        things: One row for each: ``name``, ``kind`` (a ``SeenKind`` value), ``file_id``, ``state``,
            ``reason``, ``age_s``, ``size_bytes``, ``has_record``.
        judged: The same, as the rule of expiry gave it.
        why_not: Why the two hours cannot be enforced; empty if they can.
    """

    things: pd.DataFrame
    judged: tuple[Judged, ...]
    why_not: str = ""

    @property
    def entries(self) -> pd.DataFrame:
        """Return the rows that are audio."""
        return self.things[self.things["kind"] == SeenKind.AUDIO.value]


def take_cache_inventory(place: CachePlace, *, now: datetime) -> CacheInventory:
    """Look at the cache wherever it can be reached; nothing is changed.

    The folder is looked at if it is there. A backend elsewhere is asked for its list as well; if it
    gives none, a folder that was set by name, and could be read, stands for it.

    Raises:
        SettingError: If the folder may not be a cache; nothing has been looked at then.
        StorageError: If the embedded backend's folder was set and is missing, or cannot be read.
    """
    judged: list[Judged] = []
    with_record: frozenset[str] = frozenset()
    why_not = ""
    try:
        folder = place.folder()
        if folder is not None:
            why_not = place.why_no_cache()
            seen = list(survey(folder.root))
            with_record = frozenset(one.file_id for one in seen if one.kind is SeenKind.RECORD)
            judged = judge(seen, watch=folder.watch(), now=now, ttl=place.ttl)
    except StorageError as error:
        if place.backend_url is None:
            raise
        why_not = str(error)
    if place.backend_url is not None:
        remote = look_at_backend(place, now=now)
        here = {one.seen.file_id for one in judged if one.is_entry}
        others = [one for one in remote.judged if one.seen.file_id not in here]
        with_record |= {one.seen.file_id for one in others}
        judged += others
        why_not = place.why_not_enforceable(backend_trouble=remote.why_not, folder_trouble=why_not)
    return CacheInventory(_frame(judged, with_record), tuple(judged), why_not)


def _frame(judged: Iterable[Judged], with_record: frozenset[str]) -> pd.DataFrame:
    rows = [
        (
            *(one.seen.name, one.seen.kind.value, one.seen.file_id, one.state, one.reason),
            *(one.age.total_seconds(), one.seen.size_bytes, one.seen.file_id in with_record),
        )
        for one in judged
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)
