"""What OpenAPI tells of answers that are not a route's own return type: errors and audio."""

from typing import Any

from pydantic import BaseModel

Responses = dict[int | str, dict[str, Any]]

_AUDIO_HEADERS = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in {
        "X-File-ID": "Name of the cache entry; empty if it is not stored.",
        "X-Expires-At": "When it stops being served, UTC; empty if it is not stored.",
        "Repr-Digest": "SHA-256 of the body, in the form of RFC 9530.",
        "ETag": "SHA-256 of the audio, in hex.",
    }.items()
}
_BINARY = {"type": "string", "format": "binary"}
_RECORD = {
    "type": "object",
    "description": "The record of the entry, or why there is none (`skipped`, with its `reason`).",
    "required": ["success", "request_id", "model", "sample_rate", "duration_seconds"],
    "properties": {
        "success": {"type": "boolean"},
        "request_id": {"type": "string"},
        "model": {"type": "string"},
        "sample_rate": {"type": "integer"},
        "duration_seconds": {"type": "number"},
        "file_metadata": {"anyOf": [{"type": "object"}, {"type": "null"}]},
        "cached": {"type": "boolean"},
        "skipped": {"type": "boolean"},
        "reason": {"type": "string"},
        "notices": {"type": "array", "items": {"type": "string"}},
    },
}
_MEANINGS = {
    400: "The text is blank.",
    401: "The token is missing or wrong.",
    403: "The Host header names another machine.",
    404: "There is no such entry, or it has expired.",
    405: "There is no such method here.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    416: "The range lies behind the end.",
    422: "Something asked for is wrong or not here; the code says what.",
    500: "The engine failed twice, or the cache cannot be read or written.",
    503: "Too much is waiting, or the backend stops; Retry-After says when to ask again.",
    507: "There is no room to store more.",
}


class ErrorFacts(BaseModel):
    """What is wrong."""

    code: str
    message: str
    type: str | None = None
    param: str | None = None


class ErrorDocument(BaseModel):
    """The body of every error."""

    error: ErrorFacts
    detail: str


def errors(*statuses: int) -> Responses:
    """Return the description of these statuses, and of those that every route may answer."""
    return {
        status: {"model": ErrorDocument, "description": _MEANINGS[status]}
        for status in sorted({401, 403, 422, 503, *statuses})
    }


def audio(*media_types: str, status: int = 200) -> Responses:
    """Return the description of an answer that is audio in one of these types, or a record."""
    contents: dict[str, dict[str, Any]] = {name: {"schema": _BINARY} for name in media_types}
    if "application/json" in contents:
        contents["application/json"] = {"schema": _RECORD}
    return {
        status: {
            "description": "The audio." if len(contents) == 1 else "The audio, or its record.",
            "content": contents,
            "headers": _AUDIO_HEADERS,
        }
    }
