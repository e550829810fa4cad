"""The client against this project's own backend, and against answers that lie."""

import asyncio
import base64
import hashlib
import json
import struct
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.errors import (
    AudioTransferError,
    BackendBusyError,
    BackendUnreachableError,
    CacheEntryGoneError,
    SettingError,
    SpeechRefusedError,
)
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_client.http import TtsClient
from novel_audio_pipeline.tts_client.openapi import SYNTHESIZE_PATH, BackendDocument
from novel_audio_pipeline.tts_client.own_dialect import OwnDialect
from novel_audio_pipeline.tts_client.replies import CachedSpeech, SkippedSpeech
from novel_audio_pipeline_tests.tts_backend.serving import CountingEngine, served
from novel_audio_pipeline_tests.tts_client.asking import ask
from novel_audio_pipeline_tests.tts_client.scripted_server import answer, scripted_server

FILE_ID = "0123456789abcdef" * 2
AUDIO_PATH = f"/api/tts/audio/{FILE_ID}"
WAV = encode_wav((np.arange(2000) % 200 * 50).astype(np.int16), 22_050)
OWN = OwnDialect(BackendDocument())
REQUEST = SpeechRequest(text="Xin chào.", model="tone", voice="vi", language="vi")


def digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def download_of(headers: dict[str, str], body: bytes) -> Any:
    with scripted_server({AUDIO_PATH: answer("200 OK", headers, body)}) as url:
        return ask(url, lambda client: client.download(FILE_ID), dialect=OWN)


def test_speech_is_asked_for_downloaded_by_digest_and_evicted(tmp_path):
    async def trip(client: TtsClient) -> None:
        cached = await client.synthesize(REQUEST)
        assert isinstance(cached, CachedSpeech)
        assert cached.file_id == REQUEST.file_id
        assert not cached.already_cached
        assert cached.expires_at is not None
        audio = await client.download(cached.file_id)
        assert audio.verified_by == "digest"
        assert audio.sha256 == hashlib.sha256(audio.data).hexdigest()
        again = await client.synthesize(REQUEST)
        assert isinstance(again, CachedSpeech)
        assert again.already_cached
        assert await client.evict(cached.file_id)
        assert not await client.evict(cached.file_id)
        with pytest.raises(CacheEntryGoneError):
            await client.download(cached.file_id)

    with served(tmp_path, engine=CountingEngine()) as backend:
        ask(backend.url, trip)


def test_the_backend_tells_how_long_it_keeps_its_cache(tmp_path):
    with served(tmp_path, expiry_hours=3) as backend:
        health = ask(backend.url, lambda client: client.health())
    assert health.expiry == timedelta(hours=3)


def test_a_voice_that_is_not_there_is_refused_with_its_code(tmp_path):
    request = SpeechRequest(text="Hello.", model="tone", voice="nobody", language="en")
    with served(tmp_path) as backend, pytest.raises(SpeechRefusedError) as caught:
        ask(backend.url, lambda client: client.synthesize(request))
    assert caught.value.code == "unknown_voice"


def test_nobody_listening_is_no_answer():
    with pytest.raises(BackendUnreachableError, match=r"127\.0\.0\.1:9"):
        ask("http://127.0.0.1:9", lambda client: client.health())


def test_a_digest_proves_more_than_a_length():
    length = {"Content-Length": str(len(WAV))}
    assert download_of(length | {"Repr-Digest": digest(WAV)}, WAV).verified_by == "digest"
    assert download_of(length, WAV).verified_by == "size"
    assert download_of({}, WAV).verified_by == "structure"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(
            {"Content-Length": str(len(WAV)), "Repr-Digest": digest(b"other")},
            WAV,
            id="another request's audio",
        ),
        pytest.param({"Repr-Digest": "sha-256=:AAA:"}, WAV, id="a digest that is none"),
        pytest.param({"Content-Length": str(len(WAV))}, WAV[:-100], id="shorter than its length"),
        pytest.param({}, WAV[:-100], id="shorter than the WAV says, without a length"),
        pytest.param(
            {"Content-Length": str(len(WAV) - 100)}, WAV[:-100], id="a cut file with its length"
        ),
        pytest.param(
            {},
            WAV[:4] + struct.pack("<I", 0xFFFFFFFF) + WAV[8:],
            id="a streamed header and nothing else to go by",
        ),
    ],
)
def test_a_download_that_is_not_what_was_promised_is_refused(headers, body):
    with pytest.raises(AudioTransferError):
        download_of(headers, body)


def test_a_streamed_header_with_a_length_is_taken():
    body = WAV[:4] + struct.pack("<I", 0xFFFFFFFF) + WAV[8:]
    assert download_of({"Content-Length": str(len(body))}, body).verified_by == "size"


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        pytest.param(
            answer("200 OK", {"Content-Length": "2"}, b"{}"), AudioTransferError, id="no id"
        ),
        pytest.param(
            answer("200 OK", {"Content-Length": "2", "X-File-ID": "../../etc"}, b"{}"),
            AudioTransferError,
            id="an id that is a path",
        ),
        pytest.param(
            answer("200 OK", {"Content-Length": "5"}, b"hello"), AudioTransferError, id="no JSON"
        ),
        pytest.param(
            answer("200 OK", {"Content-Length": "2"}, b"[]"), AudioTransferError, id="no object"
        ),
        pytest.param(b"", AudioTransferError, id="closed without a word"),
        pytest.param(
            answer("422 No", {"Content-Length": "17"}, b'{"detail":"long"}'),
            SpeechRefusedError,
            id="refused",
        ),
        pytest.param(answer("500 Oh", {"Content-Length": "0"}), BackendBusyError, id="broken"),
        pytest.param(answer("429 Later", {"Content-Length": "0"}), BackendBusyError, id="too many"),
        pytest.param(
            answer("502 Bad Gateway", {"Content-Length": "0"}),
            BackendUnreachableError,
            id="a proxy before a backend that is down",
        ),
        pytest.param(
            answer("504 Gateway Timeout", {"Content-Length": "0"}),
            BackendUnreachableError,
            id="a proxy before a backend that does not answer",
        ),
    ],
)
def test_each_answer_has_its_error(raw, error):
    with (
        scripted_server({SYNTHESIZE_PATH: raw}) as url,
        pytest.raises(error, match=r"127\.0\.0\.1"),
    ):
        ask(url, lambda client: client.synthesize(REQUEST), dialect=OWN)


def test_a_busy_backend_says_for_how_long():
    raw = answer("503 Busy", {"Content-Length": "0", "Retry-After": "7"})
    with scripted_server({SYNTHESIZE_PATH: raw}) as url, pytest.raises(BackendBusyError) as caught:
        ask(url, lambda client: client.synthesize(REQUEST), dialect=OWN)
    assert caught.value.retry_after == timedelta(seconds=7)


def test_a_skip_with_a_success_status_is_a_skip():
    body = b'{"success":true,"skipped":true,"reason":"too short","file_metadata":null}'
    raw = answer("200 OK", {"Content-Length": str(len(body)), "X-Skipped": "true"}, body)
    with scripted_server({SYNTHESIZE_PATH: raw}) as url:
        spoken = ask(url, lambda client: client.synthesize(REQUEST), dialect=OWN)
    assert spoken == SkippedSpeech("too short")


@pytest.mark.parametrize("file_id", ["", "../metadata/x", "A" * 32, "0" * 31, "0" * 300])
def test_what_is_no_id_is_never_asked_for(file_id):
    with pytest.raises(ValueError, match="32 lowercase hex digits"):
        ask("http://127.0.0.1:9", lambda client: client.download(file_id), dialect=OWN)


@pytest.mark.parametrize(
    ("raw", "error", "told"),
    [
        pytest.param(
            answer("200 OK", {"Content-Length": "5"}, b"hello"),
            SettingError,
            "TTS_BACKEND_URL",
            id="a web page",
        ),
        pytest.param(
            answer("200 OK", {"Content-Length": "2"}, b"{}"),
            SettingError,
            "no TTS backend known here",
            id="another service",
        ),
        pytest.param(
            answer("404 No", {"Content-Length": "0"}), SettingError, "cannot be told", id="nothing"
        ),
        pytest.param(
            answer("401 No", {"Content-Length": "0"}), SettingError, "API_TOKEN", id="a closed door"
        ),
        pytest.param(
            answer("503 Busy", {"Content-Length": "0"}), BackendBusyError, "503", id="starting up"
        ),
        pytest.param(
            answer("200 OK", {"Content-Length": "9"}, b"{}"),
            AudioTransferError,
            "broke off",
            id="cut off",
        ),
    ],
)
def test_what_is_no_backend_known_here_is_named_before_anything_is_asked(raw, error, told):
    with scripted_server({"/openapi.json": raw}) as url, pytest.raises(error, match=told) as caught:
        ask(url, lambda client: client.synthesize(REQUEST))
    assert url in str(caught.value)


def test_a_backend_that_was_not_ready_is_recognized_later():
    paths = {SYNTHESIZE_PATH: {"post": {}}, "/api/tts/audio/{id}": {"get": {}}}
    names = ("text", "model", "voice", "language", "speed", "take")
    fields: dict[str, dict[str, str]] = {name: {} for name in names}
    content = {"application/json": {"schema": {"properties": fields}}}
    paths[SYNTHESIZE_PATH]["post"] = {"requestBody": {"content": content}}
    document = json.dumps({"paths": paths}).encode()
    answers = {"/openapi.json": answer("503 Busy", {"Content-Length": "0"})}

    async def twice(client: TtsClient) -> str:
        with pytest.raises(BackendBusyError):
            await client.dialect()
        answers["/openapi.json"] = answer(
            "200 OK", {"Content-Length": str(len(document))}, document
        )
        return (await client.dialect()).name

    with scripted_server(answers) as url:
        assert ask(url, twice) == "own"


def test_audio_for_an_answer_still_has_its_id():
    headers = {"Content-Length": "4", "Content-Type": "audio/wav", "X-File-ID": FILE_ID}
    with scripted_server({SYNTHESIZE_PATH: answer("200 OK", headers, b"RIFF")}) as url:
        spoken = ask(url, lambda client: client.synthesize(REQUEST), dialect=OWN)
    assert spoken.file_id == FILE_ID


def test_many_at_once_share_the_pools(tmp_path):
    requests = [
        SpeechRequest(text=f"Câu {n}.", model="tone", voice="vi", language="vi") for n in range(40)
    ]

    async def all_at_once(client: TtsClient) -> list[object]:
        return await asyncio.gather(*(client.synthesize(request) for request in requests))

    with served(tmp_path) as backend:

        async def main() -> list[object]:
            async with TtsClient(backend.url, connections=20) as client:
                return await all_at_once(client)

        assert len(asyncio.run(main())) == 40
