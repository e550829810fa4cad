"""A library whose place is taken away, full, read-only or another's in the middle of a narration.

Each time: one sentence that says what to do and the status that scripts know, nothing that was filed is
lost, and the next run makes the rest.
"""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from novel_audio_pipeline.cli.exit_status import ExitStatus, status_of
from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.library.check import check_library
from novel_audio_pipeline.library.layout import LOCKS
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.library.locks import FileLocks, NoLocks
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.storage.temporary import is_temporary
from novel_audio_pipeline_tests.narration.backends import FakeBackend, speech_of
from novel_audio_pipeline_tests.narration.house import House

ONE = ["Một câu chuyện.", "“Ừ.”", "* * *", "Hết chương một."]
TWO = ["Chuyện khác.", "Hết."]
NOBODY = 65534
needs_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="run it as root, who may mount"
)


class Place(House):
    """A narration into a real folder that a user keeps."""

    def __init__(
        self, root: Path, *, seconds: float | None = None, locks: Path | None = None
    ) -> None:
        super().__init__(ONE, TWO, backend=FakeBackend(speak=self.speak))
        self.root = root
        self.locks = locks or root / LOCKS
        self.seconds = seconds
        self.on_ask: Callable[[str], None] = lambda _text: None
        self.now = datetime.now(UTC)
        self.reopen()

    def speak(self, request: SpeechRequest) -> bytes:
        self.on_ask(request.text)
        return speech_of(request, seconds=self.seconds)

    def reopen(self) -> None:
        """Begin as the next process does."""
        self.library = AudioLibrary(
            LocalFileStore(self.root), locks=FileLocks(self.locks), now=lambda: self.now
        )

    def broken_in_the_second_chapter(self, breaking: Callable[[], None]) -> StorageError:
        """Narrate the first chapter, break something while the second is being narrated."""
        self.narrate(1)
        self.on_ask = lambda text: breaking() if text == TWO[0] else None
        with pytest.raises(StorageError) as told:
            self.narrate()
        self.on_ask = lambda _text: None
        assert status_of(told.value) is ExitStatus.UNAVAILABLE
        assert "\n" not in str(told.value)
        return told.value

    def wavs(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.root)): p.read_bytes() for p in self.root.rglob("*.wav")}

    def is_completed_by_the_next_run(self, *, at_least: int = 0) -> None:
        """The next run asks for nothing that was filed before, and all is in order after."""
        before, _ = self.wavs(), self.asked()
        self.reopen()
        outcomes = self.narrate()
        assert [o.state for o in outcomes.values()] == ["complete", "complete"]
        after = self.wavs()
        assert len(self.asked()) == len(after) - len(before) >= at_least
        assert {name: after[name] for name in before} == before
        assert list(check_library(self.library, read_share=1.0, at_once=1)) == []
        assert not [p for p in self.root.rglob("*") if is_temporary(p.name)]


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="odd-") as name:
        options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", name]
        if subprocess.run(options, capture_output=True, check=False).returncode != 0:
            pytest.skip("this machine mounts no tmpfs: run it where `mount -t tmpfs` works")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", name], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


@needs_root
def test_a_disk_that_becomes_read_only(tmp_path):
    with small_disk("20m") as disk:
        place = Place(disk / "library", locks=tmp_path)  # what is open for writing hinders it
        error = place.broken_in_the_second_chapter(lambda: remount(disk, "ro"))
        assert "mounted read-only (EROFS)" in str(error)
        remount(disk, "rw")
        place.is_completed_by_the_next_run()


@needs_root
def test_a_disk_that_is_full(tmp_path):
    with small_disk("4m") as disk:
        place = Place(disk / "library")

        def fill() -> None:
            with suppress(OSError), (disk / "other files").open("wb") as file:
                while True:
                    file.write(bytes(4096))
                    file.flush()

        error = place.broken_in_the_second_chapter(fill)
        assert "the disk is full (ENOSPC)" in str(error) or "MB are free" in str(error)
        remount(disk, "size=20m")
        place.is_completed_by_the_next_run()


@needs_root
def test_a_file_that_does_not_fit_any_more(tmp_path):
    with small_disk("1m") as disk:  # of which a twentieth is kept free: the file is larger
        place = Place(disk / "library", seconds=60.0)
        with pytest.raises(StorageError, match=r"the disk is full \(ENOSPC\)|MB are free") as told:
            place.narrate()
        assert status_of(told.value) is ExitStatus.UNAVAILABLE
        remount(disk, "size=40m")
        place.is_completed_by_the_next_run()


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be a user to whom permissions apply."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_library_that_this_user_may_not_write():
    with tempfile.TemporaryDirectory(prefix="odd-") as name:
        if os.geteuid() == 0:
            os.chown(name, NOBODY, NOBODY)
        with unprivileged():
            place = Place(Path(name) / "library")
            error = place.broken_in_the_second_chapter(lambda: allow_writing(place.root, "no"))
            assert "this user may not do that there (EACCES)" in str(error)
            allow_writing(place.root, "yes")
            place.is_completed_by_the_next_run()


def allow_writing(root: Path, answer: str) -> None:
    """Change what the owner may do with the folders of a library."""
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        mode = folder.stat().st_mode
        folder.chmod(mode | stat.S_IWUSR if answer == "yes" else mode & ~stat.S_IWUSR)


def test_a_library_that_is_removed_meanwhile_costs_what_was_removed(tmp_path):
    place = Place(tmp_path / "library")

    def remove(outcome: ChapterOutcome) -> None:
        if outcome.key.number == 1:
            shutil.rmtree(place.root, ignore_errors=True)  # others are writing there

    with suppress(StorageError):  # if a file was being written at that moment
        outcomes = place.narrate(on_chapter=remove)
        assert outcomes[2].state == "complete" or "not there any more" in outcomes[2].problem
    place.is_completed_by_the_next_run(at_least=3)


def test_files_removed_from_an_open_chapter_are_told_and_made_by_the_next_run(tmp_path):
    place = Place(tmp_path / "library")
    place.narrate(1)
    place.reopen()

    def remove_what_stands(_text: str) -> None:
        for wav in place.root.rglob("paragraph_001.wav"):
            wav.unlink()

    place.write([*ONE, "Câu cuối."], TWO)
    place.on_ask = remove_what_stands
    outcome = place.narrate(1)[1]
    assert outcome.state == "incomplete"
    assert "1 paragraph" in outcome.problem
    place.on_ask = lambda _text: None
    place.is_completed_by_the_next_run()


def test_two_narrations_at_once_without_locks_lose_nothing(tmp_path):
    places = [Place(tmp_path / "library") for _ in range(2)]
    for place in places:
        place.library = AudioLibrary(LocalFileStore(place.root), locks=NoLocks())
    with ThreadPoolExecutor(2) as threads:
        told = [outcomes.values() for outcomes in threads.map(Place.narrate, places)]
    assert {outcome.state for outcomes in told for outcome in outcomes} == {"complete"}
    places[0].is_completed_by_the_next_run()
    assert len(places[0].wavs()) == len(ONE) - 1 + len(TWO)  # one line is skipped


@pytest.mark.parametrize("moved", [timedelta(days=-400), timedelta(days=400)], ids=str)
def test_a_clock_that_is_set_back_or_forward_costs_nothing(tmp_path, moved):
    place = Place(tmp_path / "library")
    place.narrate(1)
    leftover = next(place.root.rglob("*.wav")).parent / ".paragraph_001.wav.gone-1-0123abcd.tmp"
    leftover.write_bytes(b"half")
    os.utime(leftover, (0, (datetime.now(UTC) - timedelta(hours=3)).timestamp()))
    place.now = datetime.now(UTC) + moved
    place.narrate()
    place.now = datetime.now(UTC)
    place.is_completed_by_the_next_run()
    assert place.asked() == []
