"""The backend as a process: announced, heard, ended with whoever started it."""

import hashlib
import signal
import socket
import subprocess
import sys

import httpx
import psutil
import pytest

from novel_audio_pipeline.audio.wav import wav_facts
from novel_audio_pipeline_tests.tts_backend.serving import (
    child_environment,
    log_of,
    start_child,
    wait_until,
)

TEXT = "Xin chào các bạn, hôm nay trời đẹp."


def end(child) -> int:
    child.process.stdin.close()
    child.process.stdout.close()
    return child.process.wait(20)


def test_a_backend_speaks_stores_serves_and_deletes(tmp_path):
    child = start_child(tmp_path, "--parent-pipe")
    with httpx.Client(base_url=child.url) as client:
        health = client.get("/health").json()
        assert health["expiry_hours"] == 2
        assert health["engine_version"] == "espeak-ng 1.52.0"
        answer = client.post("/api/tts/synthesize", json={"text": TEXT, "return_audio": False})
        file_id = answer.headers["X-File-ID"]
        audio = client.get(f"/api/tts/audio/{file_id}")
        assert wav_facts(audio.content).duration_s == pytest.approx(2.25, abs=0.01)
        sha256 = answer.json()["file_metadata"]["sha256"]
        assert hashlib.sha256(audio.content).hexdigest() == sha256
        assert client.delete(f"/api/tts/audio/{file_id}").status_code == 200
        assert client.get(f"/api/tts/audio/{file_id}").status_code == 404
        again = client.post("/api/tts/synthesize", json={"text": TEXT})
        assert again.content == audio.content
    assert end(child) == 0
    answered = [line for line in log_of(tmp_path) if line["event"] == "speech_answered"]
    assert [line["file_id"] for line in answered] == [file_id, file_id]


def test_the_log_tells_by_its_id_what_became_of_a_request(tmp_path):
    child = start_child(tmp_path, "--parent-pipe")
    form = {"text": TEXT, "return_audio": False}
    with httpx.Client(base_url=child.url, headers={"X-Request-ID": "mine-1"}) as client:
        client.post("/api/tts/synthesize", json=form)
        (tmp_path / "cache").rename(tmp_path / "away")
        failed = client.post("/api/tts/synthesize", json=form, headers={"X-Request-ID": "mine-2"})
    assert (failed.status_code, failed.json()["error"]["code"]) == (500, "storage_failed")
    assert str(tmp_path) not in failed.text
    end(child)
    by_id = {line["request_id"]: line for line in log_of(tmp_path) if "request_id" in line}
    assert by_id["mine-1"].items() >= {"event": "speech_answered", "level": "info"}.items()
    assert by_id["mine-1"]["cached"] is False
    assert by_id["mine-2"]["event"] == "request_failed"
    assert by_id["mine-2"]["code"] == "storage_failed"
    assert str(tmp_path / "cache") in by_id["mine-2"]["error"]


def test_nothing_is_left_behind_when_the_starter_is_killed(tmp_path):
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'novel_audio_pipeline.tts_backend',\n"
        "    '--parent-pipe'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode(), child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env=child_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as starter:
        assert "http://127.0.0.1:" in starter.stdout.readline()
        backend = psutil.Process(int(starter.stdout.readline()))
        family = [backend, *backend.children(recursive=True)]
        assert len(family) == 3  # two engine processes
        starter.kill()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []


def test_the_engines_end_when_the_backend_itself_is_killed(tmp_path):
    child = start_child(tmp_path)
    engines = psutil.Process(child.process.pid).children(recursive=True)
    assert len(engines) == 2
    child.process.kill()
    end(child)
    wait_until(lambda: not any(engine.is_running() for engine in engines), timeout_s=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path, number):
    child = start_child(tmp_path)
    engines = psutil.Process(child.process.pid).children(recursive=True)
    child.process.send_signal(number)
    assert end(child) in (0, -number)
    assert not any(engine.is_running() for engine in engines)


def run_to_its_end(tmp_path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "novel_audio_pipeline.tts_backend"],
        env=child_environment(tmp_path) | env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_port_in_use_is_told_in_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_to_its_end(tmp_path, API_PORT=port)
    assert done.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_holds_a_library_is_refused_before_anything(tmp_path):
    (tmp_path / "cache" / "novel" / "chapter_001").mkdir(parents=True)
    done = run_to_its_end(tmp_path)
    assert done.returncode == 2
    assert "TTS_STORAGE_DIR" in done.stderr
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["novel"]


def test_a_life_of_365_hours_is_refused(tmp_path):
    done = run_to_its_end(tmp_path, TTS_DEFAULT_EXPIRY_HOURS="365")
    assert done.returncode == 2
    assert "TTS_DEFAULT_EXPIRY_HOURS=365 is out of bounds; set it to a value from 1 to 24" in (
        done.stderr
    )


def test_two_backends_on_one_folder_give_the_same_bytes_and_share_what_they_stored(tmp_path):
    children = [start_child(tmp_path) for _ in range(2)]
    one, other = (f"{child.url}/api/tts" for child in children)
    try:
        for text in ("Một.", "Hai ba bốn.", TEXT):
            fresh = [
                httpx.post(f"{url}/synthesize", json={"text": text, "store": False})
                for url in (one, other)
            ]
            assert fresh[0].content == fresh[1].content
            made = httpx.post(f"{one}/synthesize", json={"text": text})
            shared = httpx.post(f"{other}/synthesize", json={"text": text})
            assert (made.headers["X-Cached"], shared.headers["X-Cached"]) == ("false", "true")
            assert fresh[0].content == made.content == shared.content
            path = f"audio/{made.headers['X-File-ID']}"
            assert httpx.delete(f"{other}/{path}").status_code == 200
            assert httpx.get(f"{one}/{path}").status_code == 404
            again = httpx.post(f"{one}/synthesize", json={"text": text})
            assert (again.headers["X-Cached"], again.content) == ("false", made.content)
    finally:
        for child in children:
            child.process.terminate()
            end(child)
