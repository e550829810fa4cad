"""Leases on chapters: they save work, across threads, processes and deaths."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.library.locks import ChapterLocks, FileLocks, NoLocks, ProcessLocks
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline_tests.library.making import MiniNarration, MiniScript, open_chapter


@pytest.fixture(params=["files", "process"])
def locks(request: pytest.FixtureRequest, tmp_path: Path) -> ChapterLocks:
    return FileLocks(tmp_path / "locks") if request.param == "files" else ProcessLocks()


def test_a_chapter_is_taken_by_one(locks):
    first = locks.chapter("so-do", 1)
    second = locks.chapter("so-do", 1)
    other = locks.chapter("so-do", 2)
    assert (first.locked, second.locked, other.locked) == (True, False, True)
    first.release()
    first.release()
    second.release()
    assert locks.chapter("so-do", 1).locked


def test_a_novel_is_taken_only_while_no_other_chapter_is(locks):
    one, two = locks.chapter("so-do", 1), locks.chapter("so-do", 2)
    with locks.alone("so-do", but=one) as is_alone:
        assert not is_alone
    two.release()
    with locks.alone("so-do", but=one) as is_alone:
        assert is_alone
    with locks.alone("so-do") as is_alone:
        assert not is_alone
    with locks.alone("other") as is_alone:
        assert is_alone


def test_without_the_lock_of_its_chapter_nobody_is_alone(locks):
    first = locks.chapter("so-do", 1)
    with locks.alone("so-do", but=locks.chapter("so-do", 1)) as is_alone:
        assert not is_alone
    first.release()


def test_waiting_ends_when_the_chapter_is_given_back(locks):
    first = locks.chapter("so-do", 1)
    threading.Timer(0.2, first.release).start()
    second = locks.chapter("so-do", 1, wait_s=30)
    assert (second.locked, second.waited) == (True, True)


def test_without_locks_everyone_has_every_chapter_and_nobody_a_novel():
    locks = NoLocks()
    assert locks.chapter("so-do", 1).locked
    assert locks.chapter("so-do", 1).locked
    with locks.alone("so-do") as is_alone:
        assert not is_alone


def test_no_lock_file_of_a_chapter_stays(tmp_path):
    locks = FileLocks(tmp_path)
    for number in range(1, 5):
        locks.chapter("so-do", number).release()
    assert [path.name for path in tmp_path.rglob("*.lock")] == ["gate.lock"]


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


HOLD = """
    import sys, time
    from pathlib import Path
    from novel_audio_pipeline.library.locks import FileLocks
    lease = FileLocks(Path(sys.argv[1])).chapter("so-do", 1)
    print(lease.locked, flush=True)
    time.sleep(60)
"""


def test_a_lock_whose_owner_was_killed_is_free(tmp_path):
    owner = started(HOLD, str(tmp_path))
    assert owner.stdout.readline() == "True\n"
    locks = FileLocks(tmp_path)
    assert not locks.chapter("so-do", 1).locked
    os.kill(owner.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    owner.communicate()
    assert locks.chapter("so-do", 1).locked


NARRATE = """
    import sys, time
    from pathlib import Path
    from novel_audio_pipeline.library.library import open_library
    from novel_audio_pipeline_tests.library.making import MiniNarration, MiniScript
    library = open_library(Path(sys.argv[1]))
    library.chapter = lambda *a, chapter=library.chapter, **k: chapter(*a, **k, wait_s=60)
    narration = MiniNarration(library)
    manifests = narration.narrate([MiniScript([f"text {n}" for n in range(15)])])
    print(len(narration.spoken), manifests[0].complete)
"""


def test_two_processes_on_one_chapter_do_it_once(tmp_path):
    processes = [started(NARRATE, str(tmp_path)) for _ in range(2)]
    told = sorted(process.communicate(timeout=120)[0] for process in processes)
    assert told == ["0 True\n", "15 True\n"]


ENDLESS = """
    import sys
    from pathlib import Path
    from novel_audio_pipeline.library.library import open_library
    from novel_audio_pipeline_tests.library.making import MiniNarration, MiniScript
    class Telling(MiniNarration):
        def evict(self, text):
            print(text, flush=True)
    script = MiniScript([f"text {n}" for n in range(120)])
    Telling(open_library(Path(sys.argv[1]))).narrate([script])
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of Unix: run this on Linux or macOS")
@pytest.mark.parametrize("lines", [3, 20])
def test_a_process_that_is_killed_leaves_what_it_committed(tmp_path, lines):
    process = started(ENDLESS, str(tmp_path))
    committed = {process.stdout.readline().strip() for _ in range(lines)}
    process.kill()
    committed |= set(process.communicate()[0].splitlines())
    script = MiniScript([f"text {n}" for n in range(120)])
    narration = MiniNarration(open_library(tmp_path))
    (manifest,) = narration.narrate([script])
    assert manifest.complete
    assert len(committed) < 120
    assert not committed & set(narration.spoken)
    assert len(narration.spoken) >= 120 - len(committed) - 1
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_novel_open_in_another_process_keeps_its_name(tmp_path):
    script = MiniScript(["a"], number=2)
    library = open_library(tmp_path)
    MiniNarration(library).narrate([script])
    owner = started(HOLD, str(tmp_path / ".locks"))
    assert owner.stdout.readline() == "True\n"
    with open_chapter(library, replace(script, novel_title="New")) as folder:
        assert "is in use" in folder.title_pending
    owner.kill()
    owner.communicate()
    with open_chapter(library, replace(script, novel_title="New")) as folder:
        assert folder.title_pending is None


def test_a_store_of_one_process_needs_no_files(tmp_path):
    library = AudioLibrary(LocalFileStore(tmp_path))
    MiniNarration(library).narrate([MiniScript(["a"])])
    assert not (tmp_path / ".locks").exists()
