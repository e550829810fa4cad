"""``narrate`` as a person runs it: real engine, real books, stopped and killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from novel_audio_pipeline.audio.wav import wav_facts
from novel_audio_pipeline_tests.cli.homes import WORK, Home, new_home

pytestmark = pytest.mark.slow


def with_book(root: Path, corpus: Path, name: str, as_name: str) -> Home:
    home = new_home(root)
    (home.novels / as_name).write_bytes((corpus / name).read_bytes())
    return home


def records(home: Home) -> list[dict[str, object]]:
    return [json.loads(p.read_text("utf-8")) for p in home.library.rglob("*_metadata.json")]


def wait_for_wavs(home: Home, count: int) -> None:
    end = time.monotonic() + 120
    while len(home.wavs()) < count:
        assert time.monotonic() < end, "nothing was narrated"
        time.sleep(0.02)


def test_a_whole_novel_has_one_record_a_paragraph_and_an_empty_cache(tmp_path, corpus):
    book = "en_time-machine_standardebooks"
    home = with_book(tmp_path, corpus, f"books/{book}.epub", "time-machine.epub")
    truth = json.loads((corpus / "ground_truth" / f"{book}.json").read_text("utf-8"))
    expected = [u["paragraphs"] for u in truth["units_in_reading_order"] if u["role"] == "chapter"]
    document = home.json("narrate")
    assert [chapter["paragraphs"] for chapter in document["chapters"]] == expected
    assert {chapter["state"] for chapter in document["chapters"]} == {"complete"}
    assert sum(expected) == 308 == len(records(home))
    wavs = home.wavs()
    assert len(wavs) == sum(record["status"] == "audio" for record in records(home))
    assert all(wav_facts(wav.read_bytes()).duration_s > 0 for wav in wavs)
    assert home.cached() == []
    assert len(home.spoken()) == document["requests"]

    again = home.json("narrate")
    assert again["requests"] == 0
    assert len(home.spoken()) == document["requests"]
    assert home.json("status")["chapters"] == again["chapters"]


def test_a_reader_apps_database_is_narrated(tmp_path, corpus):
    home = with_book(tmp_path, corpus, "upstream_novels.db", "novels.db")
    truth = json.loads((corpus / "ground_truth/upstream_novels.db.json").read_text("utf-8"))
    novels = home.json("novels")["novels"]
    assert {n["novel_id"]: [c["paragraphs"] for c in n["chapters"]] for n in novels} == {
        n["id"]: [c["rows"] for c in n["chapters"]] for n in truth["novels"]
    }
    novel_id = truth["novels"][0]["id"]
    (chapter,) = home.json("narrate", novel_id, "--chapters", "1")["chapters"]
    assert (chapter["state"], chapter["paragraphs"]) == ("complete", 142)
    assert len(records(home)) == 142
    assert home.cached() == []


def test_killed_in_the_middle_it_goes_on_without_speaking_anything_twice(tmp_path, corpus):
    home = with_book(tmp_path, corpus, "books/vi_so-do_khudocmo.txt", "so-do.txt")
    process = home.start("narrate", "so-do", "--chapters", "1-3")
    wait_for_wavs(home, 40)
    process.kill()
    process.communicate()
    committed = {record["contentKey"][:32] for record in records(home) if record["contentKey"]}
    asked_before = len(home.spoken())
    document = home.json("narrate", "so-do", "--chapters", "1-3")
    assert [c["state"] for c in document["chapters"]] == ["complete"] * 3
    assert [c["paragraphs"] for c in document["chapters"]] == [115, 110, 131]
    asked_again = set(home.spoken()[asked_before:])
    assert asked_again
    assert asked_again & committed == set()
    assert len(records(home)) == 115 + 110 + 131
    assert list(home.library.rglob("*.tmp")) == []
    assert home.cached() == []


def test_stopped_with_ctrl_c_it_commits_ends_with_130_and_goes_on(tmp_path, corpus):
    home = with_book(tmp_path, corpus, "books/vi_so-do_khudocmo.txt", "so-do.txt")
    process = home.start("narrate", "so-do", "--chapters", "1-2")
    wait_for_wavs(home, 20)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=12)  # promised: within 10 s
    assert process.returncode == 130, told
    assert "run it again" in told
    assert "Traceback" not in told
    assert home.run("narrate", "so-do", "--chapters", "1-2").returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="no terminal that can be closed")
def test_a_terminal_that_closes_ends_it_as_ctrl_c_does(tmp_path):
    home = new_home(tmp_path)
    lines = (f"Câu thứ {number} được đọc một lần thôi nhé." for number in range(60))
    (home.novels / "thu.txt").write_text("Chương 1\n\n" + "\n\n".join(lines), encoding="utf-8")
    tone = {"TTS_ENGINE": "tone", "NOVEL_AUDIO_MODEL": "tone", "TTS_TONE_REAL_TIME": "5"}
    mine, its = os.openpty()
    # Who leads a session and opens a terminal is told when that closes.
    # Where the tests run under nohup, nobody would be.
    opens = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
        "os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.argv[1], sys.argv[1:])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", opens, sys.executable, "-m", WORK, "narrate"],
        env=home.environ(**tone, TERM="xterm"),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    wait_for_wavs(home, 3)
    os.close(mine)
    assert process.wait(60) == 130
    assert len(records(home)) == len(home.wavs()) >= 3


def test_a_backend_that_is_not_there_is_status_3_and_nothing_is_half_done(tmp_path):
    home = new_home(tmp_path)
    (home.novels / "a.txt").write_text("Chapter 1\n\nIt was a bright cold day in April.\n")
    done = home.run("narrate", TTS_BACKEND_URL="http://127.0.0.1:9", TTS_BACKEND_WAIT_S="0")
    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
    assert home.wavs() == []


def test_ctrl_c_is_heard_while_another_run_narrates(tmp_path, corpus):
    home = with_book(tmp_path, corpus, "books/vi_so-do_khudocmo.txt", "so-do.txt")
    first = home.start("narrate", "so-do", "--chapters", "1-3")
    wait_for_wavs(home, 5)
    second = home.start("narrate", "so-do", "--chapters", "4")
    assert "is narrating now" in str(second.stderr.readline())
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=30)
    assert second.returncode == 130
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    assert first.returncode == 130


def test_a_library_that_cannot_be_written_is_status_3(tmp_path):
    home = new_home(tmp_path)
    (home.novels / "a.txt").write_text("Chapter 1\n\nIt was a bright cold day in April.\n")
    (tmp_path / "file").write_text("in the way")
    done = home.run("narrate", NOVEL_AUDIO_LIBRARY_DIR=str(tmp_path / "file"))
    assert done.returncode == 3
    assert str(tmp_path / "file") in done.stderr
    assert "Traceback" not in done.stderr


def test_a_paragraph_a_chapter_or_a_novel_is_spoken_again_and_nothing_else(tmp_path):
    home = new_home(tmp_path)
    text = "Chapter 1\n\nIt was a bright cold day in April.\n\nThe clocks were striking.\n"
    (home.novels / "clocks.txt").write_text(text + "\nChapter 2\n\nHe ran up the stairs.\n")
    home.json("narrate")
    before = [wav.read_bytes() for wav in home.wavs()]
    assert home.json("narrate", "--dry-run")["to_come"]["seconds"] == 0
    document = home.json("narrate", "--again", "clocks/1/2")
    assert document["requests"] == 1
    after = [wav.read_bytes() for wav in home.wavs()]
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert home.json("narrate", "--again", "clocks/1")["requests"] == 2
    chapter_again = [wav.read_bytes() for wav in home.wavs()]
    assert [a != b for a, b in zip(after, chapter_again, strict=True)] == [True, True, False]
    assert home.json("narrate", "--again", "clocks")["requests"] == 3
    assert home.json("narrate")["requests"] == 0
    assert home.run("narrate", "--again", "clocks/7").returncode == 2
