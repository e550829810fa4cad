"""The TTS cache of a backend elsewhere: looked at by its own listing, removed by its own DELETE."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from novel_audio_pipeline.errors import BackendBusyError, BackendUnreachableError, NovelAudioError
from novel_audio_pipeline.tts_cache.refusals import Refusals
from novel_audio_pipeline.tts_cache.survey import SeenFile, SeenKind
from novel_audio_pipeline.tts_client.http import TtsClient
from novel_audio_pipeline.tts_client.listing import ListedEntry
from novel_audio_pipeline.upkeep.audit import Removal
from novel_audio_pipeline.upkeep.cache_place import CachePlace
from novel_audio_pipeline.upkeep.expiry import PAST_ITS_TIME, Judged
from novel_audio_pipeline.upkeep.known_entries import EntryKnowledge, KnownEntries

_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class RemoteOutcome:
    """What was seen of, and done to, the cache of a backend elsewhere.

    Attributes:
        judged: Everything it lists, after the removals; empty if it lists nothing.
        removed: What was deleted, its absence confirmed; where a failure came between, what the
            backend said it deleted.
        why_not: Why the two hours cannot be enforced there, or not to the end; empty if they can.
        refused: What the backend refused to delete, in a sentence; empty if nothing.
    """

    judged: tuple[Judged, ...] = ()
    removed: tuple[Removal, ...] = ()
    why_not: str = ""
    refused: str = ""


def look_at_backend(place: CachePlace, *, now: datetime) -> RemoteOutcome:
    """Return what a backend elsewhere lists; nothing is changed.

    A backend that does not answer, or has no listing, gives ``why_not``.
    """
    return asyncio.run(_enforce(place, now=now, known=None))


def expire_at_backend(place: CachePlace, *, now: datetime, known: KnownEntries) -> RemoteOutcome:
    """Delete what a backend elsewhere lists past its time, and see that it is gone.

    Args:
        place: With a backend's address.
        now: Timezone-aware; ages are the backend's own.
        known: What the audit says of an entry beside what the backend lists.
    """
    return asyncio.run(_enforce(place, now=now, known=known))


async def _enforce(
    place: CachePlace, *, now: datetime, known: KnownEntries | None
) -> RemoteOutcome:
    url = place.backend_url or ""
    gone: list[ListedEntry] = []
    about: Mapping[str, EntryKnowledge] = {}
    why_not = ""
    refused = Refusals()
    try:
        async with TtsClient(
            url, token=place.backend_token, connections=_CONNECTIONS, cache_ttl=place.ttl
        ) as client:
            listed = await _list(client)
            if listed is None:
                return RemoteOutcome(
                    why_not=f"the backend at {url} does not list what lies in its cache"
                )
            overdue = [] if known is None else [one for one in listed if one.age >= place.ttl]
            if known is not None and overdue:  # asked before the first goes
                about = known.about({one.file_id: now - one.age for one in overdue})
                gone, listed, why_not = await _delete(client, overdue, refused)
    except NovelAudioError as error:
        return RemoteOutcome(why_not=str(error))
    return RemoteOutcome(
        judged=tuple(_judged(one, now=now, ttl=place.ttl) for one in listed),
        removed=tuple(_removal(one, about[one.file_id]) for one in gone),
        why_not=why_not,
        refused=str(refused),
    )


async def _delete(
    client: TtsClient, overdue: Sequence[ListedEntry], refused: Refusals
) -> tuple[list[ListedEntry], list[ListedEntry], str]:
    """Delete entries; return what went, what is listed afterwards, and what stopped it, if anything.

    An entry that the backend refuses to delete holds up no other. A backend that does not answer any
    more, or asks for time, ends it. One that deletes nothing of what is to go is a trouble.

    If there is no list afterwards, what the backend said it deleted counts as gone.
    """
    deleted: set[str] = set()
    trouble = ""
    after: list[ListedEntry] | None = None
    for entry in overdue:
        try:
            if await client.evict(entry.file_id):
                deleted.add(entry.file_id)
        except BackendUnreachableError as error:
            trouble = str(error)
            break
        except NovelAudioError as error:
            refused.add(error)
            if isinstance(error, BackendBusyError) and error.retry_after is not None:
                break
    if not deleted:
        trouble = trouble or str(refused)
    try:
        after = await _list(client)
    except NovelAudioError as error:
        trouble = trouble or str(error)
    if after is None:
        return [one for one in overdue if one.file_id in deleted], [], trouble
    left = {one.file_id for one in after}
    return [one for one in overdue if one.file_id not in left], after, trouble


def _removal(one: ListedEntry, knowledge: EntryKnowledge) -> Removal:
    return Removal(
        name=f"{one.file_id}.wav",
        file_id=one.file_id,
        action="expired",
        reason=PAST_ITS_TIME,
        age=one.age,
        size_bytes=one.size_bytes,
        in_library=knowledge.in_library,
        asked_for=knowledge.asked_for,
    )


async def _list(client: TtsClient) -> list[ListedEntry] | None:
    """Return everything a backend lists, or None if it has no listing."""
    entries: dict[str, ListedEntry] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = await client.files(cursor=cursor)
        if page is None:
            return None
        entries.update((entry.file_id, entry) for entry in page.entries)
        cursor = None if page.next_cursor == cursor else page.next_cursor
    return list(entries.values())


def _judged(one: ListedEntry, *, now: datetime, ttl: timedelta) -> Judged:
    seen = SeenFile(
        f"{one.file_id}.wav", SeenKind.AUDIO, one.file_id, now - one.age, one.size_bytes
    )
    is_old = one.age >= ttl
    return Judged(
        seen, "expired" if is_old else "live", PAST_ITS_TIME if is_old else "", age=one.age
    )
