"""Asking a TTS backend over HTTP: the only module that knows httpx.

One call, one request, no retries: whether to ask again is decided by who asks, from the class of
the error.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from novel_audio_pipeline.audio.wav import declared_length_bytes
from novel_audio_pipeline.errors import (
    AudioTransferError,
    BackendBusyError,
    BackendUnreachableError,
    CacheEntryGoneError,
    SpeechRefusedError,
)
from novel_audio_pipeline.speech.request import FILE_ID_PATTERN, SpeechRequest
from novel_audio_pipeline.tts_client.replies import (
    BackendHealth,
    CachedSpeech,
    DownloadedAudio,
    SkippedSpeech,
)

# httpx's pool searches all connections at each request: above 8 it slows down quadratically.
CONNECTIONS_PER_POOL = 8
CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0
SYNTHESIS_TIMEOUT_S_PER_CHAR = 0.3
_BUSY_STATUSES = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})
_REPR_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]+):")


class TtsClient:
    """An asynchronous client of one TTS backend. Use it as ``async with``.

    Every method raises ``BackendUnreachableError`` when there is no answer, ``BackendBusyError``
    on 408, 429 and 5xx, ``AudioTransferError`` when an answer breaks off or is none of the
    contract's, and ``SpeechRefusedError`` on any other refusal.
    """

    def __init__(
        self, url: str, *, token: str = "", connections: int = CONNECTIONS_PER_POOL
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            url: Address of the backend, without a path.
            token: Bearer token, or empty.
            connections: Requests under way at once, at least 1.
        """
        self.url = url.rstrip("/")
        self._client = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            transport=_ShardedTransport(connections),
            trust_env=False,  # a proxy for the web is none for a backend on this machine
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    async def health(self) -> BackendHealth:
        """Return what the backend tells about itself."""
        body = _json(await self._ask("GET", "/health"))
        hours = body.get("expiry_hours")
        return BackendHealth(
            service=str(body.get("service", "")),
            version=str(body.get("version", "")),
            expiry=timedelta(hours=hours) if isinstance(hours, int | float) else None,
        )

    async def synthesize(self, request: SpeechRequest) -> CachedSpeech | SkippedSpeech:
        """Ask for speech and return where the backend cached it."""
        timeout = ANSWER_TIMEOUT_S + SYNTHESIS_TIMEOUT_S_PER_CHAR * len(request.text)
        response = await self._ask(
            "POST",
            "/api/tts/synthesize",
            json={
                "text": request.text,
                "model": request.model,
                "voice": request.voice,
                "language": request.language,
                "speed": request.speed,
                "take": request.take,
                "store": True,
                "return_audio": False,
            },
            timeout=httpx.Timeout(timeout, connect=CONNECT_TIMEOUT_S),
        )
        body = _json(response)
        if body.get("skipped"):
            return SkippedSpeech(reason=str(body.get("reason", "")))
        entry = body.get("file_metadata") or {}
        file_id = response.headers.get("X-File-ID") or entry.get("file_id") or ""
        if not FILE_ID_PATTERN.fullmatch(str(file_id)):
            raise AudioTransferError(
                f"{self.url} answered 200 to a synthesis without a usable file_id ({file_id!r})"
            )
        return CachedSpeech(
            file_id=str(file_id),
            already_cached=bool(body.get("cached")),
            expires_at=_instant(response.headers.get("X-Expires-At") or entry.get("expires_at")),
            engine=str(entry.get("engine") or body.get("engine") or ""),
            voice=str(entry.get("voice") or ""),
        )

    async def download(self, file_id: str) -> DownloadedAudio:
        """Return the audio of a cache entry, whole and compared with what was promised.

        Raises:
            CacheEntryGoneError: If the backend does not know the entry (any more).
            AudioTransferError: If the body is shorter than promised, or its digest differs.
        """
        path = f"/api/tts/audio/{_checked(file_id)}"
        try:
            response = await self._ask("GET", path, headers={"Accept-Encoding": "identity"})
        except _NotFoundError as error:
            raise CacheEntryGoneError(
                f"{self.url} does not hold {file_id}: it expired or was evicted"
            ) from error
        data = response.content
        return DownloadedAudio(
            data=data,
            sha256=hashlib.sha256(data).hexdigest(),
            verified_by=_proof(data, response.headers, where=f"{self.url}{path}"),
        )

    async def evict(self, file_id: str) -> bool:
        """Delete a cache entry; return False if the backend did not know it."""
        try:
            await self._ask("DELETE", f"/api/tts/audio/{_checked(file_id)}")
        except _NotFoundError:
            return False
        return True

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request and return its answer, or raise by our tree of errors."""
        try:
            response = await self._client.request(method, path, **options)
        except (httpx.RemoteProtocolError, httpx.DecodingError) as error:
            raise AudioTransferError(
                f"the answer of {self.url} to {method} {path} broke off: {error}"
            ) from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise BackendUnreachableError(
                f"no answer from the TTS backend at {self.url} to {method} {path}: {reason}"
            ) from error
        if response.is_success:
            return response
        code, message = _refusal(response)
        told = f"{self.url} answered {response.status_code} to {method} {path}: {message}"
        if response.status_code in _BUSY_STATUSES or response.is_server_error:
            raise BackendBusyError(told, retry_after=_retry_after(response.headers))
        if response.status_code == httpx.codes.NOT_FOUND:
            raise _NotFoundError(told, code=code)
        raise SpeechRefusedError(told, code=code)


class _NotFoundError(SpeechRefusedError):
    """404: what it means depends on the call."""


class _ShardedTransport(httpx.AsyncBaseTransport):
    """Spreads requests over pools of eight connections, in turn."""

    def __init__(self, connections: int) -> None:
        pools = -(-max(1, connections) // CONNECTIONS_PER_POOL)
        limits = httpx.Limits(
            max_connections=CONNECTIONS_PER_POOL, max_keepalive_connections=CONNECTIONS_PER_POOL
        )
        self._pools = [httpx.AsyncHTTPTransport(limits=limits) for _ in range(pools)]
        self._turn = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._turn = (self._turn + 1) % len(self._pools)
        return await self._pools[self._turn].handle_async_request(request)

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.aclose()


def _checked(file_id: str) -> str:
    """Return the id if it is one; it becomes part of an address."""
    if not FILE_ID_PATTERN.fullmatch(file_id):
        raise ValueError(f"a file_id is 32 lowercase hex digits, got {file_id!r}")
    return file_id


def _json(response: httpx.Response) -> Mapping[str, Any]:
    """Return the answer's JSON object; anything else is a broken transfer."""
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise AudioTransferError(
            f"{response.url} answered with something that is no JSON"
        ) from error
    if not isinstance(body, dict):
        raise AudioTransferError(f"{response.url} answered with JSON that is no object")
    return body


def _proof(data: bytes, headers: httpx.Headers, *, where: str) -> str:
    """Return by what the body was verified: ``digest``, ``size`` or ``structure``.

    ``Repr-Digest``: RFC 9530. A body shorter than its Content-Length does not get here: the
    connection has broken off before.
    """
    if match := _REPR_DIGEST.search(headers.get("Repr-Digest", "")):
        if _decoded(match[1]) != hashlib.sha256(data).digest():
            raise AudioTransferError(
                f"{where}: {len(data)} bytes whose digest is not the promised one"
            )
        return "digest"
    declared = declared_length_bytes(data)
    if declared is not None and declared > len(data):
        raise AudioTransferError(f"{where}: {len(data)} bytes of a WAV that declares {declared}")
    if "Content-Length" in headers:
        return "size"
    if declared != len(data):
        raise AudioTransferError(
            f"{where}: {len(data)} bytes without length or digest, and the WAV does not tell its "
            "own; a truncated download would look the same"
        )
    return "structure"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _refusal(response: httpx.Response) -> tuple[str, str]:
    """Return the code and the sentence of an error answer, whichever form it has."""
    code = f"http_{response.status_code}"
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return code, response.text[:200] or response.reason_phrase
    error = body.get("error", body.get("detail")) if isinstance(body, dict) else body
    if isinstance(error, dict):
        return str(error.get("code") or code), str(error.get("message") or error)[:500]
    return code, str(error)[:500]


def _retry_after(headers: httpx.Headers) -> timedelta | None:
    """Return how long to wait (RFC 9110, 10.2.3: seconds or a date), or None."""
    text = headers.get("Retry-After", "")
    if text.isdecimal():
        return timedelta(seconds=int(text))
    try:
        return max(timedelta(0), parsedate_to_datetime(text) - datetime.now(UTC))
    except (TypeError, ValueError):
        return None


def _instant(text: object) -> datetime | None:
    """Return an instant, or None if there is none or it has no time zone."""
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else None
