"""The novel_id of a file: a slug of its name, safe as a folder and as a partition key."""

import hashlib
import re
import unicodedata

from novel_audio_pipeline.novels.model import NOVEL_ID_PATTERN

MAX_LENGTH = 64

# Names that Windows refuses as a file or folder, with or without an extension.
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
)
_OTHERS = re.compile(r"[^a-z0-9]+")
_TRANSLITERATED = str.maketrans({"đ": "d", "ð": "d", "ø": "o", "ł": "l", "ß": "ss", "æ": "ae"})


def novel_id_of_name(name: str) -> str:
    """Return the novel_id for a file's name without its extension: ``so-do`` for ``Số đỏ``.

    Marks are stripped (NFD), ``đ`` becomes ``d``, letters are lowered, a run of anything else
    becomes ``-``; cut to 64 characters, no ``-`` at the ends. If nothing is left, or a name that
    Windows reserves, it is ``novel-`` and the first 8 hex digits of the SHA-256 of the name (NFC,
    UTF-8).
    """
    bare = "".join(
        character
        for character in unicodedata.normalize("NFD", name.lower().translate(_TRANSLITERATED))
        if not unicodedata.combining(character)
    )
    slug = _OTHERS.sub("-", bare.translate(_TRANSLITERATED)).strip("-")[:MAX_LENGTH].strip("-")
    if slug and not is_reserved(slug):
        return slug
    composed = unicodedata.normalize("NFC", name)
    digest = hashlib.sha256(composed.encode("utf-8", "surrogatepass")).hexdigest()
    return f"novel-{digest[:8]}"


def is_novel_id(text: str) -> bool:
    """Tell whether the text may be a novel_id: its pattern, and no reserved name."""
    return NOVEL_ID_PATTERN.fullmatch(text) is not None and not is_reserved(text)


def is_reserved(slug: str) -> bool:
    """Tell whether Windows reserves this name in lower case."""
    return slug in _RESERVED
