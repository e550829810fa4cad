"""The program that is told of failed runs gets the page; one that does not work is named."""

import os
import sys
import time

import psutil
import pytest

from novel_audio_pipeline.environment import UP_FAMILY
from novel_audio_pipeline.upkeep import notifier
from novel_audio_pipeline.upkeep.notifier import hand_over


def script(tmp_path, body: str) -> tuple[str, ...]:
    path = tmp_path / "tell.py"
    path.write_text(body, encoding="utf-8")
    return (sys.executable, str(path))


def test_the_program_gets_the_page_and_the_facts(tmp_path):
    told = tmp_path / "told"
    body = (
        "import os, sys\n"
        f"open({str(told)!r}, 'wb').write(sys.stdin.buffer.read() + os.environ['RUN'].encode())"
    )
    assert (
        hand_over("Chương 1 hỏng; $(rm -rf)", script(tmp_path, body), facts={"RUN": "-77"}) is None
    )
    assert told.read_text(encoding="utf-8") == "Chương 1 hỏng; $(rm -rf)-77"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param("raise SystemExit('no such address')", "no such address", id="fails"),
        pytest.param("import time; time.sleep(60)", "not done after 1 s", id="takes too long"),
    ],
)
def test_a_program_that_does_not_work_is_told(tmp_path, body, words):
    problem = hand_over("page", script(tmp_path, body), facts={}, timeout_s=1.0)
    assert words in str(problem)
    assert "nobody may know" in str(problem)


def test_a_program_that_is_not_there_is_told():
    problem = hand_over("page", ("/nowhere/tell",), facts={})
    assert "NOVEL_AUDIO_NOTIFY_COMMAND (/nowhere/tell) cannot be started" in str(problem)


def started_by(tmp_path, *, ends: bool) -> tuple[str, ...]:
    """Return a program that starts another one, which writes down its id, and ends or waits."""
    body = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
time.sleep({0 if ends else 60})
"""
    return script(tmp_path, body)


def child_of_it(tmp_path) -> psutil.Process:
    return psutil.Process(int((tmp_path / "pid").read_text()))


def test_what_the_program_leaves_in_the_background_is_neither_waited_for_nor_ended(
    tmp_path, monkeypatch
):
    monkeypatch.setenv(UP_FAMILY, "1:2|mark")
    problem = hand_over("page", started_by(tmp_path, ends=True), facts={}, timeout_s=20.0)
    child = child_of_it(tmp_path)
    try:
        assert problem is None
        assert child.is_running()
        assert UP_FAMILY not in child.environ()  # else it would be ended with ``up``
    finally:
        child.kill()


@pytest.mark.skipif(os.name == "nt", reason="there the program alone is ended")
def test_a_program_that_takes_too_long_is_ended_with_what_it_started(tmp_path):
    problem = hand_over("page", started_by(tmp_path, ends=False), facts={}, timeout_s=2.0)
    assert "not done after 2 s" in str(problem)
    end = time.monotonic() + 10
    while (pid := int((tmp_path / "pid").read_text())) in psutil.pids():
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        assert time.monotonic() < end, "what the program started is still there"
        time.sleep(0.05)


def test_five_programs_that_hang_leave_a_tick_time_to_end():
    assert 5 * notifier.TIMEOUT_S <= 60 - 15


def test_a_program_that_reads_nothing_of_a_long_page_is_done(tmp_path):
    assert hand_over("x" * 1_000_000, script(tmp_path, ""), facts={}) is None
