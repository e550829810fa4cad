"""Instants from file dates, whatever a disk says, and as text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.instants import instant_of, instant_text


@given(st.integers(min_value=-(2**70), max_value=2**70))
def test_every_date_of_a_file_is_an_instant_that_can_be_reckoned_with(nanoseconds):
    instant = instant_of(nanoseconds)
    assert instant.tzinfo is UTC
    assert instant - timedelta(days=400) < instant < instant + timedelta(days=400)
    assert instant_text(instant).endswith("Z")


@pytest.mark.parametrize(
    ("nanoseconds", "instant"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1_000, datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        (1_999, datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
        (2**63 * 1000, datetime(9000, 1, 1, tzinfo=UTC)),
        (-62_135_597_801 * 10**9, datetime(1000, 1, 1, tzinfo=UTC)),  # before the year 1
    ],
)
def test_it_is_exact_to_the_microsecond_between_the_years_1000_and_9000(nanoseconds, instant):
    assert instant_of(nanoseconds) == instant


def test_text_is_utc_with_microseconds_and_an_instant_has_a_timezone():
    at = datetime(2026, 5, 4, 7, 0, tzinfo=timezone(timedelta(hours=7)))
    assert instant_text(at) == "2026-05-04T00:00:00.000000Z"
    with pytest.raises(ValueError, match="timezone"):
        instant_text(datetime(2026, 5, 4, 7, 0))  # noqa: DTZ001
