"""Instants: aware, in UTC, in whole microseconds; from file times, and as text."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)  # leaves room to add a time to live
_LATEST_US = (_LATEST - _EPOCH) // timedelta(microseconds=1)


def instant_of(nanoseconds: int) -> datetime:
    """Return the instant; a date beyond the year 9000 is that year."""
    microseconds = nanoseconds // 1000
    return _LATEST if microseconds >= _LATEST_US else _EPOCH + timedelta(microseconds=microseconds)


def instant_text(instant: datetime) -> str:
    """Return an aware instant as ISO 8601 in UTC with microseconds and ``Z``.

    Raises:
        ValueError: If the instant has no timezone.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant has a timezone")
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
