"""The rule of expiry over everything that may lie in a cache folder, at its edges; no disk."""

from datetime import UTC, datetime, timedelta

import pytest

from novel_audio_pipeline.tts_cache.survey import SeenFile, SeenKind
from novel_audio_pipeline.tts_cache.watch import Watch
from novel_audio_pipeline.tts_cache.writing import temporary_name
from novel_audio_pipeline.upkeep.expiry import judge, summarize

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TTL = timedelta(hours=2)
ID, OTHER = "a" * 32, "b" * 32
JUST_SHORT = TTL - timedelta(microseconds=1)


def seen(kind: SeenKind, *, age: timedelta, file_id: str = ID, name: str = "") -> SeenFile:
    names = {SeenKind.RECORD: f"metadata/{file_id}.json", SeenKind.AUDIO: f"{file_id}.wav"}
    name = name or names.get(kind, f"{file_id}.wav.expiring-0123456789ab")
    return SeenFile(name, kind, file_id, NOW - age, 10)


def verdicts(*things: SeenFile, watch: Watch | None = None) -> list[tuple[str, str]]:
    return [(j.state, j.reason) for j in judge(things, watch=watch or Watch(), now=NOW, ttl=TTL)]


@pytest.mark.parametrize(
    ("kind", "age", "expected"),
    [
        (SeenKind.AUDIO, timedelta(0), ("live", "")),
        (SeenKind.AUDIO, timedelta(hours=1, minutes=59), ("live", "")),
        (SeenKind.AUDIO, JUST_SHORT, ("live", "")),
        (SeenKind.AUDIO, TTL, ("expired", "past_its_time")),
        (SeenKind.AUDIO, timedelta(days=4000), ("expired", "past_its_time")),
        (SeenKind.AUDIO, timedelta(minutes=-5), ("live", "dated_in_the_future")),
        (SeenKind.RECORD, JUST_SHORT, ("live", "record_without_audio")),
        (SeenKind.RECORD, TTL, ("expired", "record_without_audio")),
        (SeenKind.EXPIRING, JUST_SHORT, ("live", "removal_interrupted")),
        (SeenKind.EXPIRING, TTL, ("expired", "removal_interrupted")),
        (SeenKind.UNKNOWN, timedelta(days=4000), ("kept", "not_ours")),
    ],
)
def test_everything_goes_by_its_own_date_and_what_is_not_ours_stays(kind, age, expected):
    assert verdicts(seen(kind, age=age)) == [expected]


def test_a_record_beside_its_audio_is_part_of_it_whatever_its_own_date():
    things = seen(SeenKind.AUDIO, age=timedelta(0)), seen(SeenKind.RECORD, age=timedelta(days=9))
    assert verdicts(*things) == [("live", "")]
    others = seen(SeenKind.AUDIO, age=TTL, file_id=OTHER), things[1]
    assert sorted(verdicts(*others)) == [
        ("expired", "past_its_time"),
        ("expired", "record_without_audio"),
    ]


def test_audio_dated_in_the_future_goes_when_it_was_watched_for_its_time():
    future = seen(SeenKind.AUDIO, age=timedelta(days=-30))
    early = Watch().look([future.as_entry()], now=NOW - JUST_SHORT)
    assert verdicts(future, watch=early) == [("live", "dated_in_the_future")]
    long_ago = Watch().look([future.as_entry()], now=NOW - TTL)
    assert verdicts(future, watch=long_ago) == [("expired", "watched_past_its_time")]


def test_a_clock_set_back_makes_nothing_young_again():
    entry = seen(SeenKind.AUDIO, age=timedelta(0))
    watch = Watch().look([entry.as_entry()], now=NOW)
    watch = watch.look([entry.as_entry()], now=NOW + timedelta(minutes=119))
    assert verdicts(entry, watch=watch) == [("live", "")]  # now is 119 minutes earlier
    watch = watch.look([entry.as_entry()], now=NOW + timedelta(minutes=120))
    assert verdicts(entry, watch=watch) == [("expired", "watched_past_its_time")]


def test_a_temporary_file_goes_when_its_writer_is_dead_or_after_two_hours():
    mine = temporary_name(f"{ID}.wav")
    dead = mine.replace(f"-{mine.rsplit('-', 2)[-2]}-", "-4194304-")
    assert dead != mine
    for name, age, expected in [
        (mine, timedelta(0), ("live", "being_written")),
        (mine, TTL, ("expired", "writer_is_dead")),
        (dead, timedelta(0), ("expired", "writer_is_dead")),
        (f"metadata/{dead}", timedelta(0), ("expired", "writer_is_dead")),
    ]:
        assert verdicts(seen(SeenKind.TEMPORARY, age=age, name=name)) == [expected]


def test_the_verdicts_come_oldest_first():
    ages = [timedelta(hours=1), timedelta(hours=5), timedelta(0)]
    things = [seen(SeenKind.AUDIO, age=age, file_id=f"{n:032x}") for n, age in enumerate(ages)]
    judged = judge(things, watch=Watch(), now=NOW, ttl=TTL)
    assert [one.age for one in judged] == sorted(ages, reverse=True)


@pytest.mark.parametrize(
    ("now", "ttl"), [(NOW, timedelta(0)), (NOW, -TTL), (NOW.replace(tzinfo=None), TTL)]
)
def test_a_time_to_live_of_nothing_and_a_clock_without_a_zone_are_refused(now, ttl):
    with pytest.raises(ValueError, match=r"ttl must be|timezone"):
        judge([], watch=Watch(), now=now, ttl=ttl)


def test_the_numbers_are_those_of_the_verdicts():
    judged = judge(
        [
            seen(SeenKind.AUDIO, age=timedelta(hours=3)),
            seen(SeenKind.AUDIO, age=timedelta(hours=1), file_id=OTHER),
            seen(SeenKind.UNKNOWN, age=timedelta(days=9), name="notes.txt", file_id=""),
        ],
        watch=Watch(),
        now=NOW,
        ttl=TTL,
    )
    found = summarize(judged, ttl=TTL)
    assert (found.entries, found.size_bytes, found.overdue, found.overdue_bytes) == (2, 20, 1, 10)
    assert (found.oldest_age, found.lag) == (timedelta(hours=3), timedelta(hours=1))
    assert (found.unknown, found.unknown_names) == (1, ("notes.txt",))
    nothing = summarize([], ttl=TTL)
    assert (nothing.oldest_age, nothing.lag) == (timedelta(0), timedelta(0))
