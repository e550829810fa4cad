"""The program that is told of failed runs gets the page; one that does not work is named."""

import sys

import pytest

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
