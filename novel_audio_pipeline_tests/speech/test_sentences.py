"""Cutting at sentence ends: nothing is lost, pieces fit, cuts fall where a reader pauses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.speech.sentences import cut_at_sentences


@pytest.mark.parametrize(
    ("text", "max_chars", "pieces"),
    [
        pytest.param("", 10, [], id="empty"),
        pytest.param("Short.", 10, ["Short."], id="fits"),
        pytest.param(
            "One. Two. Three.", 10, ["One. Two.", "Three."], id="at the last sentence end"
        ),
        pytest.param("One two, three four", 10, ["One two,", "three four"], id="at a clause"),
        pytest.param("one two three", 8, ["one two", "three"], id="at a space"),
        pytest.param("abcdefghij", 4, ["abcd", "efgh", "ij"], id="inside a word"),
        pytest.param("“Đi!” Nó nói.", 8, ["“Đi!”", "Nó nói."], id="quotes stay with the mark"),
        pytest.param("3.14 is pi. Yes.", 12, ["3.14 is pi.", "Yes."], id="a number is not cut"),
        pytest.param(
            "Ten chars. More", 10, ["Ten chars.", "More"], id="the mark is the last to fit"
        ),
    ],
)
def test_cuts(text, max_chars, pieces):
    assert cut_at_sentences(text, max_chars=max_chars) == pieces


@given(st.text(), st.integers(1, 50))
def test_only_white_space_is_lost(text, max_chars):
    pieces = cut_at_sentences(text, max_chars=max_chars)
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", text)
    assert all(0 < len(piece) <= max_chars for piece in pieces)


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        cut_at_sentences("text", max_chars=0)
