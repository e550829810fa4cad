"""Numbers of chapters and paragraphs as people write them: ``1-3, 7``."""

from collections.abc import Iterable

_LONGEST = 12


def ranges_text(numbers: Iterable[int]) -> str:
    """Return the numbers as ranges, in order; of many ranges the first dozen and how many more."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    texts = [str(a) if a == b else f"{a}-{b}" for a, b in ranges[:_LONGEST]]
    left = sum(b - a + 1 for a, b in ranges[_LONGEST:])
    return ", ".join(texts) + (f" and {left} more" if left else "")
