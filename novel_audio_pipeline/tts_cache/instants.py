"""File times as aware instants in whole microseconds."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)  # leaves room to add a time to live


def instant_of(nanoseconds: int) -> datetime:
    """Return the instant; a date beyond the year 9000 is that year."""
    try:
        return min(_LATEST, _EPOCH + timedelta(microseconds=nanoseconds // 1000))
    except OverflowError:
        return _LATEST
