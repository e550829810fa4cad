"""The ``Range`` header of a download (RFC 9110, section 14); pure."""

import re

_SINGLE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class RangeNotSatisfiableError(Exception):
    """The range begins behind the end: to be answered with 416."""


def byte_range(header: str | None, *, size: int) -> tuple[int, int] | None:
    """Return first byte and number of bytes asked for, or None for all of them.

    Several ranges, another unit, or what makes no sense count as no range, as the RFC allows.

    Raises:
        RangeNotSatisfiableError: If not one of the bytes exists.
    """
    match = _SINGLE_RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0] == "bytes=-":
        return None
    if match[1] == "":
        length = min(int(match[2]), size)
        first = size - length
    else:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < first:
            return None
        length = last - first + 1
    if length <= 0:
        raise RangeNotSatisfiableError
    return first, length
