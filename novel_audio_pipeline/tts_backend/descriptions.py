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
    """Return the description of an answer that is audio."""
    return {
        status: {
            "description": "The audio.",
            "content": {
                name: {"schema": {"type": "string", "format": "binary"}} for name in media_types
            },
            "headers": _AUDIO_HEADERS,
        }
    }
