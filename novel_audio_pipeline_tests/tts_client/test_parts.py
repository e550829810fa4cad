"""Cutting a request for a backend that takes less text at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_client.parts import LEAST_CHARS, parts_of

WORDS = st.lists(st.text("abcđẻơ.!?,", min_size=1, max_size=12), min_size=1, max_size=60)


def request(text: str) -> SpeechRequest:
    return SpeechRequest(text=text, model="m", voice="v", language="vi", speed=1.5, take=2)


@pytest.mark.parametrize("max_chars", [None, 30])
def test_what_fits_stays_as_it_is(max_chars):
    whole = request("Một hai ba bốn năm sáu bảy tám")
    assert len(whole.text) == 30
    assert parts_of(whole, max_chars=max_chars) == (whole,)


def test_a_longer_text_is_cut_at_sentence_ends_and_asked_for_in_the_same_way():
    parts = parts_of(request("Câu thứ nhất này. Câu thứ hai đây."), max_chars=20)
    assert parts == (request("Câu thứ nhất này."), request("Câu thứ hai đây."))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Ừ. " + "rồi hắn nói tiếp mãi " * 3, id="at the beginning"),
        pytest.param("rồi hắn nói tiếp mãi " * 3 + "vậy. Ừ.", id="at the end"),
        pytest.param("Một câu vừa đủ dài để nói. Ừ. " + "rồi hắn nói tiếp " * 4, id="between"),
    ],
)
def test_no_part_is_so_short_that_a_backend_would_skip_it(text):
    parts = [part.text for part in parts_of(request(text.strip()), max_chars=64)]
    assert min(map(len, parts)) >= LEAST_CHARS
    assert " ".join(parts).split() == text.split()


@given(words=WORDS, max_chars=st.integers(1, 80))
def test_nothing_is_lost_and_no_part_is_too_long(words, max_chars):
    text = " ".join(words)
    parts = [part.text for part in parts_of(request(text), max_chars=max_chars)]
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < len(part) <= max_chars for part in parts)
