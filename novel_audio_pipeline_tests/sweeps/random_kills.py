"""The real command line killed at random times: threads, Dagster and embedded backend included.

Each round narrates a small novel in a new home, kills the process at a random moment, runs it again
to its end, and looks at what is there. The moments of odd rounds are drawn from the whole duration of
a run, much of which is start-up; those of even rounds from the time between first and last audio.
"""

import hashlib
import json
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from novel_audio_pipeline_tests.cli.homes import Home, new_home

CHAPTERS, PARAGRAPHS = 3, 20
_SUBJECTS = ("The lamp", "A ferry", "His sister", "The old clock", "Nobody")
_VERBS = ("waited", "turned", "answered", "fell", "laughed", "moved")
_PLACES = ("by the river", "at noon", "in the rain", "without a word")


@dataclass(frozen=True, slots=True)
class Round:
    """One kill and what came of it.

    Attributes:
        number: From 1.
        killed_at_s: Seconds after the start, or in even rounds after the first audio.
        committed: Paragraphs that had audio and record when it was killed.
        was_over: Whether the run had ended by itself before.
        violations: One sentence each.
        remarks: Lines of the backends' log that are no events.
    """

    number: int
    killed_at_s: float
    committed: int
    was_over: bool
    violations: tuple[str, ...]
    remarks: tuple[str, ...]


def novel_text() -> str:
    """Return a plain text of three chapters with twenty short paragraphs each, all different."""
    lines = []
    for chapter in range(1, CHAPTERS + 1):
        lines += [f"Chapter {chapter}", ""]
        for number in range(PARAGRAPHS):
            count = (chapter - 1) * PARAGRAPHS + number
            subject = _SUBJECTS[count % 5]
            lines += [f"{subject} {_VERBS[count % 6]} {_PLACES[count % 4]}, {count + 1}.", ""]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Duration:
    """How long a run takes that nobody kills, and from its first audio to its last, in seconds."""

    whole_s: float
    speaking_s: float


def measured_duration() -> Duration:
    """Run once to the end, and measure."""
    with _home() as home:
        began = time.monotonic()
        process = home.start("narrate")
        _wait_for_audio(home, process, 1)
        first_audio = time.monotonic()
        _wait_for_audio(home, process, CHAPTERS * PARAGRAPHS)
        speaking_s = time.monotonic() - first_audio
        process.communicate()
        return Duration(time.monotonic() - began, speaking_s)


def random_kills(
    count: int, *, seed: int, jobs: int, duration: Duration, first: int = 1
) -> Iterator[Round]:
    """Yield rounds as they end.

    Args:
        count: How many.
        seed: Of the moments; the same seed and number of a round give the same share of a run.
        jobs: Rounds at once.
        duration: Of a run that nobody kills.
        first: Number of the first round.
    """
    with ThreadPoolExecutor(jobs) as threads:
        numbers = range(first, first + count)
        yield from threads.map(lambda number: _round(number, seed, duration), numbers)


def _round(number: int, seed: int, duration: Duration) -> Round:
    share = random.Random(f"{seed} {number}").random()
    after_audio = number % 2 == 0
    moment_s = share * (duration.speaking_s if after_audio else duration.whole_s)
    with _home() as home:
        process = home.start("narrate")
        if after_audio:
            _wait_for_audio(home, process, 1)
        killer = threading.Timer(moment_s, process.kill)
        killer.start()
        process.communicate()
        killer.cancel()
        was_over = process.returncode >= 0
        committed = _intact(home)
        asked_before = len(_asked(home))
        wrong = tuple(_wrong_after_rerun(home, committed, asked_before))
        return Round(number, moment_s, len(committed), was_over, wrong, _remarks(home))


def _wait_for_audio(home: Home, process: "subprocess.Popen[str]", count: int) -> None:
    while process.poll() is None and len(home.wavs()) < count:
        time.sleep(0.01)


def _wrong_after_rerun(home: Home, committed: set[str], asked_before: int) -> Iterator[str]:
    done = home.run("narrate", "--json")
    if done.returncode != 0:
        yield f"the rerun ended with {done.returncode}: {done.stderr[-500:]}"
        return
    chapters = json.loads(done.stdout)["chapters"]
    if [chapter["state"] for chapter in chapters] != ["complete"] * CHAPTERS:
        yield f"chapters are {[chapter['state'] for chapter in chapters]}"
    if len(_intact(home)) != CHAPTERS * PARAGRAPHS:
        yield f"{len(_intact(home))} paragraphs stand, not {CHAPTERS * PARAGRAPHS}"
    again = set(_asked(home)[asked_before:]) & committed
    yield from (f"committed and asked for again: {file_id}" for file_id in sorted(again))
    left = [p for p in home.library.rglob("*") if p.name.endswith(".tmp")]
    left += [p for p in (home.path / "tts_cache").rglob("*.wav*") if p.is_file()]
    left += list(home.library.rglob(".aside"))
    left += list((home.path / "reports" / "asked").glob("*"))  # noted as asked for and not filed
    yield from (f"left over: {path.relative_to(home.path)}" for path in left)
    checked = home.run("library", "check", "--read-data", "--json")
    findings = json.loads(checked.stdout)["findings"] if checked.stdout else [checked.stderr[-500:]]
    yield from (f"check: {finding}" for finding in findings)


def _intact(home: Home) -> set[str]:
    """Return the file_id of every paragraph whose record and WAV stand and belong together."""
    found = set()
    for path in home.library.rglob("paragraph_*_metadata.json"):
        if path.name.startswith("."):
            continue
        record = json.loads(path.read_text("utf-8"))
        wav = path.with_name(path.name.replace("_metadata.json", ".wav"))
        if wav.exists() and hashlib.sha256(wav.read_bytes()).hexdigest() == record["sha256"]:
            found |= {piece["fileId"] for piece in record["pieces"]}
    return found


def _asked(home: Home) -> list[str]:
    """Return what the backends have answered so far, by file_id; nothing if none has started."""
    events = [json.loads(line) for line in _log_lines(home) if line.startswith("{")]
    return [event["file_id"] for event in events if event["event"] == "speech_answered"]


def _remarks(home: Home) -> tuple[str, ...]:
    """Return what the backends' log holds beside events: the last words of a backend that broke."""
    return tuple(line for line in _log_lines(home) if not line.startswith("{"))


def _log_lines(home: Home) -> list[str]:
    log = home.path / "logs" / "tts_backend.log"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


@contextmanager
def _home() -> Iterator[Home]:
    """Yield a new home with the novel in it."""
    with tempfile.TemporaryDirectory(prefix="random-kill-", ignore_cleanup_errors=True) as name:
        home = new_home(Path(name))
        (home.novels / "sixty.txt").write_text(novel_text(), encoding="utf-8")
        yield home
