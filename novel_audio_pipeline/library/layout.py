"""Names in the library: made from ids, numbers and titles, and read back. Pure; no files here."""

import re
import unicodedata
from pathlib import PurePosixPath

from novel_audio_pipeline.storage.temporary import TEMPORARY_EXTRA_CHARS

ASIDE = ".aside"
LOCKS = ".locks"
REPAIR_ASIDE = ".repair-aside"
MANIFEST = "chapter_manifest.json"
PLAYLIST = "chapter.m3u8"

MAX_COMPONENT_BYTES = 255
MAX_PATH_UNITS = 180  # UTF-16, below the root; Windows allows 259 with the root
_NUMBER_DIGITS = (
    5  # room is kept for numbers up to 99,999; larger ones work where paths may be long
)

_NOVEL_ID = re.compile(r"[a-z0-9-]{1,64}")
_NOVEL_FOLDER = re.compile(r"([a-z0-9-]{1,64})(?:_.*)?", re.DOTALL)
_CHAPTER_FOLDER = re.compile(r"chapter_(\d{1,9})(?:_.*)?", re.DOTALL | re.ASCII)
_PARAGRAPH_FOLDER = re.compile(r"paragraph_(\d{1,9})", re.ASCII)
_FORBIDDEN = re.compile(r"[<>:\"/\\|?*\s_]+")
_RESERVED = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")  # names of devices on Windows

# The longest file that ever lies in a paragraph's folder: the record while it is being written.
_LONGEST_TAIL_UNITS = (
    len("/paragraph_")
    + _NUMBER_DIGITS
    + len("/paragraph_")
    + _NUMBER_DIGITS
    + len("_metadata.json")
    + TEMPORARY_EXTRA_CHARS
)


def novel_folder_name(novel_id: str, title: str) -> str:
    """Return ``{novel_id}_{title}``, or the id alone if nothing of the title can be in a name.

    An id that Windows keeps for a device gets a bare ``_``. The room for the title depends on the
    id alone, so that the title of a chapter never renames its novel, nor the other way round.

    Raises:
        ValueError: If the id does not match ``[a-z0-9-]{1,64}``.
    """
    name = _titled(_valid_id(novel_id), title, _title_room(novel_id))
    return f"{name}_" if _RESERVED.fullmatch(name) else name


def chapter_folder_name(novel_id: str, number: int, title: str) -> str:
    """Return ``chapter_{number}_{title}``, or without the title as for a novel.

    Raises:
        ValueError: If the id is none, or the number is less than 1.
    """
    prefix = f"chapter_{_padded(number)}"
    return _titled(prefix, title, _title_room(_valid_id(novel_id)))


def paragraph_folder_name(number: int) -> str:
    """Return ``paragraph_{number}``."""
    return f"paragraph_{_padded(number)}"


def wav_name(number: int) -> str:
    """Return the name of a paragraph's WAV."""
    return f"paragraph_{_padded(number)}.wav"


def record_name(number: int) -> str:
    """Return the name of a paragraph's record."""
    return f"paragraph_{_padded(number)}_metadata.json"


def failure_name(number: int) -> str:
    """Return the name of a paragraph's failure."""
    return f"paragraph_{_padded(number)}_failure.json"


def aside_wav_name(key: str) -> str:
    """Return the name of displaced audio in ``.aside/``."""
    return f"{key}.wav"


def aside_record_name(key: str) -> str:
    """Return the name of its record."""
    return f"{key}_metadata.json"


def paragraph_path(chapter: PurePosixPath, number: int) -> PurePosixPath:
    """Return the folder of a paragraph in the folder of its chapter."""
    return chapter / paragraph_folder_name(number)


def novel_id_of(folder_name: str) -> str | None:
    """Return whose folder a name is, by what stands before the first ``_``; None if nobody's."""
    match = _NOVEL_FOLDER.fullmatch(folder_name)
    return match[1] if match else None


def chapter_number_of(folder_name: str) -> int | None:
    """Return which chapter's folder a name is, whatever its zeros and title; None if none's."""
    match = _CHAPTER_FOLDER.fullmatch(folder_name)
    return int(match[1]) or None if match else None


def paragraph_number_of(folder_name: str) -> int | None:
    """Return which paragraph's folder a name is; None if none's, or if it is not how we pad it."""
    match = _PARAGRAPH_FOLDER.fullmatch(folder_name)
    number = int(match[1]) if match else 0
    return number if number and folder_name == paragraph_folder_name(number) else None


def title_for_name(title: str, *, max_units: int) -> str:
    """Return what of a title can be in a file name on every system; may be empty.

    NFC; what a common file system refuses and white space become ``_``, one for a run; controls,
    invisible format and bidi characters, surrogates, private and unassigned characters go; no ``_``
    or dot at its ends; cut where no character is torn from its marks.

    Args:
        title: For people; anything.
        max_units: Longest result in UTF-16 units. Its UTF-8 bytes are at most three times that.
    """
    visible = "".join(c for c in title if _is_visible(c) or c.isspace())
    name = _trimmed(unicodedata.normalize("NFC", _FORBIDDEN.sub("_", visible)))
    return _trimmed(_cut(name, max_units))


def utf16_units(text: str) -> int:
    """Return the length of a text as Windows counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_visible(character: str) -> bool:
    return not unicodedata.category(character).startswith("C")


def _trimmed(name: str) -> str:
    return name.strip("_. ")


def _cut(name: str, max_units: int) -> str:
    """Return the longest beginning that fits and ends between two characters as people see them."""
    end, units = 0, 0
    while end < len(name) and (units := units + utf16_units(name[end])) <= max_units:
        end += 1
    while 0 < end < len(name) and _belongs_to_the_one_before(name, end):
        end -= 1
    return name[:end]


def _belongs_to_the_one_before(name: str, index: int) -> bool:
    """Return whether the character at an index continues what people see as one before it.

    A mark (accents, vowel signs, variation selectors), a skin tone, the second half of a flag.
    Joiners are format characters and gone by now. After Unicode Standard Annex 29, simplified.
    """
    character = name[index]
    if unicodedata.category(character).startswith("M") or "\U0001f3fb" <= character <= "\U0001f3ff":
        return True
    start = index
    while start > 0 and _is_flag_half(name[start - 1]):
        start -= 1
    return _is_flag_half(character) and (index - start) % 2 == 1


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _titled(prefix: str, title: str, room: int) -> str:
    name = title_for_name(title, max_units=room)
    return f"{prefix}_{name}" if name else prefix


def _title_room(novel_id: str) -> int:
    """Return how many UTF-16 units the title of a novel, or of one of its chapters, may have.

    What the 180 leave beside id, numbers, separators and the longest file, halved.
    """
    taken = len(f"{novel_id}_/chapter__") + _NUMBER_DIGITS + _LONGEST_TAIL_UNITS
    return (MAX_PATH_UNITS - taken) // 2


def _valid_id(novel_id: str) -> str:
    if not _NOVEL_ID.fullmatch(novel_id):
        raise ValueError(f"novel_id must match [a-z0-9-]{{1,64}}, got {novel_id!r}")
    return novel_id


def _padded(number: int) -> str:
    if number < 1:
        raise ValueError(f"chapters and paragraphs are numbered from 1, got {number}")
    return f"{number:03d}"
