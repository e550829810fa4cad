"""Answers that carry audio: whole, in part, or only their headers."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from io import BufferedReader

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from novel_audio_pipeline.instants import instant_text
from novel_audio_pipeline.tts_backend.ranges import RangeNotSatisfiableError, byte_range
from novel_audio_pipeline.tts_backend.refusals import RefusalError
from novel_audio_pipeline.tts_cache.opened import OpenedEntry

MEDIA_TYPE = "audio/wav"
_BLOCK_BYTES = 256 * 1024


def repr_digest(sha256: str) -> str:
    """Return the value of ``Repr-Digest`` (RFC 9530) for a digest in hex."""
    return f"sha-256=:{base64.b64encode(binascii.unhexlify(sha256)).decode()}:"


def repr_digest_of(data: bytes) -> str:
    """Return the value of ``Repr-Digest`` for these bytes."""
    return repr_digest(hashlib.sha256(data).hexdigest())


def audio_headers(file_id: str, *, sha256: str, expires_at: datetime | None) -> dict[str, str]:
    """Return the headers that go with audio, stored or not (no expiry, empty as in older systems)."""
    return {
        "X-File-ID": file_id if expires_at else "",
        "X-Expires-At": instant_text(expires_at) if expires_at else "",
        "Repr-Digest": repr_digest(sha256),
        "ETag": f'"{sha256}"',
        "Accept-Ranges": "bytes" if expires_at else "none",
        "Content-Disposition": f'inline; filename="{file_id}.wav"',
        "Cache-Control": "private, no-cache",
    }


def matches_etag(header: str | None, sha256: str) -> bool:
    """Return whether ``If-None-Match`` names this audio, or anything."""
    if header is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or f'"{sha256}"' in tags


def audio_answer(
    opened: OpenedEntry,
    *,
    sha256: str,
    expires_at: datetime,
    method: str,
    if_none_match: str | None,
    range_header: str | None,
    if_range: str | None,
) -> Response:
    """Return the answer to a download of an opened entry; the file is closed when it was sent.

    Raises:
        RefusalError: 416 if the range lies behind the end. The file is closed then too.
    """
    file, size = opened.file, opened.entry.size_bytes
    headers = audio_headers(opened.entry.file_id, sha256=sha256, expires_at=expires_at)
    if matches_etag(if_none_match, sha256):
        file.close()
        return Response(status_code=304, headers=headers)
    wanted = None
    if if_range in (None, f'"{sha256}"'):
        try:
            wanted = byte_range(range_header, size=size)
        except RangeNotSatisfiableError as error:
            file.close()
            raise RefusalError(
                f"the audio has {size} bytes",
                status=416,
                code="range_not_satisfiable",
                headers={"Content-Range": f"bytes */{size}"},
            ) from error
    first, length = wanted or (0, size)
    headers["Content-Length"] = str(length)
    if wanted:
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{size}"
    status = 206 if wanted else 200
    if method == "HEAD":
        file.close()
        return Response(status_code=status, headers=headers, media_type=MEDIA_TYPE)
    return _FileAnswer(
        file, _blocks(file, first=first, length=length), status=status, headers=headers
    )


class _FileAnswer(StreamingResponse):
    """Sends blocks of a file and closes it however that ends, also if the client is let go."""

    def __init__(
        self,
        file: BufferedReader,
        blocks: AsyncIterator[bytes],
        *,
        status: int,
        headers: dict[str, str],
    ) -> None:
        super().__init__(blocks, status_code=status, headers=headers, media_type=MEDIA_TYPE)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


async def _blocks(file: BufferedReader, *, first: int, length: int) -> AsyncIterator[bytes]:
    """Yield the bytes in blocks read in a thread."""
    await asyncio.to_thread(file.seek, first)
    while length > 0:
        block = await asyncio.to_thread(file.read, min(_BLOCK_BYTES, length))
        if not block:  # cut short while it was sent: the connection ends short of its length
            return
        length -= len(block)
        yield block
