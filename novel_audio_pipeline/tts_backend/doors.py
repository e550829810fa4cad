"""What every request passes before a route sees it: id, host, token, form and size of its body."""

import asyncio
import hmac
import logging
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from novel_audio_pipeline.tts_backend.metrics import Metrics
from novel_audio_pipeline.tts_backend.patience import ClientTooSlowError, send_patiently
from novel_audio_pipeline.tts_backend.refusals import RefusalError, error_answer
from novel_audio_pipeline.tts_backend.request_ids import give_request_id
from novel_audio_pipeline.tts_backend.settings import BackendSettings, is_loopback_host

_logger = logging.getLogger(__name__)
_OPEN_TO_ALL = ("/health", "/ready", "/api/tts/health")
_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH")
_BODY_METHODS = ("POST", "PUT", "PATCH")


class Doors:
    """ASGI middleware: gives each request an id and refuses what may not come in.

    Args:
        app: What lies behind.
        settings: Who may come in, and how much one may carry.
        metrics: Counts the answers.
    """

    def __init__(self, app: ASGIApp, *, settings: BackendSettings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = give_request_id(scope, headers.get("x-request-id", ""))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
                self._metrics.request_answered(
                    method=_method(scope), route=_route(scope), status=message["status"]
                )
            await send_patiently(send, message, timeout_s=self._settings.client_timeout_s)

        body = _LimitedBody(receive, settings=self._settings)
        self._inside += 1
        try:
            self._check(scope, headers)
            await self._app(scope, body.receive, send_with_id)
        except RefusalError as refusal:
            await error_answer(refusal, path=scope["path"])(scope, receive, send_with_id)
        except ClientTooSlowError:
            _logger.warning("client_too_slow", extra={"facts": {"request_id": request_id}})
        finally:
            self._inside -= 1

    def _check(self, scope: Scope, headers: Headers) -> None:
        if self._inside > self._settings.max_requests and scope["path"] not in _OPEN_TO_ALL:
            raise RefusalError(
                f"{self._settings.max_requests} requests are being answered already",
                status=503,
                code="too_many_requests",
                headers={"Retry-After": "1"},
            )
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

    def __init__(self, receive: Receive, *, settings: BackendSettings) -> None:
        self._receive = receive
        self._limit = settings.max_body_bytes
        self._timeout_s = settings.client_timeout_s
        self._is_whole = False
        self._received = 0

    async def receive(self) -> Message:
        if self._is_whole:  # what is waited for now is that the client leaves
            return await self._receive()
        try:
            async with asyncio.timeout(self._timeout_s):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, "the request body did not come in time") from error
        self._is_whole = not message.get("more_body", False)
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


def _route(scope: Scope) -> str:
    """Return the route as it was declared, so that ids do not become names of numbers."""
    return str(getattr(scope.get("route"), "path", "none"))


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "other"


def _too_large(limit: int) -> RefusalError:
    return RefusalError(
        f"the request body is larger than {limit} bytes", status=413, code="body_too_large"
    )


def _is_loopback_name(host: str) -> bool:
    """Return whether a ``Host`` header names this machine, with or without a port."""
    name = re.sub(r":[0-9]{1,5}$", "", host) if not host.endswith("]") else host
    return is_loopback_host(name)
