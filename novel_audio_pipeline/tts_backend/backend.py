"""What all routes share: the settings, the engines, the cache, the clock, and what stands on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from novel_audio_pipeline.tts_backend.engines.base import Engine
from novel_audio_pipeline.tts_backend.metrics import Metrics
from novel_audio_pipeline.tts_backend.settings import BackendSettings
from novel_audio_pipeline.tts_backend.sweeper import Sweeper
from novel_audio_pipeline.tts_backend.synthesis import Synthesizer
from novel_audio_pipeline.tts_cache.folder import CacheFolder


@dataclass(frozen=True, slots=True)
class Backend:
    """One running backend.

    Attributes:
        settings: As it was told.
        engines: At least one; the first speaks what names no model.
        cache: The folder.
        now: The clock, aware UTC.
        synthesizer: Cached or spoken once.
        sweeper: Removes what is expired.
        metrics: What is counted.
        version: Of this package.
    """

    settings: BackendSettings
    engines: Sequence[Engine]
    cache: CacheFolder
    now: Callable[[], datetime]
    synthesizer: Synthesizer
    sweeper: Sweeper
    metrics: Metrics
    version: str
