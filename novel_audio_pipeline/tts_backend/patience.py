"""How long slow clients are waited for: with their request, its body, and taking the answer."""

import asyncio

from starlette.types import Message, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BLOCK_BYTES = 256 * 1024


class ClientTooSlowError(Exception):
    """A client does not take what is sent to it."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself waits for ever for the end of a request's headers."""

    head_timeout_s = 20.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take a connection; its first request has its time."""
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Take what came; a request that has begun has its time."""
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the connection."""
        self._forget()
        super().connection_lost(exc)

    def _watch_head(self) -> None:
        is_between_requests = self.cycle is None or self.cycle.response_complete
        if not is_between_requests or self.timeout_keep_alive_task is not None:
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.head_timeout_s, self.transport.close)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


async def send_patiently(send: Send, message: Message, *, timeout_s: float) -> None:
    """Send a message of an answer, a large body in blocks; each must be taken in its time.

    Raises:
        ClientTooSlowError: If a block is not; the connection is to be given up.
    """
    body = message.get("body", b"")
    if len(body) > BLOCK_BYTES:
        rest = memoryview(body)
        while len(rest) > BLOCK_BYTES:
            block = {**message, "body": bytes(rest[:BLOCK_BYTES]), "more_body": True}
            await _send(send, block, timeout_s=timeout_s)
            rest = rest[BLOCK_BYTES:]
        message = {**message, "body": bytes(rest)}
    await _send(send, message, timeout_s=timeout_s)


async def _send(send: Send, message: Message, *, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await send(message)
    except TimeoutError as error:
        raise ClientTooSlowError from error
