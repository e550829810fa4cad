"""Clients that are slow, many, or gone; and a server that stops while it works."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from novel_audio_pipeline.tts_backend.patience import PatientProtocol
from novel_audio_pipeline_tests.tts_backend.serving import (
    CountingEngine,
    served,
    start_child,
    wait_until,
)


class HurriedProtocol(PatientProtocol):
    head_timeout_s = 0.3


def ended_after_s(connection: socket.socket) -> float:
    """Return when the server ended the connection, in seconds from now; at most 5."""
    connection.settimeout(5)
    started_s = time.monotonic()
    while connection.recv(65536):
        pass
    return time.monotonic() - started_s


@pytest.mark.parametrize(
    "sent", [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Sl"]
)
def test_a_request_that_never_comes_whole_is_cut_off(tmp_path, sent):
    with (
        served(tmp_path, http=HurriedProtocol) as backend,
        socket.create_connection(("127.0.0.1", httpx.URL(backend.url).port)) as slow,
    ):
        slow.sendall(sent)
        assert 0.1 < ended_after_s(slow) < 2


def test_a_second_request_on_a_connection_has_its_time_too(tmp_path):
    with (
        served(tmp_path, http=HurriedProtocol) as backend,
        socket.create_connection(("127.0.0.1", httpx.URL(backend.url).port)) as slow,
    ):
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: loc")
        assert 0.1 < ended_after_s(slow) < 2


def test_a_long_synthesis_is_not_taken_for_a_slow_client(tmp_path):
    with served(tmp_path, engine=CountingEngine(real_time=1), http=HurriedProtocol) as backend:
        assert backend.ask("Một câu mà máy nói lâu.").status_code == 200


def test_a_body_that_never_ends_is_answered_and_cut_off(tmp_path):
    with (
        served(tmp_path, client_timeout_s=0.2) as backend,
        socket.create_connection(("127.0.0.1", httpx.URL(backend.url).port)) as slow,
    ):
        slow.sendall(
            b"POST /api/tts/synthesize HTTP/1.1\r\nHost: localhost\r\n"
            b'Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"text"'
        )
        slow.settimeout(5)
        assert slow.recv(65536).startswith(b"HTTP/1.1 408")


def test_a_client_that_takes_nothing_is_let_go(tmp_path):
    with served(tmp_path, client_timeout_s=0.3) as backend:
        file_id = backend.record("Một câu dài. " * 1000)["file_id"]
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", httpx.URL(backend.url).port))
            path = f"/api/tts/audio/{file_id}"
            slow.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            time.sleep(1)
            slow.settimeout(5)
            received = 0
            while chunk := slow.recv(2**20):
                received += len(chunk)
        assert received < backend.cache.find(file_id).size_bytes
        assert backend.client.get(path).status_code == 200


def test_more_requests_than_may_be_inside_are_told_to_come_back(tmp_path):
    engine = CountingEngine(real_time=0.5)
    with served(tmp_path, engine=engine, max_requests=2) as backend, ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(backend.ask, f"Câu {number}") for number in range(6)]
        assert backend.client.get("/health").status_code == 200
        answers = [one.result() for one in asked]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 4
    assert refused[0].json()["error"]["code"] == "too_many_requests"
    assert refused[0].headers["Retry-After"] == "1"


def test_a_stop_finishes_what_is_spoken_and_hands_back_what_waits(tmp_path):
    env = {"TTS_ENGINE": "tone", "TTS_TONE_REAL_TIME": "2", "TTS_ENGINE_WORKERS": "1"}
    child = start_child(tmp_path, "--parent-pipe", env=env)
    answers: list[httpx.Response] = []

    def ask(number: int) -> None:
        form = {"text": f"Câu số {number}, " * 10}
        answers.append(httpx.post(f"{child.url}/api/tts/synthesize", json=form, timeout=20))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: httpx.get(f"{child.url}/health").json()["waiting"] == 2)
    child.process.stdin.close()
    for thread in threads:
        thread.join()
    assert child.process.wait(10) == 0
    child.process.stdout.close()
    assert sorted(answer.status_code for answer in answers) == [200, 503, 503]
    codes = {answer.json()["error"]["code"] for answer in answers if answer.status_code == 503}
    assert codes == {"stopping"}
    found = sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert len([name for name in found if name.endswith(".wav")]) == 1
    assert not [name for name in found if name.endswith(".tmp")]
    (record,) = (tmp_path / "cache" / "metadata").iterdir()
    assert json.loads(record.read_text())["file_size"] > 1000
