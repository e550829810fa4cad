"""The picture of a chapter's audio: it shows where it is loud, and stays small."""

import io

import numpy as np
from PIL import Image

from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.audio.waveform import waveform_png

RATE = 8000


def wav(level: float, seconds: float = 1.0) -> bytes:
    tone = np.sin(np.arange(int(seconds * RATE))) * level * 32767
    return encode_wav(tone.astype(np.int16), RATE)


def dark(png: bytes) -> np.ndarray:
    """Return how many dark pixels each column has."""
    return (np.asarray(Image.open(io.BytesIO(png)).convert("L")) < 200).sum(axis=0)


def test_loud_parts_reach_further_than_quiet_ones():
    columns = dark(waveform_png([wav(0.1), wav(0.9)], width=100, height=40))
    assert columns[10] < 8
    assert columns[90] > 30


def test_a_long_chapter_stays_a_small_picture():
    png = waveform_png([wav(0.5 + n % 5 / 10, 20) for n in range(30)])
    assert len(png) < 8000
    assert Image.open(io.BytesIO(png)).size == (800, 80)


def test_nothing_is_a_line():
    assert set(dark(waveform_png([], width=10, height=40))) <= {2, 3}
