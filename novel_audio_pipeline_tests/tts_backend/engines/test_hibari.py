"""hibari as an engine, and each of its traps."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.tts_backend.engines.base import EngineError, Speech
from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine
from novel_audio_pipeline.tts_backend.engines.hibari import HibariEngine
from novel_audio_pipeline.tts_backend.engines.hibari_worker import readable
from novel_audio_pipeline_tests.tts_backend.engines.asking import asking
from novel_audio_pipeline_tests.tts_backend.serving import served

IS_INSTALLED = importlib.util.find_spec("hibari") is not None
needs_hibari = pytest.mark.skipif(
    not IS_INSTALLED, reason="hibari-tts is not installed: pip install -e '.[neural-en]'"
)
EN = "It was the best of times, it was the worst of times."


@pytest.fixture(scope="module")
def hibari():
    with asking(HibariEngine(workers=2)) as started:
        yield started


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    root = tmp_path_factory.mktemp("hibari")
    engines = [EspeakEngine(workers=1)]
    with served(root, engine=HibariEngine(workers=1), engines=engines) as started:
        yield started


def seconds(speech: Speech) -> float:
    return len(speech.pcm) / 2 / speech.sample_rate_hz


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("[Hello](/ɡˈʊdbˌI/) there", "Hello there"),
        ("[[a](/b/)](/c/)", "[a] (/c/)"),
        ("[here](https://a.example)", "[here] (https://a.example)"),
        ("1" * 16, "1 1 1 1, 1 1 1 1, 1 1 1 1, 1 1 1 1"),
        ("1,234,567.89", "1,234,567.89"),
        ("a\x00b\u200bc\td", "abc d"),
    ],
)
def test_what_hibari_would_take_for_a_command_or_break_at_is_plain_text(text, seen):
    assert readable(text) == seen


@pytest.mark.skipif(IS_INSTALLED, reason="hibari-tts is installed: only its absence shows this")
def test_without_its_package_the_setting_is_refused_and_says_what_to_install():
    with pytest.raises(SettingError, match=r"pip install 'novel-audio-pipeline\[neural-en\]'"):
        HibariEngine()


@needs_hibari
def test_it_speaks_as_long_and_as_loud_as_its_text_lets_expect(hibari):
    speech = hibari.speak(EN)
    assert speech.sample_rate_hz == 24_000
    assert 6 <= len(EN) / seconds(speech) <= 25
    samples = np.frombuffer(speech.pcm, dtype="<i2").astype(float)
    assert -30 < 20 * np.log10(np.sqrt(np.mean(samples**2)) / 32768) < -18
    assert np.abs(samples).max() < 0.95 * 32767


@needs_hibari
def test_the_same_text_is_the_same_audio_in_every_process_and_a_take_is_another(hibari):
    assert len({hibari.speak(EN).pcm for _ in range(4)}) == 1
    assert hibari.speak(EN, take=1).pcm not in (hibari.speak(EN).pcm, hibari.speak(EN, take=2).pcm)


@needs_hibari
def test_twice_the_speed_takes_about_half_the_time(hibari):
    slow, fast = (seconds(hibari.speak(EN * 3, speed=speed)) for speed in (1.0, 2.0))
    assert 0.4 < fast / slow < 0.75


@needs_hibari
@pytest.mark.parametrize("text", ["1" * 400, "1," * 200, "A" * 400, "$" * 399 + "a", "²", "1:2:3"])
def test_no_text_of_latin_letters_or_digits_ends_it(hibari, text):
    assert seconds(hibari.speak(text)) > 0.4


@needs_hibari
@pytest.mark.parametrize("text", ["漢字", "שלום", "漢" * 300, "x" * 400])
def test_what_it_cannot_read_is_an_error_and_not_silence(hibari, text):
    with pytest.raises(EngineError) as failed:
        hibari.speak(text)
    assert failed.value.code == "text_not_spoken"


@needs_hibari
def test_english_is_spoken_by_hibari_and_vietnamese_by_espeak_which_is_told(backend):
    english = backend.record(EN, language="en")
    assert (english["model"], english["voice"], english["notices"]) == ("hibari", "heart", [])
    assert english["file_metadata"]["engine"].startswith("hibari ")
    vietnamese = backend.record("Xin chào.", language="vi")
    assert (vietnamese["model"], vietnamese["voice"]) == ("espeak", "vi")
    assert "'hibari' does not have it" in vietnamese["notices"][0]
    refused = backend.ask("Xin chào.", model="hibari", language="vi")
    assert refused.json()["error"]["code"] == "unknown_language"


@needs_hibari
def test_what_hibari_cannot_read_espeak_speaks_and_tells_unless_the_model_was_named(backend):
    record = backend.record("漢字", language="en")
    assert (record["model"], record["voice"]) == ("espeak", "en-us")
    assert record["notices"] == ["'hibari' cannot read this text; another one speaks"]
    refused = backend.ask("漢字", model="hibari", language="en")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "text_not_spoken")


@needs_hibari
def test_the_package_is_never_loaded_into_the_backend():
    script = (
        "import sys, novel_audio_pipeline.tts_backend.server as s\n"
        "from novel_audio_pipeline.tts_backend.engines.hibari import HibariEngine; HibariEngine()\n"
        "print('hibari' in sys.modules, 'onnxruntime' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]
