"""What is spoken of a text: nothing that is heard is lost, nothing is added."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from novel_audio_pipeline.novels.spoken_text import NO_LETTER_OR_DIGIT, skip_reason, spoken_text

# Letters, marks, joiners, controls and blanks of several scripts, so that they meet often.
NASTY = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from(
            "aeoAKk1 .\t\n\u00a0\u00ad\u200b\u200c\u200d\u2060\ufeff\u202e\u0300\u0301\u031b\u0323"
            "\u212a\u212b\u2126\u0627\u0653\u0915\u094d\u09c7\u09be\u1100\u1161\ue000\ufdd0\U0001f468"
        ),
    ),
    max_size=40,
)


@pytest.mark.parametrize(
    "text",
    [
        "Ừ.",
        "No!",
        "3.14",
        "10:30",
        "https://example.com/a?b=c&d=1",
        "– Ai?",
        "* * *",
        "A & B < C",
        "👍",
    ],
)
def test_ordinary_text_is_spoken_as_it_is_written(text):
    assert spoken_text(text) == text


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        pytest.param("one\r\ntwo\u2028three", "one two three", id="line breaks"),
        pytest.param("  a\u00a0\u3000b\t ", "a b", id="white space"),
        pytest.param("a\x00b\x1bc\x9d", "abc", id="controls"),
        pytest.param("\ufeffun\u00adbe\u200blie\u2060vable", "unbelievable", id="zero width"),
        pytest.param("\u202eabc\u202c \u2066x\u2069", "abc x", id="direction"),
        pytest.param("a\ud800b", "ab", id="lone surrogate"),
        pytest.param("a\ue000b", "ab", id="private use"),
        pytest.param("a\ufdd0b\uffffc", "abc", id="noncharacters"),
        pytest.param("\u0110u\u031bo\u031b\u0300ng", "Đường", id="decomposed"),
        pytest.param("e\u200b\u0301", "é", id="mark behind a zero width space"),
        pytest.param("a\u200db\u200c", "ab", id="joiners in Latin"),
        pytest.param("می\u200cخواهم", "می\u200cخواهم", id="joiner in Persian"),
        pytest.param("क्\u200dष", "क्\u200dष", id="joiner in Hindi"),
        pytest.param("", "", id="empty"),
    ],
)
def test_what_has_no_sound_is_removed(text, spoken):
    assert spoken_text(text) == spoken


@given(NASTY)
@example("\u212a\u200d")  # the Kelvin sign becomes a Latin letter
def test_cleaning_twice_changes_nothing(text):
    once = spoken_text(text)
    assert spoken_text(once) == once


@given(NASTY)
def test_spoken_text_is_nfc_one_line_and_can_be_written_as_utf8(text):
    spoken = spoken_text(text)
    assert unicodedata.is_normalized("NFC", spoken)
    assert spoken == " ".join(spoken.split())
    spoken.encode("utf-8")


@given(NASTY)
def test_no_letter_or_digit_is_lost_or_added(text):
    def heard(value):
        return [c for c in unicodedata.normalize("NFD", value) if c.isalnum()]

    assert heard(spoken_text(text)) == heard(text)


@pytest.mark.parametrize("text", ["", "* * *", "…", "❉❉❉", "—", "?!", "👍", "\u0301"])
def test_a_text_without_letter_or_digit_is_skipped(text):
    assert skip_reason(spoken_text(text)) == NO_LETTER_OR_DIGIT


@pytest.mark.parametrize("text", ["Ừ.", "No!", "5", "ạ", "字", "½"])
def test_one_letter_or_digit_is_enough_to_be_spoken(text):
    assert skip_reason(spoken_text(text)) is None


@given(NASTY)
def test_a_character_without_sound_at_the_end_changes_nothing(text):
    # Text that may be taken as it is goes another way than text with such a character.
    assert spoken_text(text + "\x00") == spoken_text(text)
