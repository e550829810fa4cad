"""A speech server of the OpenAI form as an engine: this backend's own, and ones that misbehave."""

import io
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from novel_audio_pipeline.audio.wav import decode_wav, encode_wav
from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.tts_backend.engines.openai_server import OpenAiEngine
from novel_audio_pipeline.tts_backend.engines.streamed_wav import NotAWavError, pcm_of
from novel_audio_pipeline.tts_backend.settings import OpenAiServer, settings_from
from novel_audio_pipeline_tests.tts_backend.serving import CountingEngine, served

SAMPLES = (8000 * np.sin(np.arange(12000) / 20)).astype("<i2")
WAV = encode_wav(SAMPLES, 24000)


def streamed(size: int) -> bytes:
    """Return the WAV as a server streams it, its sizes not known when it began."""
    data = bytearray(WAV)
    struct.pack_into("<I", data, 4, size)
    struct.pack_into("<I", data, data.index(b"data") + 4, size)
    return bytes(data)


@dataclass
class Script:
    """What the server answers, and what it was asked."""

    status: int = 200
    body: bytes = WAV
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], dict[str, object]]] = field(default_factory=list)


@contextmanager
def speech_server(script: Script) -> Iterator[str]:
    """Serve by the script; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the base class calls it so
            data = self.rfile.read(int(self.headers["Content-Length"]))
            script.asked.append((self.path, dict(self.headers), json.loads(data)))
            self.send_response(script.status)
            for name, value in script.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(script.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    """A backend before a server that answers as the script says, and the script."""
    script = Script()
    root = tmp_path_factory.mktemp("scripted")
    with speech_server(script) as url, backend_before(url, root) as backend:
        yield backend, script


@contextmanager
def backend_before(url: str, root, **changes):
    """Serve our backend with that server as its engine."""
    server = OpenAiServer(url, "kokoro", (("en", "af_heart"),), "s3cret")
    engine = OpenAiEngine(server, workers=1, queue_limit=10, timeout_s=5)
    with served(root, engine=engine, engines=[CountingEngine()], **changes) as backend:
        yield backend


def test_one_of_our_backends_can_be_the_engine_of_another(tmp_path):
    with served(tmp_path / "far", engine=CountingEngine()) as far:
        server = OpenAiServer(f"{far.url}/v1", "tone", (("vi", "vi"),))
        engine = OpenAiEngine(server, workers=2, queue_limit=10, timeout_s=10)
        with served(tmp_path / "near", engine=engine) as near:
            record = near.record("Xin chào.")
            assert record["file_metadata"]["engine"] == "openai tone"
            assert far.record("Xin chào.")["cached"] is True
            ours = near.client.get(f"/api/tts/audio/{record['file_id']}").content
            theirs = far.client.get(f"/api/tts/audio/{record['file_id']}").content
            assert ours == theirs


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(WAV, id="whole"),
        pytest.param(streamed(0), id="sizes of zero"),
        pytest.param(streamed(0xFFFFFFFF), id="sizes of all ones"),
        pytest.param(streamed(2**31), id="sizes that are wrong"),
    ],
)
def test_a_wav_is_taken_by_what_arrives_and_not_by_what_is_said(scripted, body):
    backend, script = scripted
    script.status, script.body, script.headers = 200, body, {"Content-Type": "text/html"}
    script.asked.clear()
    answer = backend.ask("Hello.", voice="af_heart", speed=1.5, store=False)
    samples, rate = decode_wav(answer.content)
    assert rate == 24000
    np.testing.assert_array_equal(samples[:, 0], SAMPLES)
    ((path, headers, form),) = script.asked
    assert path == "/v1/audio/speech"
    assert headers["Authorization"] == "Bearer s3cret"
    assert form == {
        "model": "kokoro", "input": "Hello.", "voice": "af_heart", "response_format": "wav",
        "speed": 1.5,
    }  # fmt: skip


ERRORS = [
    (400, b'{"error": {"message": "too long"}}', 422, "engine_refused", "too long"),
    (422, b'{"detail": [{"msg": "no such voice"}]}', 422, "engine_refused", "no such voice"),
    (400, b'{"detail": {"message": "bad", "error": "x"}}', 422, "engine_refused", "bad"),
    (404, b'{"detail": "model missing"}', 422, "engine_refused", "model missing"),
    (404, b"<html>nothing here", 422, "engine_refused", "nothing here"),
    (503, b"loading", 503, "engine_unavailable", "loading"),
    (429, b"[]", 503, "engine_unavailable", "429"),
    (500, b"", 503, "engine_unavailable", "500"),
    (200, b'{"ok": true}', 500, "engine_failed", "asked for a WAV"),
    (200, b"ID3\x04some mp3", 500, "engine_failed", "ID3"),
    (200, b"", 500, "engine_failed", "0 bytes"),
    (200, streamed(0)[:44], 500, "engine_failed", "no samples"),
    (200, WAV[:-2], 500, "engine_failed", "23998 came"),
]


@pytest.mark.parametrize(("status", "body", "told", "code", "words"), ERRORS)
def test_what_goes_wrong_there_is_told_here(scripted, status, body, told, code, words):
    backend, script = scripted
    script.status, script.body, script.headers = status, body, {}
    answer = backend.ask("Hello.", model="kokoro", voice="af_heart")
    assert (answer.status_code, answer.json()["error"]["code"]) == (told, code)
    assert words in answer.json()["error"]["message"]
    assert ("Retry-After" in answer.headers) is (told == 503)
    assert list(backend.cache.entries()) == []


def test_a_body_that_breaks_off_is_not_taken_for_speech(scripted):
    backend, script = scripted
    # The samples are complete by the WAV's own word: only the promised length tells.
    script.status, script.body = 200, WAV
    script.headers = {"Content-Length": str(len(WAV) + 100), "Connection": "close"}
    answer = backend.ask("Hello.", model="kokoro", voice="af_heart")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_unavailable")


def test_a_server_that_is_down_is_told_with_a_time_to_come_back(tmp_path):
    with backend_before("http://127.0.0.1:1/v1", tmp_path) as backend:
        answer = backend.ask("Hello.", model="kokoro", voice="af_heart")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "engine_unavailable")
        assert backend.client.get("/health").status_code == 200


def test_a_language_it_does_not_speak_is_spoken_by_the_next_engine_and_told(tmp_path):
    with backend_before("http://127.0.0.1:1/v1", tmp_path) as backend:
        record = backend.record("Xin chào.")
        assert (record["model"], record["voice"]) == ("tone", "vi")
        assert "'kokoro' does not have it" in record["notices"][0]
        refused = backend.ask("Xin chào.", model="kokoro", language="vi")
        assert refused.json()["error"]["code"] == "unknown_language"


def wav_of(kind: int, bits: int, channels: int, data: bytes) -> bytes:
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", kind, channels, 8000, 8000 * block, block, bits)
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    chunks += b"fmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_stereo_and_float_become_one_channel_of_integers():
    stereo = np.column_stack([SAMPLES, -SAMPLES]).astype("<i2")
    assert pcm_of(wav_of(1, 16, 2, stereo.tobytes())) == (SAMPLES.tobytes(), 8000)
    floats = np.array([0.5, -1.0, 2.0, np.nan], dtype="<f4")
    pcm, _ = pcm_of(wav_of(3, 32, 1, floats.tobytes()))
    assert np.frombuffer(pcm, "<i2").tolist() == [16383, -32767, 32767, 0]


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", wav_of(1, 8, 1, b"abcd"), wav_of(7, 16, 1, b"abcd"),
     wav_of(1, 16, 0, b"abcd"), wav_of(1, 16, 2, b"ab"), io.BytesIO(b"OggS" * 9).read()],
)  # fmt: skip
def test_what_is_no_wav_known_here_is_refused(data):
    with pytest.raises(NotAWavError):
        pcm_of(data)


def test_its_settings_are_complete_or_refused():
    complete = {
        "TTS_ENGINE": "openai",
        "TTS_OPENAI_URL": "http://127.0.0.1:8880/v1/",
        "TTS_OPENAI_MODEL": "kokoro",
        "TTS_OPENAI_VOICES": "en=af_heart, vi=Ly",
        "TTS_OPENAI_API_KEY": "s3cret",
    }
    settings = settings_from(complete)
    assert settings.openai == OpenAiServer(
        "http://127.0.0.1:8880/v1", "kokoro", (("en", "af_heart"), ("vi", "Ly")), "s3cret"
    )
    assert "s3cret" not in repr(settings)
    for name in ("TTS_OPENAI_URL", "TTS_OPENAI_MODEL", "TTS_OPENAI_VOICES"):
        with pytest.raises(SettingError, match=name):
            settings_from(complete | {name: ""})
