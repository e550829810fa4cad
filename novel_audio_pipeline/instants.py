"""Instants: aware, in UTC, in whole microseconds; from file times, and as text."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)  # leaves room to add a time to live
_EARLIEST = datetime(1000, 1, 1, tzinfo=UTC)  # leaves room to subtract, and to print in any zone
_LATEST_US, _EARLIEST_US = (
    (bound - _EPOCH) // timedelta(microseconds=1) for bound in (_LATEST, _EARLIEST)
)


def instant_of(nanoseconds: int) -> datetime:
    """Return the instant; a date before the year 1000 or beyond 9000 is that year."""
    microseconds = nanoseconds // 1000
    if microseconds >= _LATEST_US:
        return _LATEST
    if microseconds <= _EARLIEST_US:
        return _EARLIEST
    return _EPOCH + timedelta(microseconds=microseconds)


def instant_text(instant: datetime) -> str:
    """Return an aware instant as ISO 8601 in UTC with microseconds and ``Z``.

    Raises:
        ValueError: If the instant has no timezone.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant has a timezone")
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
