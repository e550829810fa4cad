"""espeak-ng through ctypes. Only ``espeak_worker.py``, a process of its own, imports this.

espeak-ng is GPL-3.0-or-later: it is loaded into that child alone, which this project talks to over
pipes. Interface: ``speak_lib.h`` of espeak-ng 1.52.
"""

import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from novel_audio_pipeline.tts_backend.engines.plain_text import without_controls

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_ENDPAUSE = 0x1000  # never espeakSSML (0x10): it opens files named in the text, and crashes
_RATE, _VOLUME = 1, 2
_VOLUME_PERCENT = 70  # at 100 Vietnamese is clipped; at 70 nothing of 1,200 paragraphs was
_MAX_DATA_PATH_BYTES = 159  # a longer one is refused by 1.52; the array in it holds 160

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class EspeakError(Exception):
    """espeak-ng did not do what it was asked."""


def cleaned(text: str) -> str:
    """Return the text as espeak-ng may see it: NFC, and no character that would command it.

    A control character turns the volume off or ends the text; direction marks and the like are
    spelled out. They become nothing, white space among them a space. A text in NFD is misread.
    """
    return without_controls(text)


@contextlib.contextmanager
def short_data_path(path: str) -> Iterator[str]:
    """Give the folder of espeak's data under a path short enough for it.

    A long one is reached through a link in a new temporary folder (a copy where links need rights),
    which goes when this ends.

    Raises:
        EspeakError: If the temporary folder itself is too deep.
    """
    if len(os.fsencode(path)) <= _MAX_DATA_PATH_BYTES:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="espeak-") as folder:
        short = Path(folder) / "espeak-ng-data"
        if len(os.fsencode(short)) > _MAX_DATA_PATH_BYTES:
            raise EspeakError(f"espeak-ng needs a temporary folder with a shorter path: {folder}")
        try:
            short.symlink_to(path, target_is_directory=True)
        except OSError:  # Windows without the right to make links
            shutil.copytree(path, short)
        yield str(short)


def speak(
    text: str, *, voice: str, words_per_minute: int, take: int, library: str, data: str
) -> tuple[bytes, int]:
    """Return the samples (16 bits, mono) and the sample rate in Hz.

    The library is loaded and unloaded every time, since its noise generator goes on from one text
    to the next: only so are equal requests equal audio. Take n is the reading after n others.

    Raises:
        EspeakError: If voice or speed are refused, or nothing can be loaded.
    """
    with _loaded(library) as espeak:
        rate = espeak.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, os.fsencode(data), _INITIALIZE_DONT_EXIT
        )
        if rate <= 0:
            raise EspeakError(f"espeak-ng cannot use its data folder {data}")
        try:
            _demand(espeak.espeak_SetVoiceByName(voice.encode()), f"refuses the voice {voice!r}")
            _demand(espeak.espeak_SetParameter(_RATE, words_per_minute, 0), "refuses the speed")
            _demand(espeak.espeak_SetParameter(_VOLUME, _VOLUME_PERCENT, 0), "refuses the volume")
            pcm = b""
            for _ in range(take + 1):
                pcm = _read_aloud(espeak, cleaned(text))
        finally:
            espeak.espeak_Terminate()
    return pcm, rate


def version(library: str) -> str:
    """Return the version that the library tells, such as ``1.52.0``."""
    with _loaded(library) as espeak:
        espeak.espeak_Info.restype = ctypes.c_char_p
        return str(espeak.espeak_Info(None).decode("ascii", "replace"))


def _read_aloud(espeak: ctypes.CDLL, text: str) -> bytes:
    chunks: list[bytes] = []

    def collect(samples: object, count: int, _events: object) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, count * 2))  # type: ignore[arg-type]  # a pointer
        return 0

    callback = _CALLBACK(collect)  # kept in a name while the library may call it
    espeak.espeak_SetSynthCallback(callback)
    encoded = text.encode("utf-8")
    status = espeak.espeak_Synth(
        encoded, len(encoded) + 1, 0, 1, 0, _CHARS_UTF8 | _ENDPAUSE, None, None
    )
    _demand(status, "does not speak the text")
    return b"".join(chunks)


@contextlib.contextmanager
def _loaded(library: str) -> Iterator[ctypes.CDLL]:
    try:
        espeak = ctypes.CDLL(library)
    except OSError as error:
        raise EspeakError(f"cannot load espeak-ng from {library}: {error}") from error
    espeak.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
        ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
    ]  # fmt: skip
    try:
        yield espeak
    finally:
        _unload(espeak)


def _unload(espeak: ctypes.CDLL) -> None:
    import _ctypes  # noqa: PLC0415  # what unloads is named differently on each system

    if sys.platform == "win32":
        _ctypes.FreeLibrary(espeak._handle)  # ctypes gives no other way to it
    else:
        _ctypes.dlclose(espeak._handle)  # ctypes gives no other way to it


def _demand(status: int, complaint: str) -> None:
    if status != 0:
        raise EspeakError(f"espeak-ng {complaint} (status {status})")
