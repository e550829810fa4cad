"""Parts of speech put together: no click where they meet, nothing changed elsewhere."""

import numpy as np
import pytest

from novel_audio_pipeline.audio.joining import joined

RATE = 22_050
EDGE = round(0.003 * RATE)


def loud(length: int, level: int = 20_000) -> np.ndarray:
    return np.full(length, level, dtype=np.int16)


def largest_step(samples: np.ndarray) -> int:
    return int(np.abs(np.diff(samples.astype(int))).max())


def test_where_loud_parts_meet_there_is_no_step():
    parts = [loud(5000), loud(7000, -20_000), loud(5000)]
    assert largest_step(np.concatenate(parts)) == 40_000
    whole = joined(parts, sample_rate_hz=RATE)
    assert len(whole) == 17_000
    assert largest_step(whole) < 20_000 / (EDGE - 1) + 2
    for seam in (5000, 12_000):
        assert list(whole[seam - 1 : seam + 1]) == [0, 0]


def test_all_but_three_milliseconds_at_the_seams_stays_as_it_was():
    parts = [loud(5000), loud(7000, -20_000)]
    whole = joined(parts, sample_rate_hz=RATE)
    plain = np.concatenate(parts)
    np.testing.assert_array_equal(whole[: 5000 - EDGE], plain[: 5000 - EDGE])
    np.testing.assert_array_equal(whole[5000 + EDGE :], plain[5000 + EDGE :])
    assert [part[0] for part in parts] == [20_000, -20_000]
    assert parts[0][-1] == 20_000


@pytest.mark.parametrize("length", [1, 2, EDGE - 1, EDGE, EDGE + 1])
def test_parts_shorter_than_the_fade_are_faded_too(length):
    whole = joined([loud(3000), loud(length), loud(3000)], sample_rate_hz=RATE)
    assert len(whole) == 6000 + length
    assert largest_step(whole[: 3000 + 1]) < 20_000 / (EDGE - 1) + 2


def test_a_single_part_is_returned_as_it_is():
    part = loud(100)
    np.testing.assert_array_equal(joined([part], sample_rate_hz=RATE), loud(100))


def test_each_channel_is_faded():
    parts = [np.stack([loud(3000), loud(3000, -9_000)], axis=1)] * 2
    whole = joined(parts, sample_rate_hz=RATE)
    for channel, level in enumerate((20_000, -9_000)):
        alone = joined([loud(3000, level)] * 2, sample_rate_hz=RATE)
        np.testing.assert_array_equal(whole[:, channel], alone)
