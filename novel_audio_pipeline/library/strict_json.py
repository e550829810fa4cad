"""Reading JSON that must have a known form: every wrong field is an error that names it."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from novel_audio_pipeline.library.record import RecordError

SCHEMA_VERSION = 1


def dump(fields: Mapping[str, object]) -> bytes:
    """Return the JSON for a file: UTF-8, indented by two, no newline at the end."""
    return json.dumps(fields, ensure_ascii=False, indent=2, allow_nan=False).encode()


class StrictFields:
    """The fields of one JSON object, each asked for with its type.

    Attributes:
        what: Names the object in errors.
    """

    def __init__(self, fields: Mapping[str, object], *, what: str) -> None:
        self._fields = fields
        self.what = what

    @classmethod
    def parse(cls, data: bytes, *, what: str) -> "StrictFields":
        """Read a whole file that holds one object of our schema version.

        Raises:
            RecordError: If it is no JSON object, or of another version.
        """
        try:
            fields = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{what} is no JSON: {error}") from error
        if not isinstance(fields, dict):
            raise RecordError(f"{what} is no JSON object")
        found = cls(fields, what=what)
        version = fields.get("schemaVersion")
        if version != SCHEMA_VERSION:
            raise RecordError(
                f"{what} has schemaVersion {version!r}, and {SCHEMA_VERSION} is understood here: "
                "it was written by the existing system (adopt it) or by a newer program"
            )
        return found

    def text(self, name: str) -> str:
        """Return a string."""
        value = self._fields.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def text_or_none(self, name: str) -> str | None:
        """Return a string, or None for null or absent."""
        return None if self._fields.get(name) is None else self.text(name)

    def digest(self, name: str) -> str:
        """Return 64 lowercase hex digits."""
        value = self.text(name)
        if len(value) != 64 or set(value) - set("0123456789abcdef"):  # noqa: PLR2004 - SHA-256
            raise self.wrong(name, "64 lowercase hex digits")
        return value

    def whole(self, name: str, *, least: int = 0) -> int:
        """Return an integer that is not less than ``least``."""
        value = self._fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(name, f"a whole number from {least}")
        return value

    def number(self, name: str) -> float:
        """Return a finite number that is not negative."""
        value = self._fields.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong(name, "a number")
        if not 0 <= value < math.inf:  # false for NaN too
            raise self.wrong(name, "a finite number from 0")
        try:
            return float(value)
        except OverflowError as error:
            raise self.wrong(name, "a number of usual size") from error

    def number_or_none(self, name: str) -> float | None:
        """Return a number, or None for null or absent."""
        return None if self._fields.get(name) is None else self.number(name)

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self._fields.get(name)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def instant(self, name: str) -> datetime:
        """Return an aware instant."""
        try:
            value = datetime.fromisoformat(self.text(name))
        except ValueError as error:
            raise self.wrong(name, "an instant in ISO 8601") from error
        if value.tzinfo is None:
            raise self.wrong(name, "an instant with a timezone")
        return value.astimezone(UTC)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an array of strings; absent is empty."""
        value = self._fields.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "an array of strings")
        return tuple(value)

    def objects(self, name: str) -> list["StrictFields"]:
        """Return an array of objects; absent is empty."""
        return [StrictFields(item, what=f"{self.what}, {name}") for item in self.raw_objects(name)]

    def raw_objects(self, name: str) -> list[dict[str, Any]]:
        """Return the same as it stands there, for whoever looks at its fields himself."""
        value = self._fields.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(name, "an array of objects")
        return value

    def wrong(self, name: str, expected: str) -> RecordError:
        """Return the error for a field that is not what it must be."""
        value = repr(self._fields.get(name))
        return RecordError(f"{self.what}: {name} must be {expected}, got {value[:80]}")
