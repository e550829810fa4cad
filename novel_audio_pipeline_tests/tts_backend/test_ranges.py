"""The Range header, as RFC 9110 has it."""

import pytest

from novel_audio_pipeline.tts_backend.ranges import RangeNotSatisfiableError, byte_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None), ("", None), ("bytes=0-0", (0, 1)), ("bytes=10-", (10, 90)),
        ("bytes=-1", (99, 1)), ("bytes=-500", (0, 100)), ("bytes=90-500", (90, 10)),
        ("bytes=5-4", None), ("bytes=-", None), ("items=0-5", None), ("bytes=0-1,5-6", None),
        ("bytes=٣-5", None), ("bytes=0-" + "9" * 30, None),
    ],
)  # fmt: skip
def test_what_a_range_header_asks_for(header, expected):
    assert byte_range(header, size=100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_satisfied(header):
    with pytest.raises(RangeNotSatisfiableError):
        byte_range(header, size=100)
