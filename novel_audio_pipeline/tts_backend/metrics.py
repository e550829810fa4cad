"""The numbers at ``/metrics``, in a registry of its own for each application."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from novel_audio_pipeline.tts_cache.entry import CacheEntry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


class Metrics:
    """Counts what the backend does.

    Args:
        waiting: Tells how many texts wait for an engine, asked whenever the numbers are read.
    """

    def __init__(self, *, waiting: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._http = Counter(
            "tts_http_requests",
            "Requests answered, by route and status",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._speech = Counter(
            "tts_speech",
            "Utterances: made (spoken by an engine), cached, skipped (nothing to say), failed",
            ("result",),
            registry=self._registry,
        )
        for result in ("made", "cached", "skipped", "failed"):
            self._speech.labels(result)
        self._synthesis_s = Histogram(
            "tts_synthesis_seconds",
            "Time an utterance took, waiting for its turn included",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._audio_s = Counter(
            "tts_audio_seconds", "Seconds of audio made", registry=self._registry
        )
        self._evicted = Counter(
            "tts_cache_evicted",
            "Entries deleted by clients, which have the audio",
            registry=self._registry,
        )
        self._expired = Counter(
            "tts_cache_expired", "Entries removed after their time", registry=self._registry
        )
        self._entries = Gauge(
            "tts_cache_entries", "Entries as of the last sweep", registry=self._registry
        )
        self._bytes = Gauge(
            "tts_cache_bytes", "Bytes of audio as of the last sweep", registry=self._registry
        )
        queue = Gauge("tts_queue", "Texts waiting for an engine", registry=self._registry)
        queue.set_function(waiting)

    def request_answered(self, *, method: str, route: str, status: int) -> None:
        """Count one answer."""
        self._http.labels(method, route, str(status)).inc()

    def speech_answered(self, result: str) -> None:
        """Count one utterance: ``made``, ``cached``, ``skipped`` or ``failed``."""
        self._speech.labels(result).inc()

    def speech_made(self, *, took_s: float, audio_s: float) -> None:
        """Count the time of one utterance and its length."""
        self._synthesis_s.observe(took_s)
        self._audio_s.inc(audio_s)

    def entry_evicted(self) -> None:
        """Count an entry deleted by a client."""
        self._evicted.inc()

    def swept(self, *, removed: Sequence[CacheEntry], entries: int, total_bytes: int) -> None:
        """Take over what a sweep removed and left."""
        self._expired.inc(len(removed))
        self._entries.set(entries)
        self._bytes.set(total_bytes)

    def text(self) -> bytes:
        """Return all numbers in Prometheus's text format."""
        return generate_latest(self._registry)
