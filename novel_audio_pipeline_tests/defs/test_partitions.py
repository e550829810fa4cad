"""Covering chosen chapters with ranges of partition keys, which follow the order of insertion."""

from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.defs.partitions import contiguous_ranges


@given(st.lists(st.integers(0, 30), unique=True), st.sets(st.integers(0, 30)), st.integers(1, 5))
def test_ranges_cover_what_is_wanted_and_nothing_else(order, chosen, longest):
    known = [f"n/{n:04d}" for n in order]
    wanted = {f"n/{n:04d}" for n in chosen if n in order}
    covered = []
    for first, last in contiguous_ranges(wanted, known, longest=longest):
        part = known[known.index(first) : known.index(last) + 1]
        assert 1 <= len(part) <= longest
        covered += part
    assert covered == [key for key in known if key in wanted]
