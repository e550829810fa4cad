"""What an orphan report found. This loads no pandas, as making one does: who passes it on need not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from novel_audio_pipeline.upkeep.finding import KINDS

if TYPE_CHECKING:
    import pandas as pd

    from novel_audio_pipeline.upkeep.cache_inventory import CacheInventory

PARQUET_FILE, CSV_FILE = PurePosixPath("orphans.parquet"), PurePosixPath("orphans.csv")
COLUMNS = (
    "code",
    "severity",
    "area",
    "path",
    "message",
    "advice",
    "novel_id",
    "size_bytes",
    "age_s",
)
_SHOWN_COLUMNS = ["severity", "code", "path", "message", "size_bytes", "age_s"]
_NUMBERS = {"i": "int", "f": "float"}


@dataclass(frozen=True)
class TableRows:
    """A table to show.

    Attributes:
        names: Of its columns.
        numbers: ``int`` or ``float`` by the name of each column of numbers; the others are text.
        rows: Values by column, None where there is none.
    """

    names: list[str]
    numbers: Mapping[str, str]
    rows: list[Mapping[str, Any]]


@dataclass(frozen=True)
class OrphanReport:
    """What one report found.

    Attributes:
        at: When the look began.
        findings: One row for each, columns as ``COLUMNS``; errors first.
        files: Files seen in the library.
        library_bytes: Audio in the library, by ``novel_id``.
        cache: What lay in the cache.
        seconds: How long it took.
    """

    at: datetime
    findings: "pd.DataFrame"
    files: int
    library_bytes: "pd.Series[int]"
    cache: "CacheInventory"
    seconds: float

    def count(self, severity: str) -> int:
        """Return how many findings have a severity."""
        return int((self.findings["severity"] == severity).sum())

    def library_errors(self) -> "pd.DataFrame":
        """Return the errors about audio that should be there."""
        found = self.findings
        return found[(found["severity"] == "error") & found["area"].isin(["library", "dagster"])]

    def found(self, *, rows: int) -> TableRows:
        """Return the first findings."""
        return _table(self.findings[_SHOWN_COLUMNS].head(rows))

    def library_errors_found(self, *, rows: int) -> TableRows:
        """Return the first errors about audio that should be there."""
        return _table(self.library_errors()[_SHOWN_COLUMNS].head(rows))

    def found_by_code(self) -> TableRows:
        """Return one row for each code found: severity, number, bytes, advice."""
        by_code = self.findings.groupby("code", sort=False)["size_bytes"]
        counted = by_code.agg(found="count", size_bytes="sum").reset_index()
        told = counted.assign(
            severity=[KINDS[code].severity for code in counted["code"]],
            advice=[KINDS[code].advice for code in counted["code"]],
        )
        return _table(told[["severity", "code", "found", "size_bytes", "advice"]])


def _table(frame: "pd.DataFrame") -> TableRows:
    kinds = {str(name): kind.kind for name, kind in frame.dtypes.items()}
    values = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return TableRows(
        names=[*kinds],
        numbers={name: _NUMBERS[kind] for name, kind in kinds.items() if kind in _NUMBERS},
        rows=[{str(name): value for name, value in row.items()} for row in values],
    )
