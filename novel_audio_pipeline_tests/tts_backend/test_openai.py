"""The OpenAI dialect, with OpenAI's own client."""

import io

import numpy as np
import openai
import pytest
import soundfile

from novel_audio_pipeline.audio.wav import decode_wav
from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine
from novel_audio_pipeline_tests.tts_backend.serving import CountingEngine, served

MAGIC = {"wav": b"RIFF", "flac": b"fLaC", "opus": b"OggS"}


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    engines = [CountingEngine()]
    root = tmp_path_factory.mktemp("openai")
    with served(root, engine=EspeakEngine(workers=1), engines=engines) as running:
        yield running


@pytest.fixture(scope="module")
def client(backend):
    with openai.OpenAI(base_url=f"{backend.url}/v1", api_key="none", max_retries=0) as talking:
        yield talking


def test_a_sentence_is_spoken_as_mp3_unless_asked_otherwise(client):
    answer = client.audio.speech.create(model="tts-1", voice="alloy", input="Hello there.")
    assert answer.response.headers["Content-Type"] == "audio/mpeg"
    samples, rate = soundfile.read(io.BytesIO(answer.content))
    assert rate == 22050
    assert 0.5 < len(samples) / rate < 2


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "opus", "pcm"])
def test_every_form_holds_the_same_speech(client, form):
    text = "It was the best of times."
    made = {
        each: client.audio.speech.create(
            model="espeak", voice="en-us", input=text, response_format=each
        )
        for each in ("wav", form)
    }
    wav, rate = decode_wav(made["wav"].content)
    data = made[form].content
    assert data.startswith(MAGIC.get(form, b""))
    if form == "pcm":
        samples, its_rate = np.frombuffer(data, dtype="<i2") / 32768, 24000
    else:
        samples, its_rate = soundfile.read(io.BytesIO(data))
    assert its_rate in (rate, 24000)
    assert len(samples) / its_rate == pytest.approx(len(wav) / rate, abs=0.08)
    loudness = np.sqrt(np.mean((wav / 32768) ** 2))
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(loudness, rel=0.05)
    if form == "flac":
        np.testing.assert_array_equal(np.round(samples * 32768), wav[:, 0])


def test_minutes_of_speech_are_encoded_too(client):
    text = "The quick brown fox jumps over the lazy dog again. " * 12
    for form in ("opus", "mp3"):
        answer = client.audio.speech.create(
            model="espeak", voice="en", input=text, response_format=form
        )
        assert soundfile.info(io.BytesIO(answer.content)).duration > 25


@pytest.mark.parametrize(
    ("text", "voice"), [("Xin chào các bạn.", "vi"), ("Good morning.", "en-us")]
)
def test_the_language_is_seen_from_the_text_and_told(client, text, voice):
    answer = client.audio.speech.create(model="gpt-4o-mini-tts", voice="nova", input=text)
    assert answer.response.headers["X-Voice"] == voice
    assert "'nova' is not here" in answer.response.headers["X-Notices"]


def test_a_speed_no_engine_has_is_brought_near_and_told(client):
    answer = client.audio.speech.create(model="tts-1", voice="en", input="Fast.", speed=4.0)
    assert "spoken at speed 2.57" in answer.response.headers["X-Notices"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"input": " "}, 400, "text_blank"),
        ({"input": "..."}, 422, "nothing_to_say"),
        ({"input": "a" * 20_001}, 422, "text_too_long"),
        ({"model": "eleven"}, 422, "unknown_model"),
        ({"response_format": "aac"}, 422, "invalid_request"),
        ({"speed": 5.0}, 422, "invalid_request"),
    ],
)
def test_errors_have_the_form_the_client_knows(client, change, status, code):
    asked = {"model": "tts-1", "voice": "alloy", "input": "Hello."} | change
    with pytest.raises(openai.APIStatusError) as refused:
        client.audio.speech.create(**asked)
    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert refused.value.type == "invalid_request_error"


def test_the_audio_lies_in_the_cache_like_any_other(backend, client):
    answer = client.audio.speech.create(
        model="espeak", voice={"id": "vi"}, input="Một lần.", response_format="wav"
    )
    record = backend.record("Một lần.")
    assert record["cached"] is True
    assert record["file_id"] == answer.response.headers["X-File-ID"]


def test_the_voices_are_listed(backend):
    voices = backend.client.get("/v1/audio/voices").json()["voices"]
    assert {"id": "vi", "name": "vi", "language": "vi", "model": "espeak"} in voices
    assert "tone" in {voice["model"] for voice in voices}
