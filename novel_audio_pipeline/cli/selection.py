"""Which chapters a command means: novels by id, chapters as ``1-3,7``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import click

_PART = re.compile(r"([a-z0-9-]{1,64})(?:/0*([1-9]\d{0,8})(?:/0*([1-9]\d{0,8}))?)?")
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


@dataclass(frozen=True, slots=True)
class Part:
    """A novel, one of its chapters, or one paragraph of one.

    Attributes:
        novel_id: Of the novel.
        chapter: Number, or None for all.
        paragraph: Number, or None for all.
    """

    novel_id: str
    chapter: int | None = None
    paragraph: int | None = None


class PartName(click.ParamType[Part]):
    """A part of a novel as ``so-do``, ``so-do/3`` or ``so-do/3/12``."""

    name = "part"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Part:
        """Return the part that a text names."""
        if isinstance(value, Part):
            return value
        match = _PART.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} names no part; write so-do, so-do/3 or so-do/3/12", param, ctx)
        novel_id, chapter, paragraph = match.groups()
        return Part(
            novel_id, int(chapter) if chapter else None, int(paragraph) if paragraph else None
        )
