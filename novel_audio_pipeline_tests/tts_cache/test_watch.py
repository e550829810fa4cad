"""Clocks that are wrong: files dated in the future, clocks set back."""

from datetime import UTC, datetime, timedelta

import pytest

from novel_audio_pipeline.tts_cache.entry import CacheEntry
from novel_audio_pipeline.tts_cache.watch import Watch, watch_from_json, watch_to_json

TTL = timedelta(hours=2)
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ID = "a" * 32


def expires_after(entry: CacheEntry, clock: list[datetime]) -> int | None:
    """Return at which look, one a minute by the given clock, the entry has expired."""
    watch = Watch()
    for number, now in enumerate(clock):
        watch = watch_from_json(watch_to_json(watch)).look([entry], now=now)
        if watch.overdue(now=now, ttl=TTL):
            return number
    return None


def test_an_entry_dated_in_the_future_expires_when_it_was_watched_for_its_ttl():
    entry = CacheEntry(ID, NOW + timedelta(days=400), 44)
    assert expires_after(entry, [NOW + n * MINUTE for n in range(200)]) == 120


def test_a_clock_set_back_prolongs_nothing_by_more_than_one_look():
    entry = CacheEntry(ID, NOW, 44)
    clock = [NOW + n * MINUTE for n in range(60)]
    clock += [NOW - timedelta(hours=5) + n * MINUTE for n in range(200)]
    assert expires_after(entry, clock) == 121


def test_an_entry_dated_rightly_expires_by_its_date_however_late_it_was_first_seen():
    entry = CacheEntry(ID, NOW - timedelta(minutes=119), 44)
    assert expires_after(entry, [NOW, NOW + MINUTE]) == 1


def test_an_entry_stored_anew_under_its_id_begins_anew():
    old, new = CacheEntry(ID, NOW, 44), CacheEntry(ID, NOW + 119 * MINUTE, 44)
    watch = Watch().look([old], now=NOW).look([new], now=NOW + 119 * MINUTE)
    later = NOW + 121 * MINUTE
    watch = watch.look([new], now=later)
    assert watch.overdue(now=later, ttl=TTL) == []


def test_what_is_gone_is_forgotten():
    watch = Watch().look([CacheEntry(ID, NOW, 44)], now=NOW)
    assert watch.look([], now=NOW).first_seen == {}


def test_a_watch_survives_being_written():
    watch = Watch().look([CacheEntry(ID, NOW + MINUTE / 7, 44)], now=NOW + MINUTE / 3)
    watch = watch.look([CacheEntry(ID, NOW + MINUTE / 7, 44)], now=NOW)
    assert watch.jumped_back > timedelta(0)
    assert watch_from_json(watch_to_json(watch)) == watch


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"form": 2}',
        '{"form": 1, "looked_at_us": "x", "jumped_back_us": 0, "first_seen": {}}',
        '{"form": 1, "looked_at_us": 1, "jumped_back_us": 0, "first_seen": []}',
        '{"form": 1, "looked_at_us": 1e300, "jumped_back_us": 0, "first_seen": {}}',
    ],
)
def test_a_torn_or_foreign_watch_starts_anew(text):
    assert watch_from_json(text) == Watch()
