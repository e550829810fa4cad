"""WAV facts, on data made here and damaged on purpose."""

import math
import struct

import numpy as np
import pytest

from novel_audio_pipeline.audio.wav import (
    declared_length_bytes,
    decode_wav,
    encode_wav,
    join_wavs,
    wav_facts,
)
from novel_audio_pipeline.errors import WrongAudioError

RATE = 22_050


def tone(seconds: float, *, level: float = 0.5, rate: int = RATE) -> bytes:
    t = np.arange(int(seconds * rate)) / rate
    return encode_wav((np.sin(2 * np.pi * 440 * t) * level * 32767).astype(np.int16), rate)


def test_facts_of_a_tone():
    facts = wav_facts(tone(1.5))
    assert (facts.sample_rate_hz, facts.channels) == (RATE, 1)
    assert facts.duration_s == pytest.approx(1.5, abs=0.001)
    assert facts.peak_dbfs == pytest.approx(-6.02, abs=0.05)


def test_digital_silence_has_no_level():
    assert wav_facts(encode_wav(np.zeros(100, np.int16), RATE)).peak_dbfs == -math.inf


def test_the_lowest_sample_is_full_scale():
    assert wav_facts(encode_wav(np.array([-32768], np.int16), RATE)).peak_dbfs == 0.0


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"success": true, "skipped": true}', id="JSON"),
        pytest.param(b"RIFF", id="four bytes"),
        pytest.param(tone(0.1)[:30], id="cut inside the header"),
        pytest.param(encode_wav(np.zeros(0, np.int16), RATE), id="no frames"),
    ],
)
def test_what_is_no_speech_is_refused(data):
    with pytest.raises(WrongAudioError):
        wav_facts(data)


def test_the_declared_length_is_the_length():
    data = tone(0.2)
    assert declared_length_bytes(data) == len(data)
    assert declared_length_bytes(data[:-10]) == len(data)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_streamed_header_declares_nothing(size):
    data = bytearray(tone(0.2))
    struct.pack_into("<I", data, 4, size)
    assert declared_length_bytes(bytes(data)) is None


def test_pieces_are_joined_in_order_without_a_click():
    low, high = tone(0.2, level=0.1), tone(0.3, level=0.9)
    samples, rate = decode_wav(join_wavs([low, high]))
    plain = np.concatenate([decode_wav(low)[0], decode_wav(high)[0]])
    seam, edge = len(decode_wav(low)[0]), round(0.003 * rate)
    assert np.array_equal(samples[: seam - edge], plain[: seam - edge])
    assert np.array_equal(samples[seam + edge :], plain[seam + edge :])
    assert samples[seam - 1] == samples[seam] == 0


def test_one_piece_stays_byte_for_byte():
    data = tone(0.2)
    assert join_wavs([data]) is data


def test_pieces_of_two_rates_are_not_joined():
    with pytest.raises(WrongAudioError, match="rate"):
        join_wavs([tone(0.1), tone(0.1, rate=24_000)])
