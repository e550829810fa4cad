"""A small picture of how loud audio is over time, for people to look at."""

import io
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PIL import Image

from novel_audio_pipeline.audio.wav import decode_wav

_BACKGROUND, _WAVE = (255, 255, 255), (96, 96, 96)


def waveform_png(wavs: Iterable[bytes], *, width: int = 800, height: int = 80) -> bytes:
    """Return a greyscale PNG of the peaks of several WAVs, one after the other.

    Args:
        wavs: The audio, in order; read one at a time.
        width: In pixels.
        height: In pixels.

    Raises:
        WrongAudioError: If one of them does not decode.
    """
    reach = np.maximum(1, np.round(_columns([_peaks(wav) for wav in wavs], width) * height / 2))
    from_the_middle = np.abs(np.arange(height) - height // 2)
    is_wave = from_the_middle[:, np.newaxis] <= reach
    image = Image.fromarray(is_wave.astype(np.uint8), "P")
    image.putpalette([*_BACKGROUND, *_WAVE])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _peaks(wav: bytes) -> npt.NDArray[np.float64]:
    """Return the loudest sample of each tenth of a second, 0 to 1."""
    samples, rate = decode_wav(wav)
    loud = np.abs(samples.astype(np.int32)).max(axis=1)
    starts = np.arange(0, len(loud), max(1, rate // 10))
    return np.maximum.reduceat(loud, starts) / 32768.0


def _columns(peaks: list[npt.NDArray[np.float64]], width: int) -> npt.NDArray[np.float64]:
    """Return the peaks squeezed or stretched to so many columns."""
    if not peaks:
        return np.zeros(width)
    joined = np.concatenate(peaks)
    starts = np.arange(width) * len(joined) // width
    return np.maximum.reduceat(joined, starts)
