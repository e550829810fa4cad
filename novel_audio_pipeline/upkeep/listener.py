"""Who started upkeep and wants to know how it went: the command line, through Dagster."""

from typing import TYPE_CHECKING

from novel_audio_pipeline.upkeep.cache_upkeep import CacheRound

if TYPE_CHECKING:  # the report loads pandas, which only its own runs need
    from novel_audio_pipeline.upkeep.report import OrphanReport


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
