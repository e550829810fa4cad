"""espeak-ng as an engine, and each of its traps."""

import asyncio
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines import espeak_library
from novel_audio_pipeline.tts_backend.engines.base import EngineError, Speech
from novel_audio_pipeline.tts_backend.engines.espeak import VOICES, EspeakEngine, words_per_minute

VI = "Xin chào các bạn, hôm nay trời đẹp và tôi rất vui."
EN = "It was the best of times, it was the worst of times."


class Espeak:
    """An engine on a loop of its own, so that tests can simply ask it."""

    def __init__(self, workers: int = 2) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.engine = EspeakEngine(workers=workers)
        self.run(self.engine.start())

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def speak(
        self, text: str = VI, *, voice: str = "vi", speed: float = 1.0, take: int = 0
    ) -> Speech:
        language = "en" if voice.startswith("en") else "vi"
        request = SpeechRequest(
            unicodedata.normalize("NFC", text), "espeak", voice, language, speed, take
        )
        return self.run(self.engine.speak(request))

    def end(self) -> None:
        self.run(self.engine.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture(scope="module")
def espeak():
    engine = Espeak()
    yield engine
    engine.end()


def samples(speech: Speech) -> np.ndarray:
    return np.frombuffer(speech.pcm, dtype="<i2").astype(float)


def level_dbfs(speech: Speech) -> float:
    return 20 * np.log10(np.sqrt(np.mean(samples(speech) ** 2)) / 32768)


@pytest.mark.parametrize("voice", [voice.name for voice in VOICES])
def test_every_voice_that_is_listed_speaks_and_is_its_own(espeak, voice):
    text = EN if voice.startswith("en") else VI
    spoken = espeak.speak(text, voice=voice)
    assert spoken.sample_rate_hz == 22050
    others = {espeak.speak(text, voice=v.name).pcm for v in VOICES if v.name != voice}
    assert spoken.pcm not in others


def test_a_voice_that_espeak_does_not_know_is_an_error_and_no_other_voice(espeak):
    with pytest.raises(EngineError, match="refuses the voice 'en-gb'"):
        espeak.speak(EN, voice="en-gb")


def test_the_same_text_is_the_same_audio_whatever_was_spoken_before_and_wherever(espeak):
    first = espeak.speak()
    for text in (EN, "Ừ.", VI):
        espeak.speak(text)
    other = Espeak(workers=1)
    try:
        assert {espeak.speak().pcm for _ in range(4)} == {first.pcm}
        assert other.speak().pcm == first.pcm
    finally:
        other.end()


def test_each_take_is_another_reading_and_stays_the_same(espeak):
    takes = [espeak.speak(take=take).pcm for take in (0, 1, 2)]
    assert len(set(takes)) == 3
    assert [espeak.speak(take=take).pcm for take in (0, 1, 2)] == takes


def test_many_at_once_are_not_mixed_up(espeak):
    texts = [f"Câu số {number}." for number in range(12)]
    one_by_one = [espeak.speak(text).pcm for text in texts]

    async def all_at_once() -> list[bytes]:
        asked = [espeak.engine.speak(SpeechRequest(t, "espeak", "vi", "vi")) for t in texts]
        return [speech.pcm for speech in await asyncio.gather(*asked)]

    assert espeak.run(all_at_once()) == one_by_one


def test_data_in_a_deep_folder_is_reached_by_a_short_path(tmp_path):
    deep = tmp_path / ("d" * 90) / ("e" * 90) / "espeak-ng-data"
    deep.parent.mkdir(parents=True)
    deep.symlink_to(espeakng_loader.get_data_path())
    assert len(str(deep)) > 160
    with espeak_library.short_data_path(str(deep)) as short:
        assert len(short) < 160
        pcm, rate = in_a_process_of_its_own(VI, data=short)
        assert rate == 22050
        assert pcm > 40_000
    assert not Path(short).exists()


def in_a_process_of_its_own(text: str, *, data: str) -> tuple[int, int]:
    """Return bytes of audio and rate; the GPL library stays out of the test's own process."""
    script = (
        "import sys; from novel_audio_pipeline.tts_backend.engines.espeak_library import speak\n"
        "pcm, rate = speak(sys.argv[1], voice='vi', words_per_minute=175, take=0,"
        " library=sys.argv[2], data=sys.argv[3]); print(len(pcm), rate)"
    )
    command = [sys.executable, "-c", script, text, espeakng_loader.get_library_path(), data]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    size, rate = done.stdout.split()
    return int(size), int(rate)


def test_a_text_in_nfd_is_read_as_in_nfc():
    assert espeak_library.cleaned(unicodedata.normalize("NFD", VI)) == VI


def test_nothing_in_a_text_commands_espeak(espeak):
    plain = espeak.speak("Xin chào bạn.").pcm
    for hidden in ("\x010A", "\x01400S", "\x00", "\u200b", "\u202e", "\ufeff", "\x9f"):
        assert hidden[0] not in espeak_library.cleaned(f"Xin {hidden}chào")
    assert espeak.speak("Xin\x00 chào\u200b bạn\u202e.").pcm == plain
    assert level_dbfs(espeak.speak("\x010AXin chào bạn.")) > -35


def test_a_lone_surrogate_is_left_out_and_white_space_becomes_spaces():
    assert espeak_library.cleaned("a\ud800b\tc\nd\u2028e") == "ab c d e"


def test_markup_is_read_as_text_and_opens_nothing(espeak):
    for text in (
        '<audio src="/etc/passwd"/> xin chào',
        '<break time="50s"/> xin chào',
        "[[xin]] chào",
    ):
        speech = espeak.speak(text)
        assert 0.5 < len(samples(speech)) / 22050 < 12


@pytest.mark.parametrize("text", ["...", "—", "x" * 2000, "1" * 2000, "שלום", "漢字", "😀 a"])
def test_no_text_ends_the_process(espeak, text):
    assert len(espeak.speak(text).pcm) > 0


@pytest.mark.parametrize(("text", "voice"), [(VI, "vi"), (EN, "en-us")])
def test_speech_is_loud_enough_and_never_clipped(espeak, text, voice):
    speech = espeak.speak(text, voice=voice)
    assert -28 < level_dbfs(speech) < -18
    assert np.abs(samples(speech)).max() < 0.95 * 32767


@pytest.mark.parametrize(("text", "voice"), [(VI * 4, "vi"), (EN * 4, "en-us")])
def test_speech_lasts_as_long_as_its_text_lets_expect(espeak, text, voice):
    duration_s = len(samples(espeak.speak(text, voice=voice))) / 22050
    assert 6 <= len(text) / duration_s <= 25


def test_twice_the_speed_takes_about_half_the_time(espeak):
    slow, fast = (len(espeak.speak(VI * 3, speed=speed).pcm) for speed in (1.0, 2.0))
    assert 0.4 < fast / slow < 0.65


def test_speeds_beyond_espeak_are_refused_and_its_own_limits_are_not():
    assert words_per_minute(1.0) == 175
    assert words_per_minute(EspeakEngine.min_speed) == 80
    assert words_per_minute(EspeakEngine.max_speed) == 450
    for speed in (0.25, 0.45, 2.6, 4.0):
        with pytest.raises(EngineError, match=r"0\.46 to 2\.57"):
            words_per_minute(speed)


def test_the_child_imports_neither_numpy_nor_the_web():
    script = (
        "import sys, novel_audio_pipeline.tts_backend.engines.espeak_worker\n"
        "print([name for name in ('numpy', 'fastapi', 'asyncio', 'soundfile', 'pydantic')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_library_is_never_loaded_into_the_backend():
    script = (
        "import sys, novel_audio_pipeline.tts_backend.server\n"
        "print('novel_audio_pipeline.tts_backend.engines.espeak_library' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
