"""What the operating system's errors mean for people: one sentence for each, and what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from novel_audio_pipeline.errors import StorageError

_KEPT = "What was filed before is intact."

_REASONS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", f"Free some space there, then run again. {_KEPT}"),
    errno.EDQUOT: (
        "the disk quota of this user is used up",
        f"Free some space there or have the quota raised, then run again. {_KEPT}",
    ),
    errno.EROFS: (
        "the file system is mounted read-only",
        "Mount it for writing, or choose another folder. After a disk error the system mounts "
        "read-only by itself: look at its log.",
    ),
    errno.EACCES: (
        "this user may not do that there",
        "Give the user that runs this program the right to read and write the folder.",
    ),
    errno.EPERM: (
        "the system does not permit it",
        "Check owner, attributes and mount options of the folder.",
    ),
    errno.EIO: (
        "the disk reports an input/output error",
        f"Check the disk and the system's log before you run again. {_KEPT}",
    ),
    errno.ENOENT: (
        "it, or a folder above it, is not there any more",
        "Something else has removed or renamed it; if a disk was unmounted, mount it and run again.",
    ),
    errno.EEXIST: ("something with that name is already there", "Look at it, then move it away."),
    errno.ENOTDIR: (
        "a file stands where a folder is needed",
        "Look at that file, then move it away.",
    ),
    errno.EISDIR: (
        "a folder stands where a file is needed",
        "Look at that folder, then move it away.",
    ),
    errno.ENAMETOOLONG: (
        "the path is longer than this system allows",
        "Choose a library folder with a shorter path.",
    ),
    errno.EMFILE: (
        "this process has too many files open",
        "Raise the limit (ulimit -n) or lower the concurrency, then run again.",
    ),
    errno.ELOOP: (
        "a link stands where a file or folder is needed",
        "The library follows no links below its root: replace the link by what it points to.",
    ),
}


def storage_error(action: str, path: str, error: OSError) -> StorageError:
    """Return the error to raise: what was tried, on what, why it failed, what to do.

    Args:
        action: What was tried, as a verb: ``write``, ``list the folder``.
        path: On what, as the user knows it.
        error: The system's answer; raise from it.
    """
    known = _REASONS.get(error.errno or 0)
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    if known is None:
        return StorageError(f"Could not {action} {path}: {error.strerror or error} ({name}).")
    reason, advice = known
    return StorageError(f"Could not {action} {path}: {reason} ({name}). {advice}")


@contextmanager
def explained(action: str, path: str) -> Iterator[None]:
    """Turn an ``OSError`` of the block into the ``StorageError`` that explains it."""
    try:
        yield
    except OSError as error:
        raise storage_error(action, path, error) from error
