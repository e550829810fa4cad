"""Results beside their budgets, and an exit status that tells whether all were kept."""

import sys
from dataclasses import dataclass, field


@dataclass
class Budgets:
    """Says of each result whether it keeps its budget, and remembers those that do not.

    Attributes:
        missed: What was measured and fell short.
    """

    missed: list[str] = field(default_factory=list)

    def at_least(self, what: str, measured: float, floor: float) -> str:
        """Return the verdict in words: the result must not lie below the floor."""
        return self._verdict(what, measured, "at least", floor, is_kept=measured >= floor)

    def at_most(self, what: str, measured: float, ceiling: float) -> str:
        """Return the verdict in words: the result must not lie above the ceiling."""
        return self._verdict(what, measured, "at most", ceiling, is_kept=measured <= ceiling)

    def leave(self) -> None:
        """End the program with status 1 if a budget was missed, and name what it was."""
        if self.missed:
            print("missed: " + "; ".join(self.missed))
            sys.exit(1)

    def _verdict(
        self, what: str, measured: float, bound: str, limit: float, *, is_kept: bool
    ) -> str:
        told = f"{bound} {limit:.2f} {'reached' if is_kept else 'NOT reached'}"
        if not is_kept:
            self.missed.append(f"{what} {measured:.2f}, {bound} {limit:.2f}")
        return told
