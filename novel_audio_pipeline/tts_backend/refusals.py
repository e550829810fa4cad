"""What a client is told when it does not get what it asked for: statuses, codes, one JSON form."""

import errno
import logging
from collections.abc import Iterable
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.tts_backend.engines.base import (
    TEXT_NOT_SPOKEN,
    EngineBusyError,
    EngineError,
)
from novel_audio_pipeline.tts_backend.request_ids import request_id_of

_logger = logging.getLogger(__name__)
_CODE_OF_STATUS = {
    404: "not_found",
    405: "method_not_allowed",
    408: "body_too_slow",
    413: "body_too_large",
}
_STATUS_OF_ENGINE_CODE = {
    "speed_out_of_range": 422,
    "engine_refused": 422,
    TEXT_NOT_SPOKEN: 422,
    "stopping": 503,
    "engine_unavailable": 503,
}
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class RefusalError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        code: Stable name, ``lower_snake_case``.
        headers: Further headers of the answer.
    """

    def __init__(
        self, message: str, *, status: int, code: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}


def error_document(refusal: RefusalError, *, path: str) -> dict[str, Any]:
    """Return the body of every error.

    ``detail`` is where clients of the existing system look; below ``/v1/`` the error has the other
    two keys of OpenAI's.
    """
    error: dict[str, Any] = {"code": refusal.code, "message": str(refusal)}
    if path.startswith("/v1/"):
        is_theirs = refusal.status < 500  # noqa: PLR2004  # client errors end there
        error |= {"type": "invalid_request_error" if is_theirs else "server_error", "param": None}
    return {"error": error, "detail": str(refusal)}


def error_answer(refusal: RefusalError, *, path: str) -> JSONResponse:
    """Return the answer for a refusal."""
    document = error_document(refusal, path=path)
    return JSONResponse(document, status_code=refusal.status, headers=refusal.headers)


def refusal_of(error: Exception) -> RefusalError:
    """Return what a client is told of an error; of one that is none of ours, nothing but that."""
    if isinstance(error, RefusalError):
        return error
    if isinstance(error, RequestValidationError):
        return RefusalError(_validation_text(error), status=422, code="invalid_request")
    if isinstance(error, HTTPException):
        return _http_refusal(error)
    if isinstance(error, EngineError):
        return _engine_refusal(error)
    if isinstance(error, StorageError):
        return _storage_refusal(error)
    return RefusalError("the backend failed; its log says why", status=500, code="internal_error")


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """Answer an error raised while a request was handled."""
    refusal, path = refusal_of(error), request.url.path
    if refusal.status == 405:  # noqa: PLR2004  # what answers it knows one of a path's methods only
        refusal.headers["Allow"] = ", ".join(allowed_methods(request.app.state.routes, path))
    if refusal.status >= 500:  # noqa: PLR2004  # not the client's doing: whoever runs this looks it up
        facts = {
            "request_id": request_id_of(request.scope),
            "status": refusal.status,
            "code": refusal.code,
            "error": str(error),
        }
        _logger.error("request_failed", extra={"facts": facts})
    return error_answer(refusal, path=path)


def allowed_methods(routes: Iterable[BaseRoute], path: str) -> list[str]:
    """Return the methods that the routes have for a path, sorted."""
    return sorted(
        {
            method
            for route in routes
            if isinstance(route, Route) and route.path_regex.match(path)
            for method in route.methods or ()
        }
    )


def _http_refusal(error: HTTPException) -> RefusalError:
    if error.status_code == 400:  # noqa: PLR2004  # FastAPI's own for bytes that are no text
        return RefusalError("the body is no JSON text", status=422, code="invalid_request")
    code = _CODE_OF_STATUS.get(error.status_code, f"http_{error.status_code}")
    headers = dict(error.headers or {})
    return RefusalError(error.detail, status=error.status_code, code=code, headers=headers)


def _engine_refusal(error: EngineError) -> RefusalError:
    if isinstance(error, EngineBusyError):
        headers = {"Retry-After": str(error.retry_after_s)}
        return RefusalError(str(error), status=503, code=error.code, headers=headers)
    status = _STATUS_OF_ENGINE_CODE.get(error.code, 500)
    retry = {"Retry-After": "5"} if status == 503 else None  # noqa: PLR2004  # come back later
    return RefusalError(str(error), status=status, code=error.code, headers=retry)


def _storage_refusal(error: StorageError) -> RefusalError:
    """Tell what happened to the cache without its path."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in _DISK_FULL:
        return RefusalError("the disk of the TTS cache is full", status=507, code="disk_full")
    return RefusalError(
        "the TTS cache cannot be read or written; the backend's log says why",
        status=500,
        code="storage_failed",
    )


def _validation_text(error: RequestValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    return f"{where or 'body'}: {first['msg']}"
