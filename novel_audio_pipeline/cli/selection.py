"""Which chapters a command means: novels by id, chapters as ``1-3,7``."""

import re
from collections.abc import Sequence

import click

_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


class ChapterNumbers(click.ParamType[tuple[range, ...]]):
    """Chapter numbers as ``1-3,7``: a sorted tuple without repetitions."""

    name = "chapters"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[range, ...]:
        """Return the ranges, in order as given."""
        if isinstance(value, tuple):
            return value
        ranges = []
        for part in str(value).split(","):
            match = _RANGE.fullmatch(part.strip())
            first = int(match[1]) if match else 0
            last = int(match[2] or first) if match else 0
            if not 1 <= first <= last:
                self.fail(f"{value!r} does not name chapters; write them as 1-3,7", param, ctx)
            ranges.append(range(first, last + 1))
        return tuple(ranges)


def is_selected(number: int, ranges: Sequence[range] | None) -> bool:
    """Return whether a chapter is meant; no ranges mean all."""
    return not ranges or any(number in part for part in ranges)
