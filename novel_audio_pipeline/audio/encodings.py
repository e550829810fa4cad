"""Speech in the forms that OpenAI's clients ask for: WAV, FLAC, MP3, Opus, raw PCM."""

import io
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile
import soxr  # type: ignore[import-untyped]  # it ships no types

from novel_audio_pipeline.audio.wav import decode_wav

Format = Literal["wav", "flac", "mp3", "opus", "pcm"]
MEDIA_TYPES: dict[Format, str] = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "pcm": "audio/pcm",
}
_OPENAI_RATE_HZ = 24_000  # what its clients take raw PCM to be; Opus refuses 22,050 too
_BLOCK_FRAMES = 65_536  # libsndfile's encoders overflow their stack when given minutes at once


def encoded(wav: bytes, *, form: Format) -> bytes:
    """Return the audio of a WAV in another form; PCM and Opus at 24,000 Hz.

    Raises:
        WrongAudioError: If the WAV does not decode.
    """
    if form == "wav":
        return wav
    samples, rate = decode_wav(wav)
    if form in ("pcm", "opus") and rate != _OPENAI_RATE_HZ:
        samples, rate = soxr.resample(samples, rate, _OPENAI_RATE_HZ), _OPENAI_RATE_HZ
    if form == "pcm":
        return samples[:, 0].astype("<i2").tobytes()
    container, subtype = {
        "flac": ("FLAC", "PCM_16"),
        "mp3": ("MP3", "MPEG_LAYER_III"),
        "opus": ("OGG", "OPUS"),
    }[form]
    return _written(samples, rate, container=container, subtype=subtype)


def _written(samples: npt.NDArray[np.int16], rate: int, *, container: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", samplerate=rate, channels=samples.shape[1], format=container, subtype=subtype
    ) as file:
        for start in range(0, len(samples), _BLOCK_FRAMES):
            file.write(samples[start : start + _BLOCK_FRAMES])
    return buffer.getvalue()
