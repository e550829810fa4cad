"""What a disk or a backend refused while everything else went on: told in one sentence."""

from novel_audio_pipeline.errors import NovelAudioError


class Refusals:
    """The first thing that was refused, and how many more."""

    def __init__(self) -> None:
        self._first = ""
        self._count = 0

    def add(self, error: OSError | NovelAudioError) -> None:
        """Take note of one."""
        self._first = self._first or str(error)
        self._count += 1

    def __str__(self) -> str:
        return f"{self._first}; and {self._count - 1} more" if self._count > 1 else self._first


def told_together(*sentences: str) -> str:
    """Return what is not empty of them as one."""
    return "; ".join(filter(None, sentences))
