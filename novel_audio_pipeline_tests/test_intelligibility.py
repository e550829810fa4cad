"""Speech that a recogniser understands: the short form of ``python -m benchmarks.intelligibility``."""

import importlib.util

import pytest

from benchmarks.intelligibility import (
    CEILINGS,
    RECOGNISER,
    SENTENCES,
    recogniser,
    word_error_rate,
    words_of,
    wrong_words,
)
from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine
from novel_audio_pipeline.tts_backend.engines.hibari import HibariEngine

needs_recogniser = pytest.mark.skipif(
    importlib.util.find_spec(RECOGNISER) is None,
    reason="the speech recogniser is not installed: pip install moonshine-cpp",
)
needs_hibari = pytest.mark.skipif(
    importlib.util.find_spec("hibari") is None,
    reason="hibari-tts is not installed: pip install -e '.[neural-en]'",
)


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [
        ("The cat sat.", "the cat sat", 0),
        ("The cat sat.", "the hat sat", 1),
        ("The cat sat.", "", 3),
        ("The cat sat.", "so the black cat sat", 2),
        ("It’s late.", "it's late", 0),
    ],
)
def test_wrong_words_are_replaced_dropped_or_added_ones(said, heard, wrong):
    assert wrong_words(words_of(said), words_of(heard)) == wrong


@needs_recogniser
@pytest.mark.parametrize(
    ("make", "voice"),
    [
        pytest.param(EspeakEngine, "en-us", id="espeak"),
        pytest.param(HibariEngine, "heart", id="hibari", marks=needs_hibari),
    ],
)
def test_a_recogniser_understands_english(make, voice):
    engine = make(workers=1)
    # Three sentences only: twice what twenty may have allows for the chance in so few.
    assert word_error_rate(engine, voice, recogniser(), SENTENCES[:3]) <= 2 * CEILINGS[engine.name]
