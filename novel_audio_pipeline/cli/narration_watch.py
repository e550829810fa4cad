"""Watching a narration from the command line: a bar on a terminal, plain lines elsewhere."""

import contextlib
import sys
import time
from dataclasses import replace
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from novel_audio_pipeline.cli.printing import say
from novel_audio_pipeline.narration.listener import NarrationListener
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.narration.progress import LINE_INTERVAL_S, ProgressCounts


class NarrationWatch(NarrationListener):
    """Collects outcomes, shows progress on standard error, and remembers what ended it.

    Attributes:
        outcomes: What became of each chapter, as it came.
        error: The error that ended the narration early, or None.
    """

    def __init__(self, *, paragraphs: int) -> None:
        """Prepare; ``paragraphs`` are those of all chapters to come, over all runs."""
        self.outcomes: list[ChapterOutcome] = []
        self.error: Exception | None = None
        self._total = paragraphs
        self._finished = 0  # by the runs that are over
        self._now = 0  # by the run under way
        self._told = time.monotonic()
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("paragraphs"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task("Narrating", total=paragraphs, note="")

    def __enter__(self) -> Self:
        """Show the bar, if there is one."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bar away; the terminal may be gone already."""
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.stop()

    def progress(self, counts: ProgressCounts) -> None:
        """Show the counts of the run under way, added to those of the runs before it."""
        finished = counts.done + counts.failed
        if finished < self._now:  # another run has begun
            self._finished += self._now
        self._now = finished
        done = self._finished + finished
        if self._bar is not None:
            note = counts.note or (f"{counts.retries} retries" if counts.retries else "")
            self._bar.update(self._task, completed=done, note=note)
        elif time.monotonic() - self._told >= LINE_INTERVAL_S or counts.note:
            self._told = time.monotonic()
            say(replace(counts, total=self._total, done=self._finished + counts.done).line())

    def outcome(self, outcome: ChapterOutcome) -> None:
        """Remember what became of a chapter."""
        self.outcomes.append(outcome)

    def waiting(self, text: str) -> None:
        """Say what is being waited for."""
        say(text)

    def ended(self, error: Exception) -> None:
        """Remember what ended the narration."""
        super().ended(error)
        self.error = error
