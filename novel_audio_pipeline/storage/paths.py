"""Which relative paths a store takes. Pure; links are the business of the store that has a disk."""

import os
from pathlib import PurePosixPath

ROOT = PurePosixPath()


def checked(path: PurePosixPath, *, windows: bool = os.name == "nt") -> PurePosixPath:
    r"""Return the path if it can only mean something below the root.

    Args:
        path: Relative; empty for the root itself.
        windows: Whether ``\`` and ``:`` are more than characters of a name, as on Windows, where
            they begin a folder, a drive or a stream.

    Raises:
        ValueError: If it is absolute, or holds ``..``, a NUL, or on Windows a backslash or colon.
    """
    text = str(path)
    if path.is_absolute() or ".." in path.parts or "\0" in text:
        raise ValueError(f"a path in a store is relative and stays below its root, got {text!r}")
    if windows and ("\\" in text or ":" in text):
        raise ValueError(f"a path in a store holds no backslash or colon, got {text!r}")
    return path
