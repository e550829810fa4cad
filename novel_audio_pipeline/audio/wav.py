"""Facts about WAV data, and making it."""

import io
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile

from novel_audio_pipeline.audio.joining import joined
from novel_audio_pipeline.errors import WrongAudioError

SILENCE_DBFS = -60.0
_FULL_SCALE = 32768.0
_RIFF_HEADER_BYTES = 12


@dataclass(frozen=True, slots=True)
class WavFacts:
    """What a decoded WAV is.

    Attributes:
        frames: Number of frames, more than 0.
        sample_rate_hz: Frames per second.
        channels: 1 or more.
        peak_dbfs: Level of the loudest sample against full scale; ``-inf`` for digital silence.
    """

    frames: int
    sample_rate_hz: int
    channels: int
    peak_dbfs: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz


def decode_wav(data: bytes) -> tuple[npt.NDArray[np.int16], int]:
    """Return the samples, shape ``(frames, channels)``, and the sample rate in Hz.

    Raises:
        WrongAudioError: If the data is no WAV that decodes, or has no frames.
    """
    if data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise WrongAudioError(f"not a WAV: the {len(data)} bytes begin with {data[:12]!r}")
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise WrongAudioError(f"a WAV of {len(data)} bytes does not decode: {error}") from error
    if len(samples) == 0:
        raise WrongAudioError(f"a WAV of {len(data)} bytes holds no frames")
    return samples, int(rate)


def wav_facts(data: bytes) -> WavFacts:
    """Decode the whole WAV and return its facts.

    Raises:
        WrongAudioError: If the data is no WAV that decodes, or has no frames.
    """
    samples, rate = decode_wav(data)
    # int16 holds -32768, whose absolute value it does not: widen both ends before comparing.
    peak = max(abs(int(samples.min())), abs(int(samples.max())))
    level = 20 * math.log10(peak / _FULL_SCALE) if peak else -math.inf
    return WavFacts(
        frames=len(samples), sample_rate_hz=rate, channels=samples.shape[1], peak_dbfs=level
    )


def declared_length_bytes(data: bytes) -> int | None:
    """Return how long the file is by its RIFF header, or None if the header does not say.

    A streamed WAV carries 0 or 0xFFFFFFFF there: no evidence either way. Format: "Multimedia
    Programming Interface and Data Specifications 1.0", IBM and Microsoft, 1991.
    """
    if len(data) < _RIFF_HEADER_BYTES or data[:4] != b"RIFF":
        return None
    (size,) = struct.unpack_from("<I", data, 4)
    return None if size in (0, 0xFFFFFFFF) else size + 8


def encode_wav(samples: npt.NDArray[np.int16], sample_rate_hz: int) -> bytes:
    """Return a 16-bit PCM WAV of the samples, shape ``(frames,)`` or ``(frames, channels)``."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate_hz, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def join_wavs(parts: Sequence[bytes]) -> bytes:
    """Return one WAV of the parts, in order, without a click where they meet; one part stays as it is.

    Raises:
        WrongAudioError: If a part does not decode, or rates or channels differ.
        ValueError: If there is no part.
    """
    if not parts:
        raise ValueError("there is nothing to join")
    if len(parts) == 1:
        return parts[0]
    decoded = [decode_wav(part) for part in parts]
    forms = {(rate, samples.shape[1]) for samples, rate in decoded}
    if len(forms) > 1:
        raise WrongAudioError(f"pieces of one paragraph differ in rate or channels: {forms}")
    rate = decoded[0][1]
    return encode_wav(joined([samples for samples, _ in decoded], sample_rate_hz=rate), rate)
