"""Where the audio of a novel stands, by key, for novels of any length."""

import struct
from collections.abc import Iterable
from pathlib import PurePosixPath

from novel_audio_pipeline.library.inventory import AudioPlace, HeldAudio
from novel_audio_pipeline.library.layout import (
    ASIDE,
    aside_record_name,
    aside_wav_name,
    paragraph_number_of,
    paragraph_path,
    record_name,
    wav_name,
)
from novel_audio_pipeline.library.packed_keys import DIGEST_BYTES, PackedRows, key_digest

_PLACE = struct.Struct(">II")  # which folder, which paragraph; 0 for one in `.aside/`


class HeldPlaces:
    """Says where audio stood when it was looked at, in 24 bytes for each paragraph.

    Args:
        held: What a novel holds; of several with one key the one in the first folder counts.
    """

    def __init__(self, held: Iterable[HeldAudio]) -> None:
        numbers: dict[PurePosixPath, int] = {}
        rows = (_row(audio, numbers) for audio in held)
        self._rows = PackedRows(rows, width=DIGEST_BYTES + _PLACE.size)
        self._folders = list(numbers)

    def find(self, key: str) -> AudioPlace | None:
        """Return where the audio of a key stands, or None if it is not held."""
        if (row := self._rows.first(key)) is None:
            return None
        folder, paragraph = _PLACE.unpack_from(row, DIGEST_BYTES)
        return _place(self._folders[folder], paragraph, key)


def _row(audio: HeldAudio, numbers: dict[PurePosixPath, int]) -> bytes:
    """Return what is kept of a piece of audio; a folder that is new gets the next number."""
    folder, paragraph = _place_of(audio)
    number = numbers.setdefault(folder, len(numbers))
    return key_digest(audio.key) + _PLACE.pack(number, paragraph)


def _place_of(audio: HeldAudio) -> tuple[PurePosixPath, int]:
    """Return the chapter's folder and the paragraph; of displaced audio ``.aside/`` and 0."""
    folder = audio.path.parent
    if folder.name == ASIDE:
        return folder, 0
    return folder.parent, paragraph_number_of(folder.name) or 0


def _place(folder: PurePosixPath, paragraph: int, key: str) -> AudioPlace:
    if not paragraph:
        return AudioPlace(folder / aside_wav_name(key), folder / aside_record_name(key), key)
    place = paragraph_path(folder, paragraph)
    return AudioPlace(place / wav_name(paragraph), place / record_name(paragraph), key)
