"""The id of a request: the client's own or a new one, told in the answer, in records and in the log."""

import re
import uuid
from collections.abc import MutableMapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = "novel_audio_request_id"


def give_request_id(scope: MutableMapping[str, Any], asked: str) -> str:
    """Give the request the id it asked for, if that is a plain one, else a new one; return it."""
    scope[_KEY] = asked if _PLAIN.fullmatch(asked) else str(uuid.uuid4())
    return request_id_of(scope)


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    """Return the id that the request was given at the door."""
    return str(scope[_KEY])
