"""Who started upkeep and wants to know how it went: the command line, through Dagster."""

from novel_audio_pipeline.upkeep.cache_upkeep import CacheRound
from novel_audio_pipeline.upkeep.orphan_report import OrphanReport


class UpkeepListener:
    """Remembers what upkeep did in this process.

    Attributes:
        round: The last round over the cache, or None.
        report: The last orphan report, or None.
        error: What ended it early, or None.
    """

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self.round: CacheRound | None = None
        self.report: OrphanReport | None = None
        self.error: Exception | None = None
