"""What the exit statuses mean, and which error gives which."""

from enum import IntEnum

from novel_audio_pipeline.errors import (
    NovelAudioError,
    SourceError,
    TransientError,
    UnavailableError,
    UsageError,
)


class ExitStatus(IntEnum):
    """Exit statuses of ``novel-audio``."""

    DONE = 0
    INCOMPLETE = 1  # done, but something is incomplete or was found
    USAGE = 2  # wrong use or settings
    UNAVAILABLE = 3  # could not: backend down, disk full, unwritable
    INTERRUPTED = 130  # Ctrl-C; what was downloaded is committed


def status_of(error: NovelAudioError) -> ExitStatus:
    """Return the exit status of a program that an error ended."""
    if isinstance(error, UsageError):
        return ExitStatus.USAGE
    if isinstance(error, UnavailableError | TransientError):
        return ExitStatus.UNAVAILABLE
    if isinstance(error, SourceError):
        return ExitStatus.USAGE
    return ExitStatus.INCOMPLETE
