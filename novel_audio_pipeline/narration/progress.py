"""Counting what a narration has done, and saying it in a line now and then."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

LINE_INTERVAL_S = 30.0


@dataclass(frozen=True, slots=True)
class ProgressCounts:
    """How far a narration is, in paragraphs.

    Attributes:
        total: Paragraphs of the chapters planned so far and of those still to come, as known.
        done: Paragraphs that have their record.
        spoken: Of these, spoken anew.
        failed: Paragraphs that failed.
        requests: Synthesis requests sent.
        retries: Requests that were repeated.
        audio_s: Seconds of new audio.
        elapsed_s: Since the start.
        note: What is being waited for, or empty.
    """

    total: int = 0
    done: int = 0
    spoken: int = 0
    failed: int = 0
    requests: int = 0
    retries: int = 0
    audio_s: float = 0.0
    elapsed_s: float = 0.0
    note: str = ""

    @property
    def left_s(self) -> float | None:
        """Seconds to come at the pace so far, or None if nothing is done yet."""
        finished = self.done + self.failed
        return self.elapsed_s / finished * (self.total - finished) if finished else None

    def line(self) -> str:
        """Return the counts as one line for a log."""
        left = "unknown" if self.left_s is None else _minutes(self.left_s)
        text = (
            f"{self.done} of {self.total} paragraphs done ({self.spoken} spoken, "
            f"{self.failed} failed), {_minutes(self.audio_s)} of new audio, "
            f"{self.requests} requests, {self.retries} retries, time left {left}"
        )
        return f"{text}; {self.note}" if self.note else text


class Progress:
    """Thread-safe counters of one narration, with listeners told at most every so often."""

    def __init__(
        self,
        listener: Callable[[ProgressCounts], None] = lambda _counts: None,
        *,
        watcher: Callable[[ProgressCounts], None] = lambda _counts: None,
        interval_s: float = LINE_INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start counting.

        Args:
            listener: Called with the counts, from any thread, at most every ``interval_s``.
            watcher: Called with the counts at every change, from any thread; must be quick.
            interval_s: Seconds between calls of the listener.
            clock: Seconds, monotonic.
        """
        self._listener = listener
        self._watcher = watcher
        self._interval_s = interval_s
        self._clock = clock
        self._started = self._told = clock()
        self._counts = ProgressCounts()
        self._lock = threading.Lock()

    @property
    def counts(self) -> ProgressCounts:
        """The counts now."""
        with self._lock:
            return replace(self._counts, elapsed_s=self._clock() - self._started)

    def add(self, *, audio_s: float = 0.0, **amounts: int) -> None:
        """Add to counters by name: total, done, spoken, failed, requests, retries."""
        with self._lock:
            sums = {name: getattr(self._counts, name) + more for name, more in amounts.items()}
            self._counts = replace(self._counts, audio_s=self._counts.audio_s + audio_s, **sums)
        self._tell()

    def note(self, text: str) -> None:
        """Say at once what is being waited for; an empty text ends it."""
        with self._lock:
            self._counts = replace(self._counts, note=text)
        self._tell(at_once=bool(text))

    def tell(self) -> None:
        """Tell the listener the counts now, whenever it was told last."""
        self._tell(at_once=True)

    def _tell(self, *, at_once: bool = False) -> None:
        now = self._clock()
        self._watcher(self.counts)
        with self._lock:
            if not at_once and now - self._told < self._interval_s:
                return
            self._told = now
        self._listener(self.counts)


def _minutes(seconds: float) -> str:
    """Return a length of time for people: ``45 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 60:  # noqa: PLR2004  (seconds in a minute)
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
