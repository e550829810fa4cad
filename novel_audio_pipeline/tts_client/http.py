"""Asking a TTS backend over HTTP: the only module that knows httpx.

One call, one request, no retries: whether to ask again is decided by who asks, from the class of
the error.
"""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import json
import math
import re
from collections.abc import AsyncIterator, Mapping
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
    SettingError,
    SpeechRefusedError,
)
from novel_audio_pipeline.speech.request import FILE_ID_PATTERN, SpeechRequest
from novel_audio_pipeline.tts_client.dialect import Dialect
from novel_audio_pipeline.tts_client.listing import LIST_CALL, ListedPage, read_page
from novel_audio_pipeline.tts_client.openapi import SYNTHESIZE_PATH, read_document
from novel_audio_pipeline.tts_client.recognition import recognized
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
DEFAULT_CACHE_TTL = timedelta(hours=2)
_BUSY_STATUSES = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})
# What a proxy says of a backend that is down or being restarted.
_NO_ANSWER_STATUSES = frozenset({httpx.codes.BAD_GATEWAY, httpx.codes.GATEWAY_TIMEOUT})
_REPR_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]+):")


class TtsClient:
    """An asynchronous client of one TTS backend, ours or another's. Use it as ``async with``.

    What kind of backend it is, is read once from ``/openapi.json``, before the first call that
    depends on it. Every method raises ``BackendUnreachableError`` when there is no answer (a proxy says
    so with 502 or 504), ``BackendBusyError`` on 408, 429 and other 5xx, ``AudioTransferError`` when an answer breaks off or is none of the
    contract's, and ``SpeechRefusedError`` on any other refusal; every method but ``health`` raises
    ``SettingError`` if what answers is no TTS backend known here.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        connections: int = CONNECTIONS_PER_POOL,
        cache_ttl: timedelta = DEFAULT_CACHE_TTL,
        dialect: Dialect | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            url: Address of the backend, without a path.
            token: Bearer token, or empty.
            connections: Requests under way at once, at least 1.
            cache_ttl: How long entries are wanted in the cache, for backends that ask.
            dialect: What kind of backend it is, if that is known; else it is asked.
        """
        self.url = url.rstrip("/")
        self._expiry_hours = math.ceil(cache_ttl / timedelta(hours=1))
        self._dialect = dialect
        self._recognizing = asyncio.Lock()
        self._alone = asyncio.Lock()
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

    async def dialect(self) -> Dialect:
        """Return what kind of backend it is; asked once, without side effects there."""
        async with self._recognizing:
            if self._dialect is None:
                self._dialect = await self._recognized()
            return self._dialect

    async def max_chars(self, model: str) -> int | None:
        """Return the longest text a model of this backend takes at once, or None if none is known."""
        return (await self.dialect()).max_chars(model)

    async def synthesize(self, request: SpeechRequest) -> CachedSpeech | SkippedSpeech:
        """Ask for speech and return where the backend cached it."""
        timeout = ANSWER_TIMEOUT_S + SYNTHESIS_TIMEOUT_S_PER_CHAR * len(request.text)
        async with self._turn() as dialect:
            response = await self._ask(
                "POST",
                SYNTHESIZE_PATH,
                json=dialect.body(request, expiry_hours=self._expiry_hours),
                timeout=httpx.Timeout(timeout, connect=CONNECT_TIMEOUT_S),
            )
        # Audio, from a backend that does not know return_audio, still has its id in a header.
        is_audio = response.headers.get("Content-Type", "").startswith("audio/")
        body = {} if is_audio else _json(response)
        return dialect.read(response.headers, body, where=self.url)

    async def download(self, file_id: str) -> DownloadedAudio:
        """Return the audio of a cache entry, whole and compared with what was promised.

        Raises:
            CacheEntryGoneError: If the backend does not know the entry (any more).
            AudioTransferError: If the body is shorter than promised, or its digest differs.
        """
        path = f"/api/tts/audio/{_checked(file_id)}"
        try:
            async with self._turn():
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

    async def evict(self, file_id: str, *, sha256: str | None = None) -> bool:
        """Ask for the deletion of a cache entry; return whether the backend says it did that.

        False without asking if the backend has no DELETE. See ``Dialect.keeps_its_word`` for what
        the answer is worth.

        Args:
            file_id: Name of the entry.
            sha256: Digest of the audio that is to be deleted, told to the backend as a condition
                (``If-Match``, RFC 9110); None for whatever the entry holds.
        """
        path = f"/api/tts/audio/{_checked(file_id)}"
        if not (await self.dialect()).has_delete:
            return False
        condition = {"If-Match": f'"{sha256}"'} if sha256 else {}
        try:
            async with self._turn():
                await self._ask("DELETE", path, headers=condition)
        except _NotFoundError:
            return False
        return True

    async def files(self, *, cursor: str = "") -> ListedPage | None:
        """Return a page of what lies in the cache, or None if this backend does not list it.

        Args:
            cursor: ``next_cursor`` of the page before; ``""`` begins.
        """
        if LIST_CALL not in (await self.dialect()).document.calls:
            return None
        body = _json(await self._ask("GET", LIST_CALL[1], params={"cursor": cursor}))
        return read_page(body, where=self.url)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[Dialect]:
        """Wait until the backend may be asked; a second request to some would only time out there."""
        dialect = await self.dialect()
        async with self._alone if dialect.one_at_a_time else contextlib.nullcontext():
            yield dialect

    async def _recognized(self) -> Dialect:
        """Read the backend's document and tell its dialect from it."""
        try:
            response = await self._ask("GET", "/openapi.json")
        except SpeechRefusedError as error:
            raise SettingError(
                f"what kind of TTS backend answers at {self.url} cannot be told: {error}. Check "
                "TTS_BACKEND_URL, and API_TOKEN if the backend wants a token"
            ) from error
        try:
            document = _json(response)
        except AudioTransferError as error:
            raise SettingError(
                f"no TTS backend answers at {self.url}: {error}. Check TTS_BACKEND_URL"
            ) from error
        return recognized(read_document(document), where=self.url)

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
        if response.status_code in _NO_ANSWER_STATUSES:
            raise BackendUnreachableError(told)
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
