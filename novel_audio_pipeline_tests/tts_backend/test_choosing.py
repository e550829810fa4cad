"""Who speaks what: resolved, told, or refused."""

import unicodedata

import pytest

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.choosing import Asked, choose, has_something_to_say
from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine
from novel_audio_pipeline.tts_backend.engines.tone import ToneEngine
from novel_audio_pipeline.tts_backend.refusals import RefusalError

ENGINES = [EspeakEngine(workers=1), ToneEngine()]


def chosen(**asked) -> SpeechRequest:
    fields = {"text": "Ừ."} | asked
    return choose(Asked(**fields), engines=ENGINES, default_language="vi").request


@pytest.mark.parametrize(
    ("asked", "model", "voice", "language"),
    [
        ({}, "espeak", "vi", "vi"),
        ({"language": "en"}, "espeak", "en-us", "en"),
        ({"language": "en-GB"}, "espeak", "en-us", "en"),
        ({"language": "vi_VN"}, "espeak", "vi", "vi"),
        ({"voice": "en"}, "espeak", "en", "en"),
        ({"voice": "vi-vn-x-south", "language": "VI"}, "espeak", "vi-vn-x-south", "vi"),
        ({"model": "tone"}, "tone", "vi", "vi"),
    ],
)
def test_what_is_not_named_is_chosen(asked, model, voice, language):
    request = chosen(**asked)
    assert (request.model, request.voice, request.language) == (model, voice, language)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"model": "eleven"}, "unknown_model"),
        ({"voice": "en-gb"}, "unknown_voice"),
        ({"language": "fr"}, "unknown_language"),
        ({"language": ""}, "unknown_language"),
        ({"voice": "vi", "language": "en"}, "voice_language_mismatch"),
        ({"speed": 0.3}, "speed_out_of_range"),
        ({"speed": 3.0}, "speed_out_of_range"),
        ({"model": "tone", "speed": 5.0}, "speed_out_of_range"),
    ],
)
def test_what_is_named_must_exist(asked, code):
    with pytest.raises(RefusalError) as refused:
        chosen(**asked)
    assert (refused.value.status, refused.value.code) == (422, code)


def test_nfd_and_nfc_are_one_request():
    text = "Người Việt"
    assert chosen(text=unicodedata.normalize("NFD", text)) == chosen(text=text)


def test_the_key_is_that_of_the_request_as_the_pipeline_makes_it():
    request = SpeechRequest("  Ừ. \n", "espeak", "vi", "vi", 1.25, 3)
    asked = {"text": request.text, "model": "espeak", "voice": "vi", "language": "vi"}
    assert chosen(**asked, speed=1.25, take=3).file_id == request.file_id


@pytest.mark.parametrize(
    ("text", "says"),
    [("Ừ", True), ("7", True), ("漢", True), ("...", False), ("— !? 😀", False), ("", False)],
)
def test_a_letter_or_a_digit_is_something_to_say(text, says):
    assert has_something_to_say(text) is says
