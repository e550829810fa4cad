"""What every request passes before a route sees it: id, host, token, form and size of its body."""

import hmac
import re
import uuid
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from novel_audio_pipeline.tts_backend.refusals import RefusalError, error_answer
from novel_audio_pipeline.tts_backend.settings import BackendSettings, is_loopback_host

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OPEN_TO_ALL = ("/health", "/ready", "/api/tts/health")
_BODY_METHODS = ("POST", "PUT", "PATCH")


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    """Return the id that the request was given at the door."""
    return str(scope["novel_audio_request_id"])


class Doors:
    """ASGI middleware: gives each request an id and refuses what may not come in.

    Args:
        app: What lies behind.
        settings: Who may come in, and how much one may carry.
    """

    def __init__(self, app: ASGIApp, *, settings: BackendSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked_id = headers.get("x-request-id", "")
        request_id = asked_id if _REQUEST_ID.fullmatch(asked_id) else str(uuid.uuid4())
        scope["novel_audio_request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        body = _LimitedBody(receive, limit=self._settings.max_body_bytes)
        try:
            self._check(scope, headers)
            await self._app(scope, body.receive, send_with_id)
        except RefusalError as refusal:
            await error_answer(refusal)(scope, receive, send_with_id)

    def _check(self, scope: Scope, headers: Headers) -> None:
        if self._settings.is_loopback and not _is_loopback_name(headers.get("host", "")):
            raise RefusalError(
                "this backend answers only to names of its own machine",
                status=403,
                code="wrong_host",
            )
        if scope["path"] not in _OPEN_TO_ALL:
            self._check_token(headers.get("authorization", ""))
        if scope["method"] in _BODY_METHODS:
            _check_body(headers, limit=self._settings.max_body_bytes)

    def _check_token(self, authorization: str) -> None:
        if self._settings.token is None:
            return
        scheme, _, token = authorization.partition(" ")
        # Compared as bytes: the comparison of texts refuses what is not ASCII by an exception.
        is_right = hmac.compare_digest(token.strip().encode(), self._settings.token.encode())
        if scheme.lower() != "bearer" or not is_right:
            raise RefusalError(
                "this backend wants its token: Authorization: Bearer <API_TOKEN>",
                status=401,
                code="unauthorized",
                headers={"WWW-Authenticate": "Bearer"},
            )


class _LimitedBody:
    """A request body that ends in a refusal when it grows beyond its limit."""

    def __init__(self, receive: Receive, *, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._received = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            # FastAPI turns every other error of reading a body into a 400 of its own.
            raise HTTPException(413, str(_too_large(self._limit)))
        return message


def _check_body(headers: Headers, *, limit: int) -> None:
    """Refuse a body too large by its own word, or one that a foreign page could have sent."""
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    has_body = length not in ("", "0") or "transfer-encoding" in headers
    media_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if (has_body or media_type) and media_type != "application/json":
        raise RefusalError(
            "send JSON, with Content-Type: application/json",
            status=415,
            code="json_only",
        )


def _too_large(limit: int) -> RefusalError:
    return RefusalError(
        f"the request body is larger than {limit} bytes", status=413, code="body_too_large"
    )


def _is_loopback_name(host: str) -> bool:
    """Return whether a ``Host`` header names this machine, with or without a port."""
    name = re.sub(r":[0-9]{1,5}$", "", host) if not host.endswith("]") else host
    return is_loopback_host(name)
