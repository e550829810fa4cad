"""Refusing a cache folder that could be somebody's library: a wrong setting must cost no audio."""

import os
import re
from pathlib import Path

from novel_audio_pipeline.errors import SettingError, StorageError

_LIBRARY_FOLDER = re.compile(r"(chapter|paragraph)_[0-9]+(_.*)?|\.aside", re.IGNORECASE)
_LIBRARY_FILE = re.compile(
    r"paragraph_[0-9]+.*\.(wav|json)|chapter_manifest\.json|chapter\.m3u8|metadata\.json",
    re.IGNORECASE,
)


def refuse_wrong_root(
    root: Path, *, library_dir: Path | None = None, novels_dir: Path | None = None
) -> None:
    """Return if ``root`` may be a TTS cache; nothing is written and no link below it is followed.

    It may not equal, hold or lie in the library or the novels folder; nor lie in, or hold, folders
    or files named like a library's (a library of bare ids too: any folder with chapters in it). A
    root that does not exist yet holds nothing.

    Raises:
        SettingError: If it may not; the message names what was found.
        StorageError: If the root exists and cannot be read.
    """
    real = _real(root)
    for name, other in (("library", library_dir), ("novels folder", novels_dir)):
        if other is not None:
            _refuse_overlap(real, _real(other), name=name)
    for part in real.parts:
        if _LIBRARY_FOLDER.fullmatch(part):
            raise _refusal(real, f"it lies in {part!r}, which is named like a part of a library")
    if found := _library_sign(real):
        raise _refusal(real, f"it holds {found!r}, as a library does")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _refuse_overlap(root: Path, other: Path, *, name: str) -> None:
    if root == other:
        raise _refusal(root, f"it is the {name}")
    if root in other.parents:
        raise _refusal(root, f"it holds the {name} {other}")
    if other in root.parents:
        raise _refusal(root, f"it lies in the {name} {other}")


def _library_sign(root: Path) -> str | None:
    """Return the first name in the folder, or one below it, that a library would hold."""
    try:
        with os.scandir(root) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    if _LIBRARY_FOLDER.fullmatch(entry.name):
                        return entry.name
                    if entry.name != "metadata" and (below := _chapter_below(entry.path)):
                        return f"{entry.name}/{below}"
                elif _LIBRARY_FILE.fullmatch(entry.name):
                    return entry.name
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"cannot read the TTS cache folder {root}: {error}") from error
    return None


def _chapter_below(folder: str) -> str | None:
    try:
        with os.scandir(folder) as found:
            return next((e.name for e in found if _LIBRARY_FOLDER.fullmatch(e.name)), None)
    except PermissionError:  # lost+found of a disk of its own; we never enter it either
        return None
    except OSError as error:
        raise StorageError(f"cannot read {folder} in the TTS cache folder: {error}") from error


def _refusal(root: Path, why: str) -> SettingError:
    return SettingError(
        f"the TTS cache folder {root} is refused: {why}. The cache deletes its files after their "
        "time; set TTS_STORAGE_DIR to a folder of its own"
    )
