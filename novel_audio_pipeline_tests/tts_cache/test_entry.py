"""The rule of two hours, at its edges."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from novel_audio_pipeline.tts_cache.entry import CacheEntry, expired, is_expired

TTL = timedelta(hours=2)
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def entry(age: timedelta, *, file_id: str = "0" * 32) -> CacheEntry:
    return CacheEntry(file_id, NOW - age, 44)


@pytest.mark.parametrize(
    ("age", "is_over"),
    [
        pytest.param(timedelta(0), False, id="new"),
        pytest.param(TTL - timedelta(microseconds=1), False, id="just short of the ttl"),
        pytest.param(TTL, True, id="at the ttl"),
        pytest.param(timedelta(days=4000), True, id="very old"),
        pytest.param(timedelta(minutes=-5), False, id="dated after now"),
    ],
)
def test_an_entry_expires_at_its_ttl(age, is_over):
    assert bool(expired([entry(age)], now=NOW, ttl=TTL)) is is_over
    assert is_expired(entry(age), now=NOW, ttl=TTL) is is_over


def test_the_oldest_comes_first():
    ages = [timedelta(hours=hours) for hours in (3, 9, 1, 5)]
    found = expired([entry(age) for age in ages], now=NOW, ttl=TTL)
    assert [NOW - e.stored_at for e in found] == [timedelta(hours=hours) for hours in (9, 5, 3)]


@pytest.mark.parametrize("hours", [-8, 0, 7])
def test_the_zone_in_which_now_is_told_changes_nothing(hours):
    now = NOW.astimezone(timezone(timedelta(hours=hours)))
    assert expired([entry(TTL)], now=now, ttl=TTL)
    assert not expired([entry(TTL - timedelta(seconds=1))], now=now, ttl=TTL)


@pytest.mark.parametrize(
    ("now", "ttl"),
    [(NOW, timedelta(0)), (NOW, timedelta(hours=-1)), (NOW.replace(tzinfo=None), TTL)],
)
def test_a_judgement_that_means_nothing_is_refused(now, ttl):
    with pytest.raises(ValueError, match="must be"):
        expired([], now=now, ttl=ttl)
