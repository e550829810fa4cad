"""What was measured beside what is wanted."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure.

    Attributes:
        what: Was measured.
        value: Measured.
        unit: Of value and budget.
        budget: At most this (or at least, if ``at_least``); None if nothing is asked for.
        at_least: Whether more is better.
        remark: How it came about.
    """

    what: str
    value: float
    unit: str = "s"
    budget: float | None = None
    at_least: bool = False
    remark: str = ""

    @property
    def holds(self) -> bool:
        if self.budget is None:
            return True
        return self.value >= self.budget if self.at_least else self.value <= self.budget

    def cells(self) -> tuple[str, ...]:
        bound = ">=" if self.at_least else "<="
        budget = "" if self.budget is None else f"{bound} {self.budget:g} {self.unit}"
        return (
            self.what,
            f"{self.value:.2f} {self.unit}",
            budget,
            "" if self.budget is None else ("yes" if self.holds else "NO"),
            self.remark,
        )


def table(measures: Sequence[Measure]) -> str:
    """Return them as a Markdown table, which can be read as it is."""
    rows = [
        ("what", "measured", "budget", "held", ""),
        *(measure.cells() for measure in measures),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say that something begins, and how long it took."""
    print(f"{what} ...", flush=True)
    started = time.perf_counter()
    yield
    print(f"  {time.perf_counter() - started:.1f} s", flush=True)
