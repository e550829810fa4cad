"""The embedded backend: starts on a free port, ends with its starter, however that ends."""

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from novel_audio_pipeline.errors import BackendDownError, BackendUnreachableError
from novel_audio_pipeline.tts_client import embedded
from novel_audio_pipeline.tts_client.embedded import EmbeddedBackend
from novel_audio_pipeline.tts_client.http import TtsClient
from novel_audio_pipeline_tests.tts_backend.serving import wait_until

STARTER = """
import sys, time
from pathlib import Path
from novel_audio_pipeline.tts_client.embedded import EmbeddedBackend
root = Path(sys.argv[1])
with EmbeddedBackend(cache_dir=root / "cache", log_path=root / "log") as backend:
    print(backend.url, flush=True)
    time.sleep(600)
"""

LEAVER = """
import sys
from pathlib import Path
from novel_audio_pipeline.tts_client.embedded import EmbeddedBackend
root = Path(sys.argv[1])
kept = EmbeddedBackend(cache_dir=root / "cache", log_path=root / "log")
kept.__enter__()
sys.exit(7)
"""


def test_it_answers_and_ends_with_the_block(tmp_path):
    async def health(url: str) -> str:
        async with TtsClient(url) as client:
            return (await client.health()).service

    others = set(psutil.Process().children(recursive=True))
    with EmbeddedBackend(cache_dir=tmp_path / "cache", log_path=tmp_path / "logs/x") as backend:
        assert asyncio.run(health(backend.url))
        children = set(psutil.Process().children(recursive=True)) - others
        assert children
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL, which Windows has not")
def test_a_backend_that_dies_is_started_again_at_the_same_address(tmp_path):
    def answers() -> bool:
        async def ask() -> bool:
            async with TtsClient(backend.url) as client:
                return bool((await client.health()).service)

        try:
            return asyncio.run(ask())
        except BackendUnreachableError:
            return False

    others = set(psutil.Process().children())
    with EmbeddedBackend(cache_dir=tmp_path / "cache", log_path=tmp_path / "log") as backend:
        first = set(psutil.Process().children()) - others
        for process in first:
            process.kill()
        psutil.wait_procs(first, timeout=5)
        wait_until(answers)
        children = set(psutil.Process().children(recursive=True)) - others
        assert not children & first
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    assert "backend_started_again" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(("steady_s", "deaths"), [(600.0, 2), (0.0, 4)])
def test_one_that_keeps_dying_is_given_up_and_one_that_lived_long_is_not(
    tmp_path, monkeypatch, steady_s, deaths
):
    monkeypatch.setattr(embedded, "MAX_RESTARTS", 1)
    monkeypatch.setattr(embedded, "STEADY_S", steady_s)
    log = tmp_path / "log"
    others = set(psutil.Process().children())
    with EmbeddedBackend(cache_dir=tmp_path / "cache", log_path=log):
        for death in range(deaths):
            wait_until(lambda: set(psutil.Process().children()) - others)
            dying = set(psutil.Process().children()) - others
            for process in dying:
                process.kill()
            told = "backend_given_up" if steady_s and death else "backend_started_again"
            count = 1 if steady_s else death + 1
            wait_until(lambda: log.read_text().count(told) == count)  # noqa: B023
    assert ("backend_given_up" in log.read_text()) == bool(steady_s)


def test_a_program_that_ends_without_leaving_the_block_ends(tmp_path):
    program = subprocess.run([sys.executable, "-c", LEAVER, str(tmp_path)], check=False, timeout=60)
    assert program.returncode == 7


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL, which Windows has not")
def test_it_does_not_outlive_a_starter_that_was_killed(tmp_path):
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    assert starter.stdout.readline().startswith(b"http://127.0.0.1:")
    children = psutil.Process(starter.pid).children(recursive=True)
    assert children
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    wait_until(
        lambda: not any(child.is_running() and child.status() != "zombie" for child in children)
    )


def test_a_backend_that_does_not_start_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("TTS_DEFAULT_EXPIRY_HOURS", "365")
    backend = EmbeddedBackend(cache_dir=tmp_path / "cache", log_path=tmp_path / "log")
    with pytest.raises(BackendDownError, match="TTS_DEFAULT_EXPIRY_HOURS"), backend:
        pass
