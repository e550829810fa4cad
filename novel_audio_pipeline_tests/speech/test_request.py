"""The content key: what changes it, what does not, and its exact form."""

import hashlib

import pytest

from novel_audio_pipeline.speech.request import SpeechRequest, joined_content_key


def request(**changes: object) -> SpeechRequest:
    fields = {"text": "Ừ.", "model": "espeak", "voice": "vi", "language": "vi"} | changes
    return SpeechRequest(**fields)  # type: ignore[arg-type]  # the test passes wrong values too


def test_the_key_is_the_digest_of_the_documented_json():
    document = (
        '{"language":"vi","model":"espeak","speed":"1.00","take":0,"text":"Ừ.","v":1,"voice":"vi"}'
    )
    assert request().content_key == hashlib.sha256(document.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Ừ!"},
        {"model": "x"},
        {"voice": "x"},
        {"language": "en"},
        {"speed": 1.1},
        {"take": 1},
    ],
)
def test_each_field_changes_the_key(change):
    assert request(**change).content_key != request().content_key


def test_speed_counts_to_two_decimals():
    assert request(speed=1.001).content_key == request(speed=1.0).content_key


@pytest.mark.parametrize(
    "change",
    [
        {"text": " "},
        {"text": "U\u031b\u0300."},
        {"voice": "default"},
        {"model": ""},
        {"speed": 0.1},
        {"take": -1},
        {"take": 100},
    ],
)
def test_a_request_that_is_not_resolved_is_refused(change):
    with pytest.raises(ValueError, match=r"must be"):
        request(**change)


def test_pieces_have_a_key_of_their_own():
    one, two = request(text="Một."), request(text="Hai.")
    assert joined_content_key([one]) == one.content_key
    expected = hashlib.sha256((one.content_key + two.content_key).encode()).hexdigest()
    assert joined_content_key([one, two]) == expected
    assert joined_content_key([two, one]) != expected


def test_no_piece_has_no_key():
    with pytest.raises(ValueError, match="at least one"):
        joined_content_key([])
