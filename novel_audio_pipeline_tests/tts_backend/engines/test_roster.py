"""Which engines the settings make, and who stands in for whom."""

import pytest

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import EngineError, Speech, Voice
from novel_audio_pipeline.tts_backend.engines.roster import make_engines
from novel_audio_pipeline.tts_backend.engines.worker_engine import demand_package
from novel_audio_pipeline.tts_backend.settings import settings_from
from novel_audio_pipeline_tests.tts_backend.serving import CountingEngine, served

OPENAI = {
    "TTS_OPENAI_URL": "http://127.0.0.1:1/v1",
    "TTS_OPENAI_MODEL": "kokoro",
    "TTS_OPENAI_VOICES": "en=af_heart",
}


class Illiterate(CountingEngine):
    """Speaks English, but cannot read what has an x."""

    model = "illiterate"
    voices = (Voice("ill", "en", "For tests"),)

    async def speak(self, request: SpeechRequest) -> Speech:
        if "x" in request.text:
            raise EngineError("what is an x", code="text_not_spoken")
        return await super().speak(request)


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ("", ["espeak"]),
        ("openai", ["openai", "espeak"]),
        ("espeak, openai", ["espeak", "openai"]),
        ("tone", ["tone"]),
        ("tone,espeak", ["tone", "espeak"]),
    ],
)
def test_engines_come_in_the_order_named_and_espeak_stands_behind_them(asked, made):
    engines = make_engines(settings_from(OPENAI | {"TTS_ENGINE": asked}))
    assert [engine.name for engine in engines] == made


@pytest.mark.parametrize("asked", ["espeak,", "espeak,eleven", "espeak,espeak", "espeak;tone"])
def test_a_list_that_names_no_engine_or_one_twice_is_refused(asked):
    with pytest.raises(SettingError, match="TTS_ENGINE="):
        settings_from({"TTS_ENGINE": asked})


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    root = tmp_path_factory.mktemp("illiterate")
    with served(root, engine=Illiterate(), engines=[CountingEngine()]) as started:
        yield started


@pytest.mark.parametrize("asked", [{"language": "en"}, {"voice": "ill"}])
def test_a_text_that_an_engine_cannot_read_is_spoken_by_the_next_and_told(backend, asked):
    record = backend.record("Exit.", **asked)
    assert (record["model"], record["voice"], record["language"]) == ("tone", "en-us", "en")
    assert record["notices"] == ["'illiterate' cannot read this text; another one speaks"]
    named = backend.record("Exit.", model="tone", voice="en-us")
    assert (named["cached"], named["file_id"]) == (True, record["file_id"])


def test_the_openai_form_tells_it_in_its_headers(backend):
    form = {"input": "Exit.", "voice": "alloy", "model": "tts-1", "response_format": "wav"}
    answer = backend.client.post("/v1/audio/speech", json=form)
    assert (answer.status_code, answer.headers["X-Model"]) == (200, "tone")
    assert "'illiterate' cannot read this text" in answer.headers["X-Notices"]


def test_who_names_the_model_is_told_that_it_cannot_read_the_text(backend):
    answer = backend.ask("Exit.", model="illiterate", language="en")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "text_not_spoken")


def test_without_a_stand_in_at_that_speed_it_is_refused(backend, tmp_path):
    class Slow(CountingEngine):
        max_speed = 1.0

    with served(tmp_path, engine=Illiterate(), engines=[Slow()]) as other:
        answer = other.ask("Exit.", language="en", speed=2.0)
        assert answer.json()["error"]["code"] == "text_not_spoken"


def test_each_language_has_a_default_voice_whoever_speaks_it(backend):
    document = backend.client.get("/api/tts/voices").json()
    assert document["default_voices"] == {"en": "ill", "vi": "vi"}


def test_a_package_that_is_missing_is_told_with_what_to_install():
    demand_package("json", engine="hibari", package="hibari-tts", extra="neural-en")
    with pytest.raises(SettingError) as refused:
        demand_package("no_such_module", engine="hibari", package="hibari-tts", extra="neural-en")
    assert "TTS_ENGINE=hibari needs the package hibari-tts" in str(refused.value)
    assert "pip install 'novel-audio-pipeline[neural-en]'" in str(refused.value)
