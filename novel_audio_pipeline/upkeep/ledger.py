"""What Dagster's records say of the audio, as upkeep compares it with the disk."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DagsterLedger:
    """What Dagster's records say.

    Attributes:
        partitions: All keys of the partitions ``chapters``.
        materialized: Data version of the organized audio by partition key.
    """

    partitions: tuple[str, ...]
    materialized: Mapping[str, str]
