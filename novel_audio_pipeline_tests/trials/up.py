"""A running ``novel-audio up`` for trials: started, looked at from outside, stopped or killed."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from novel_audio_pipeline_tests.cli.homes import Home, new_home
from novel_audio_pipeline_tests.trials.web import Web, wait_for

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 90.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def write_novel(home: Home, name: str, *, chapters: int, paragraphs: int = 3) -> list[str]:
    """Write a novel whose every paragraph is another text; return its chapter keys."""
    parts = []
    for chapter in range(1, chapters + 1):
        parts.append(f"Chương {chapter}")
        parts += [
            f"Câu thứ {number} của chương {chapter} trong truyện {name} được đọc một lần."
            for number in range(1, paragraphs + 1)
        ]
    replace(home, f"{name}.toml", 'language = "vi"\n')
    replace(home, f"{name}.txt", "\n\n".join(parts))
    return [f"{name}/{chapter:04d}" for chapter in range(1, chapters + 1)]


def replace(home: Home, name: str, text: str) -> None:
    """Write a file of the novels folder so that nobody reads half of it."""
    temporary = home.path / f"{name}.new"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(home.novels / name)


@dataclass(frozen=True)
class Up(Web):
    """A ``novel-audio up`` and its home."""

    home: Home
    process: subprocess.Popen[bytes]

    def family(self) -> list[psutil.Process]:
        """Return every process that was started for this home, ``up`` first."""
        mine = f"NOVEL_AUDIO_HOME={self.home.path}"
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("NOVEL_AUDIO_HOME") == mine.partition("=")[2]:
                    found.append(process)
        return sorted(found, key=lambda process: process.pid != self.process.pid)

    def named(self, words: str) -> psutil.Process:
        """Return the process of the family whose command line holds these words."""
        return next(p for p in self.family() if words in " ".join(p.cmdline()))

    def kill_everything(self) -> None:
        """What a machine does that loses its power: every process at once."""
        members = self.family()
        for act in (psutil.Process.suspend, psutil.Process.kill):  # none sees another one die
            for member in members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    act(member)
        psutil.wait_procs(members, timeout=10)
        self.process.wait(10)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Stop it with a signal; return its exit status. Fails if a process stays."""
        self.process.send_signal(how)
        status = self.process.wait(STOP_TIMEOUT_S)
        wait_for(lambda: not self.family(), timeout_s=STOP_TIMEOUT_S, what="all processes end")
        return status

    def say(self) -> str:
        """Return what it has written."""
        return (self.home.path / "up.log").read_text(encoding="utf-8", errors="replace")

    def made(self) -> Counter[str]:
        """Return how often each file_id was synthesized, by the backends' own log."""
        lines = [
            json.loads(line)
            for line in self.say().splitlines()
            if line.startswith('{"at"') and '"speech_answered"' in line
        ]
        return Counter(line["file_id"] for line in lines if line["made_by_this_request"])

    def wavs(self, chapter: str) -> int:
        """Return how many paragraphs of a chapter have audio in the library."""
        novel, _, number = chapter.partition("/")
        return len(list(self.home.library.glob(f"{novel}_*/chapter_{int(number):03d}_*/**/*.wav")))


def start_up(home: Home, **environment: str) -> Up:
    """Start ``novel-audio up`` in a home and wait until its web UI answers."""
    port = free_port()
    with (home.path / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "novel_audio_pipeline", "up", "--ui-port", str(port)],
            env=home.environ(API_PORT=str(free_port()), **environment),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    up = Up(f"http://127.0.0.1:{port}", home, process)
    try:
        wait_for(up.answers, timeout_s=START_TIMEOUT_S, what="the web UI answers")
        assert up.location_error() is None
    except BaseException:
        up.kill_everything()
        raise
    return up


@contextlib.contextmanager
def running_up(root: Path, **environment: str) -> Iterator[Up]:
    """Run ``novel-audio up`` in a new home with the engine ``tone``; end it with Ctrl-C."""
    up = start_up(new_home(root), **TONE | environment)
    try:
        yield up
    except BaseException:
        up.kill_everything()
        raise
    assert up.stop() == 0


TONE = {"TTS_ENGINE": "tone", "NOVEL_AUDIO_MODEL": "tone", "TTS_TONE_REAL_TIME": "200"}
