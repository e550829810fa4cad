"""Who is told what a narration does while it does it."""

from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.narration.progress import ProgressCounts


class NarrationListener:
    """Takes everything and does nothing with it; the command line puts its own in its place.

    Attributes:
        is_over: Whether an error has ended the narration early.
    """

    is_over = False

    def progress(self, counts: ProgressCounts) -> None:
        """Take the counts, at every change and from any thread."""

    def outcome(self, outcome: ChapterOutcome) -> None:
        """Take what became of a chapter."""

    def waiting(self, text: str) -> None:
        """Take what is being waited for before anything begins."""

    def ended(self, error: Exception) -> None:  # noqa: ARG002  (for those that remember it)
        """Take the error that ended the narration early."""
        self.is_over = True
