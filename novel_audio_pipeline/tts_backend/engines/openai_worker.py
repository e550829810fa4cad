"""The child process that asks a speech server of the OpenAI form, and takes what really arrives.

``python -m novel_audio_pipeline.tts_backend.engines.openai_worker``. Servers of this form differ:
in what they send whatever was asked for, in their headers, in how they tell errors. So nothing is
judged by a server's name or its Content-Type.
"""

import contextlib
import http.client
import json
import sys
import urllib.parse
from typing import Any

from novel_audio_pipeline.tts_backend.engines.streamed_wav import NotAWavError, pcm_of
from novel_audio_pipeline.tts_backend.engines.worker_messages import Answer, answer_messages

_MAX_AUDIO_BYTES = 512 * 1024 * 1024
_MAX_TOLD_CHARS = 300
_BUSY = (408, 425, 429)
_OK, _SERVER_ERRORS = 200, 500


def main() -> int:
    """Answer requests until the input ends; return the exit status."""
    return answer_messages(_answer)


def _answer(message: dict[str, Any]) -> Answer:
    try:
        status, body = _post(message)
    except (OSError, http.client.HTTPException) as error:
        return _failed("engine_unavailable", f"the speech server gives no answer: {error}")
    if status in _BUSY or status >= _SERVER_ERRORS:
        return _failed("engine_unavailable", f"the speech server answers {status}: {_told(body)}")
    if status != _OK:
        return _failed("engine_refused", f"the speech server refuses ({status}): {_told(body)}")
    try:
        pcm, rate = pcm_of(body)
    except NotAWavError as error:
        return _failed("engine_failed", f"the speech server was asked for a WAV: {error}")
    return {"ok": True, "sample_rate_hz": rate}, pcm


def _post(message: dict[str, Any]) -> tuple[int, bytes]:
    """Return status and body; a body that ends before its promised length is an error."""
    url = urllib.parse.urlsplit(message["url"])
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.netloc, timeout=message["timeout_s"])
    headers = {"Content-Type": "application/json", "Accept": "audio/wav"}
    if message["api_key"]:
        headers["Authorization"] = f"Bearer {message['api_key']}"
    with contextlib.closing(connection):
        body = json.dumps(message["form"]).encode()
        connection.request("POST", f"{url.path}/audio/speech", body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read(_MAX_AUDIO_BYTES)
        if answer.length:  # what its Content-Length promised and did not come
            raise http.client.IncompleteRead(data, answer.length)
        return answer.status, data


def _told(body: bytes) -> str:
    """Return the sentence in an error body: each server has it elsewhere."""
    text = body[:4096].decode("utf-8", "replace")
    with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
        document = json.loads(body)
        if not isinstance(document, dict):
            return text[:_MAX_TOLD_CHARS]
        told = document.get("error", document.get("detail"))
        if isinstance(told, list):
            told = told[0]
        if isinstance(told, dict):
            told = told.get("message", told.get("msg"))
        text = str(told or text)
    return text[:_MAX_TOLD_CHARS]


def _failed(code: str, message: str) -> Answer:
    return {"ok": False, "code": code, "message": message}, b""


if __name__ == "__main__":
    sys.exit(main())
