"""What the check says: one finding, with a stable code that decides severity and advice."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

Severity = Literal["error", "warning", "info"]

_NARRATE = "Narrate the chapter: only what is missing is spoken."
_SPEAK = "Narrate the chapter: the paragraph is spoken again; then look for what changed the file."

# ``error``: audio is missing or wrong; ``warning``: something wants doing; ``info``: good to know.
_KINDS: dict[str, tuple[Severity, str]] = {
    "folder_unreadable": ("error", "Mend rights or disk, then check again."),
    "record_without_audio": ("error", _SPEAK),
    "size_differs": ("error", _SPEAK),
    "digest_differs": ("error", _SPEAK),
    "audio_does_not_decode": ("error", _SPEAK),
    "audio_is_silent": ("error", "Narrate it again (narrate --again): another take may speak."),
    "record_unreadable": (
        "error",
        "If the existing system wrote it, adopt it (library adopt); else narrate the chapter.",
    ),
    "chapter_incomplete": ("warning", _NARRATE),
    "paragraph_failed": ("warning", "Narrate the chapter once the reason is mended."),
    "audio_without_record": (
        "warning",
        "Narrate the chapter: what its script wants is filed anew. Or library repair: put away.",
    ),
    "audio_beside_skip": ("warning", "Narrate the chapter, or library repair: it is put away."),
    "record_of_other_place": (
        "warning",
        "Someone has moved files by hand. Narrate the chapter: records are judged by content.",
    ),
    "doubtful_audio": ("warning", "Listen to it; narrate --again asks for another take."),
    "manifest_missing": ("warning", "Narrate the chapter, or library repair: it is rebuilt."),
    "manifest_stale": ("warning", "Narrate the chapter, or library repair: it is rebuilt."),
    "playlist_missing": ("warning", "Narrate the chapter, or library repair: it is rebuilt."),
    "twin_folders": (
        "warning",
        "Narrate the novel: audio is moved into the first folder. Then library repair puts the "
        "other away.",
    ),
    "aside_unreadable": ("warning", "library repair puts it away."),
    "link_in_library": ("warning", "Links are not followed. Replace it by what it points to."),
    "temporary_leftover": (
        "info",
        "Narrate the chapter: what dead writers left is cleared, else after two hours.",
    ),
    "aside_waiting": ("info", "It goes when what wants it is narrated, or when nothing wants it."),
    "put_away": ("info", "library repair put it there. Look at it, then remove it by hand."),
    "unknown_in_library": ("info", "Not of this program, and never touched."),
    # Of adopting what the existing system wrote.
    "adopt_damaged": ("error", "It is not taken over: the paragraph will be spoken."),
    "adopt_without_text": (
        "warning",
        "It is not taken over, for nobody knows what it says: the paragraph will be spoken.",
    ),
    "adopt_text_differs": (
        "warning",
        "It is taken over with the text of its metadata; if the script has the other, it is spoken.",
    ),
    "adopt_spoken_text_changed": (
        "warning",
        "The existing system spoke something else than the text. Taken over; narrate --again "
        "speaks it as it is written.",
    ),
    "adopt_two_for_one": ("warning", "The first is taken over; look which one is right."),
    "adopt_not_spoken": ("info", "The paragraph will be spoken, unless its script skips it."),
    "adopt_unnumbered": ("info", "Which paragraph it is, nobody knows. It is not taken over."),
}

CODES = tuple(_KINDS)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: Stable, ``lower_snake_case``; one of ``CODES``.
        severity: ``error``, ``warning`` or ``info``.
        path: What it is about, relative to the library.
        message: What is so.
        advice: What to do.
    """

    code: str
    severity: Severity
    path: str
    message: str
    advice: str


def found(code: str, path: PurePosixPath, message: str) -> Finding:
    """Return a finding with the severity and advice of its code."""
    severity, advice = _KINDS[code]
    return Finding(code, severity, str(path), message, advice)
