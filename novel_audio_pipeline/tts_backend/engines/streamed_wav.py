"""Samples out of a WAV as servers stream it: header sizes may be 0, all ones, or simply wrong.

``audio/`` reads whole files; this is for what arrives from an engine, and imports nothing heavy.
Format: "Multimedia Programming Interface and Data Specifications 1.0", IBM and Microsoft, 1991.
"""

import array
import struct
import sys

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MIN_FORMAT_BYTES = 16
_EXTENSIBLE_BYTES = 40
_LEAST_UNKNOWN_BYTES = 0x7F000000


class NotAWavError(Exception):
    """What came is no WAV that is known here."""


def pcm_of(data: bytes) -> tuple[bytes, int]:
    """Return the first channel as 16-bit little-endian samples, and the rate in Hz.

    The samples begin at the ``data`` chunk and end where it says; if it says what streaming servers
    say, with the bytes.

    Raises:
        NotAWavError: If it is no WAV of 16-bit or float samples, holds none, or is cut short.
    """
    if data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise NotAWavError(f"{len(data)} bytes came that begin with {data[:12]!r}")
    kind = channels = rate = bits = 0
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        position += 8
        if name == b"fmt " and position + _MIN_FORMAT_BYTES <= len(data):
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, position)
            if kind == _EXTENSIBLE and size >= _EXTENSIBLE_BYTES:
                (kind,) = struct.unpack_from("<H", data, position + 24)
        if name == b"data":
            length = len(data) - position if _is_unknown(size) else size
            if position + length > len(data):
                raise NotAWavError(f"of {size} bytes of samples {len(data) - position} came")
            return _first_channel(data[position : position + length], kind, bits, channels), rate
        position += size + size % 2
    raise NotAWavError("the WAV that came holds no samples")


def _is_unknown(size: int) -> bool:
    """Return whether a size is what streaming servers write: zero, all ones, about 2 GiB."""
    return size == 0 or size >= _LEAST_UNKNOWN_BYTES


def _first_channel(data: bytes, kind: int, bits: int, channels: int) -> bytes:
    if (kind, bits) not in ((_PCM, 16), (_FLOAT, 32)) or channels < 1:
        raise NotAWavError(f"the WAV that came has format {kind}, {bits} bits, {channels} channels")
    samples = array.array("h" if kind == _PCM else "f")
    whole = len(data) // (samples.itemsize * channels) * samples.itemsize * channels
    samples.frombytes(data[:whole])
    if sys.byteorder == "big":
        samples.byteswap()
    if not samples:
        raise NotAWavError("the WAV that came holds no samples")
    samples = samples[::channels]
    if kind == _FLOAT:
        samples = array.array("h", (_as_integer(value) for value in samples))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def _as_integer(value: float) -> int:
    if value != value:  # noqa: PLR0124  # not a number
        return 0
    return int(max(-1.0, min(1.0, value)) * 32767)
