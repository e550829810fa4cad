"""The processes of one ``up`` are found by their mark and ended; those of others are not."""

import os
import signal
import subprocess
import sys

import pytest

from novel_audio_pipeline.cli.up_family import MARK, watched_family

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def sleeper(mark: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(SLEEP, env={**os.environ, MARK: mark})


def test_what_an_earlier_up_left_is_ended_and_a_folder_of_the_same_path_elsewhere_is_not(tmp_path):
    with watched_family(tmp_path) as mark:
        pass
    left, foreign = sleeper(mark), sleeper(f"{tmp_path}|of a container")
    try:
        with watched_family(tmp_path) as later:
            assert later != mark
            left.wait(30)
            assert foreign.poll() is None
        assert foreign.poll() is None
    finally:
        foreign.kill()
        left.kill()
        foreign.wait()
        left.wait()


@pytest.mark.skipif(os.name == "nt", reason="a shell that starts what ended again")
def test_what_comes_back_whenever_it_is_ended_is_named(tmp_path):
    again = f"while :; do {MARK}=test:{os.getpid()} sleep 60; done"
    keepers = [subprocess.Popen(["sh", "-c", again], start_new_session=True) for _ in range(6)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "novel_audio_pipeline.cli.up_family", f"test:{os.getpid()}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "processes of up stayed, or come back" in done.stderr
    finally:
        for keeper in keepers:
            os.killpg(keeper.pid, signal.SIGKILL)
            keeper.wait()
