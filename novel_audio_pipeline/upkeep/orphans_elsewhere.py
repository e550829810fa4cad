"""Orphans in the TTS cache, what expired in it unheard, and orphans in Dagster's records.

Pure: inventories and notes in, findings out. Of the cache, what was touched in the last fifteen
minutes may be under way and is left out, unless a writer died over it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.tts_cache.survey import SeenKind
from novel_audio_pipeline.upkeep.asked import AskedNote
from novel_audio_pipeline.upkeep.cache_inventory import CacheInventory
from novel_audio_pipeline.upkeep.expiry import DATED_IN_THE_FUTURE, REMOVAL_DELAY
from novel_audio_pipeline.upkeep.finding import UpkeepFinding
from novel_audio_pipeline.upkeep.ledger import DagsterLedger
from novel_audio_pipeline.upkeep.numbers_text import ranges_text
from novel_audio_pipeline.upkeep.orphans import EXPIRED, Standing, is_settled, rows_of
from novel_audio_pipeline.upkeep.source_inventory import SourceInventory


def cache_findings(
    cache: CacheInventory,
    *,
    held: Mapping[str, tuple[str, int]],
    asked: Mapping[str, AskedNote],
    ttl: timedelta,
) -> Iterator[UpkeepFinding]:
    """Yield what is wrong or left over in the TTS cache.

    Args:
        cache: What lies there.
        held: Place in the library by the ids of the entries that its records name.
        asked: What waits for an entry and was not filed, by the entry's id.
        ttl: Time to live.
    """
    if cache.why_not:
        yield UpkeepFinding("cache_not_enforceable", "", cache.why_not)
    ttl_s = ttl.total_seconds()
    for row in rows_of(cache.things.assign(is_settled=is_settled(cache.things["age_s"]))):
        told = _cache_finding(row, ttl_s=ttl_s)
        is_live = row.kind == SeenKind.AUDIO.value and row.state == "live"
        if told is None and is_live and row.is_settled:
            told = _live_finding(
                held.get(row.file_id), asked.get(row.file_id), has_record=row.has_record
            )
        if told is not None:
            yield UpkeepFinding(
                told[0],
                row.name,
                told[1],
                size_bytes=int(row.size_bytes),
                age_s=round(row.age_s, 1),
            )


def _cache_finding(row: Any, *, ttl_s: float) -> tuple[str, str] | None:
    """Return code and message of what wants no look into the library."""
    told: tuple[str, str] | None = None
    age_s: float = row.age_s
    is_late = age_s >= ttl_s + REMOVAL_DELAY.total_seconds()
    if row.state == "kept":
        if row.is_settled:
            told = "cache_unknown", "not a file of the cache"
    elif row.kind == SeenKind.RECORD.value:
        if row.is_settled:
            told = "cache_record_without_audio", "a record without its WAV"
    elif row.kind != SeenKind.AUDIO.value:
        if row.state == "expired":
            told = "cache_leftover", f"left by a writer that died ({row.reason})"
    elif row.state == "expired" and (is_late or age_s < ttl_s):
        told = "cache_entry_overdue", f"its time is over ({row.reason}); it is {age_s:.0f} s old"
    elif row.reason == DATED_IN_THE_FUTURE and row.is_settled:
        told = "cache_dated_in_future", f"dated {-age_s:.0f} s in the future"
    return told


def _live_finding(
    place: tuple[str, int] | None, asked: AskedNote | None, *, has_record: bool
) -> tuple[str, str] | None:
    if not has_record:
        return "cache_audio_without_record", "a WAV without its record"
    if place is not None:
        return "cache_entry_held", f"the library holds it: {place[0]} paragraph {place[1]}"
    if asked is not None:
        return "cache_entry_unclaimed", f"made for {asked}, and not filed yet"
    return "cache_entry_unclaimed", "no record of the library names it"


def expired_findings(
    notes: Sequence[AskedNote], standing: Standing, *, ttl: timedelta, now: datetime
) -> Iterator[UpkeepFinding]:
    """Yield the paragraphs that a run asked for and never filed, and whose entries have expired.

    What has been filed since, and what the sources do not have any more, is left out. Failures that
    were written down stand in the library, and are told from there.

    Args:
        notes: What was asked for and not settled.
        standing: How the library stands against the sources.
        ttl: Time to live of an entry.
        now: Timezone-aware.
    """
    late = [note for note in notes if now - note.at >= ttl]
    novels = {note.key.novel_id for note in late}
    rows = standing.paragraphs[standing.paragraphs["novel_id"].isin(novels)]
    filed = {
        (row.novel_id, row.chapter_number, row.number): int(row.record_ns)
        for row in rows_of(rows[rows["is_good"]])
    }
    chapters = standing.chapters.to_dict("index")
    for note in late:
        key = note.key
        chapter = chapters.get((key.novel_id, key.number))
        filed_ns = filed.get((key.novel_id, key.number, note.number), 0)
        if chapter is None or chapter["wanted"] < note.number or filed_ns >= _ns(note.at):
            continue
        yield UpkeepFinding(
            EXPIRED,
            str(chapter["folder"] or key),
            f"{key.novel_id} chapter {key.number} paragraph {note.number}: its speech was asked for "
            f"at {note.at:%Y-%m-%d %H:%M} UTC, the run ended before it was filed, and the cache "
            "keeps it no longer",
            novel_id=key.novel_id,
            age_s=round((now - note.at).total_seconds(), 1),
        )


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 1e9)


def dagster_findings(
    ledger: DagsterLedger, source: SourceInventory, standing: Standing
) -> Iterator[UpkeepFinding]:
    """Yield where Dagster's records, the sources and the library disagree."""
    keys, invalid = _parsed(ledger.partitions)
    for text in invalid:
        yield UpkeepFinding("partition_key_invalid", text, "no chapter is named like this")
    chapters = standing.chapters
    wanted = chapters.index[(chapters["wanted"] >= 0).to_numpy()]
    in_source = set(wanted)
    unread = source.known_ids - source.read_ids
    for text, key in keys.items():
        if (key.novel_id, key.number) not in in_source and key.novel_id not in unread:
            yield UpkeepFinding(
                "partition_without_chapter",
                text,
                "no source has this chapter any more",
                novel_id=key.novel_id,
            )
    known = {(key.novel_id, key.number) for key in keys.values()}
    yield from _bundled(
        "chapter_without_partition",
        wanted[~wanted.isin(known)] if known else wanted,
        "chapters are no partitions yet",
    )
    yield from _materialized(ledger, standing)


def _materialized(ledger: DagsterLedger, standing: Standing) -> Iterator[UpkeepFinding]:
    made, _ = _parsed(tuple(ledger.materialized))
    chapters = standing.chapters
    held = set(
        chapters.index[((chapters["folder"] != "") & (chapters["size_bytes"] > 0)).to_numpy()]
    )
    skipped = set(chapters.index[((chapters["folder"] != "") & (chapters["good"] > 0)).to_numpy()])
    wanted = set(chapters.index[(chapters["wanted"] >= 0).to_numpy()])
    for text, key in made.items():
        place = (key.novel_id, key.number)
        if place in wanted and place not in held and place not in skipped:
            yield UpkeepFinding(
                "materialized_without_audio",
                text,
                "Dagster says that it was made, and the library holds nothing of it",
                novel_id=key.novel_id,
            )
    is_whole = (
        (chapters["wanted"] > 0)
        & (chapters["good"] == chapters["wanted"])
        & (chapters["folder"] != "")
        & chapters["is_settled"]
    )
    whole = chapters.index[is_whole.to_numpy()]
    known = {(key.novel_id, key.number) for key in made.values()}
    yield from _bundled(
        "audio_without_materialization",
        whole[~whole.isin(known)] if known else whole,
        "chapters are whole in the library, and Dagster was never told",
    )


def _bundled(code: str, places: Iterable[Any], what: str) -> Iterator[UpkeepFinding]:
    """Yield one finding for each novel, with its chapters as ranges."""
    numbers: dict[str, list[int]] = {}
    for novel_id, number in places:
        numbers.setdefault(novel_id, []).append(int(number))
    for novel_id in sorted(numbers):
        found = numbers[novel_id]
        yield UpkeepFinding(
            code, novel_id, f"{len(found)} {what}: {ranges_text(found)}", novel_id=novel_id
        )


def _parsed(texts: tuple[str, ...]) -> tuple[dict[str, ChapterKey], list[str]]:
    keys: dict[str, ChapterKey] = {}
    invalid: list[str] = []
    for text in texts:
        try:
            keys[text] = ChapterKey.parse(text)
        except ValueError:
            invalid.append(text)
    return keys, invalid
