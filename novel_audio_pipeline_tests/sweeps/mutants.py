"""The protocol broken on purpose, one step at a time: a sweep must catch every one.

A mutant is a copy of the package with a few lines of its source changed, swept by a process of its
own; a few that no sweep can see are given to a test. A line that is no longer found is an error: then
the mutant must follow the source.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import novel_audio_pipeline
import novel_audio_pipeline_tests

LOCAL = "novel_audio_pipeline/storage/local.py"
CALLS = "novel_audio_pipeline/storage/calls.py"
COMMIT = "novel_audio_pipeline/library/commit.py"
FINISH = "novel_audio_pipeline/library/finish.py"
MAKING = "novel_audio_pipeline_tests/library/making.py"
FLOW = "novel_audio_pipeline/narration/flow.py"
VERIFY = "novel_audio_pipeline/narration/verify.py"
PLAN = "novel_audio_pipeline/narration/plan.py"
HTTP = "novel_audio_pipeline/tts_client/http.py"
EVICTION = "novel_audio_pipeline/upkeep/eviction.py"
TESTS = "novel_audio_pipeline_tests"
_CAUGHT = 1
_LONGEST_S = 900


@dataclass(frozen=True, slots=True)
class Mutant:
    """A step of the protocol removed or out of order.

    Attributes:
        name: What is wrong with it.
        sweep: The sweep that is expected to catch it, or the file of the test that is.
        edits: File, what stands there exactly once, what stands there instead.
        scenario: What is swept.
    """

    name: str
    sweep: str
    edits: tuple[tuple[str, str, str], ...]
    scenario: str = "library"


_SYNC_NEW = """            self._calls.sync_file(descriptor)
        finally:
            self._calls.close(descriptor)
        if self._read(temporary)"""
_FRESH = """        temporary = self._fresh_temporary(path)
        try:
            self._fill"""
_PUT = """            wav_facts = put_wav(self.wav)
            if wav_facts is None:
                return None
"""
_WRITE_RECORD = "            record_facts = self._store.write(self.record, data)\n"
_SET_ASIDE = "            self.set_aside(wanted, but=filed.held_key)\n"
_CLEAR = """        self.set_aside(wanted)
        self._store.remove([self.record])
        self._store.remove([self.wav, self.failure])
"""
_SPEAK = """        folder.commit_audio(script.record(number), speech(text), wanted=wanted.__contains__)
        self.evict(text)
"""
_LEAVE = """            facts = self._store.write(self.record, data)
            if self._store.facts(self.wav) is not None:
                self._store.remove([self.wav])
"""
_FILE = "        held = await self._in_thread(self._file, work, paragraph, pieces)\n"
_COUNT = "        self._progress.add(spoken=1, audio_s=held.duration_s)\n"
_EVICT = """        for piece in pieces:
            evicted = self._may_evict(piece) and await self._speaker.evict(piece)
            work.note_cache(evicted=evicted, expires_at=piece.cached.expires_at)
"""
_EVICT_MEANWHILE = f"""        filing = asyncio.ensure_future(
            self._in_thread(self._file, work, paragraph, pieces)
        )
        await asyncio.sleep(0)
{_EVICT}        held = await filing
"""
_EVICT_EVEN_SO = f"""        try:
    {_FILE}        except StorageError:
            for piece in pieces:
                await self._speaker.evict(piece)
            raise
"""

MUTANTS = (
    Mutant(
        "a file is not synced",
        "forget",
        ((LOCAL, _SYNC_NEW, _SYNC_NEW.replace("self._calls.sync_file(descriptor)", "pass")),),
    ),
    Mutant(
        "a folder is not synced after a write",
        "forget",
        ((LOCAL, "        self._calls.sync_folder(os.path.dirname(target))\n", ""),),
    ),
    Mutant(
        "a folder is not synced after a link",
        "forget",
        ((LOCAL, "        self._calls.sync_folder(os.path.dirname(end))\n", ""),),
    ),
    Mutant(
        "a new folder is not synced in the one above",
        "forget",
        (
            (
                LOCAL,
                "            self._calls.sync_folder(os.path.dirname(absolute))\n        with",
                "        with",
            ),
        ),
    ),
    Mutant(
        "a folder that a killed process made is taken for durable",
        "kill",
        ((LOCAL, "if known and Path(absolute)", "if Path(absolute)"),),
    ),
    Mutant(
        "what was written is not read back",
        "corrupt",
        (
            (LOCAL, "if self._read(temporary) != data:", "if False:"),
            (COMMIT, "if self._holds(data, filed):", "if True:"),
        ),
    ),
    Mutant(
        "a file is written in its place",
        "kill",
        (
            (
                LOCAL,
                _FRESH,
                "        self._make_folder(path.parent)\n"
                + _FRESH.replace("self._fresh_temporary(path)", "target"),
            ),
            (CALLS, "os.O_EXCL", "os.O_TRUNC"),
        ),
    ),
    Mutant(
        "a failed sync is tried again",
        "fail",
        (
            (
                LOCAL,
                _SYNC_NEW,
                _SYNC_NEW.replace(
                    "self._calls.sync_file(descriptor)",
                    "try:\n                self._calls.sync_file(descriptor)\n"
                    "            except OSError:\n                self._calls.sync_file(descriptor)",
                ),
            ),
        ),
    ),
    Mutant(
        "linked bytes are not hashed",
        "kill",
        (
            (
                LOCAL,
                "if hashlib.sha256(self._read(temporary)).hexdigest() != sha256:",
                "if False:",
            ),
        ),
    ),
    Mutant(
        "the record goes before the WAV",
        "kill",
        ((COMMIT, _PUT + _WRITE_RECORD, _WRITE_RECORD + _PUT),),
    ),
    Mutant("nothing is set aside", "kill", ((COMMIT, _SET_ASIDE, ""),)),
    Mutant("aside comes after the WAV", "kill", ((COMMIT, _SET_ASIDE + _PUT, _PUT + _SET_ASIDE),)),
    Mutant(
        "what lies beyond the script goes without being set aside",
        "kill",
        ((COMMIT, _CLEAR, _CLEAR.replace("self.set_aside(wanted)", "pass")),),
    ),
    Mutant(
        "a WAV is removed before its record",
        "kill",
        (
            (
                COMMIT,
                _CLEAR,
                _CLEAR.replace("[self.record]", "[self.wav]").replace(
                    "[self.wav, self.failure]", "[self.record, self.failure]"
                ),
            ),
        ),
    ),
    Mutant(
        "a WAV is removed before the skip is recorded",
        "kill",
        ((COMMIT, _LEAVE, "            self._store.remove([self.wav])\n" + _LEAVE),),
    ),
    Mutant(
        "a visible record is taken for durable",
        "kill",
        ((FINISH, "            place.confirm()\n", "            pass\n"),),
    ),
    Mutant(
        "temporary files are not cleared",
        "kill",
        ((FINISH, "self._store.clear_temporaries(path, now=self._now)", "pass"),),
    ),
    Mutant(
        "aside is emptied of what is still wanted",
        "kill",
        ((FINISH, "key in here or not self._wanted(key)", "True"),),
    ),
    Mutant(
        "the cache entry goes before the commit",
        "kill",
        ((MAKING, _SPEAK, "        self.evict(text)\n" + _SPEAK),),
    ),
    Mutant(
        "narration evicts before it commits",
        "kill",
        ((FLOW, _FILE + _COUNT + _EVICT, _EVICT + _FILE + _COUNT),),
        scenario="narration",
    ),
    Mutant(
        "narration evicts while the commit is under way",
        "kill",
        ((FLOW, _FILE + _COUNT + _EVICT, _EVICT_MEANWHILE + _COUNT),),
        scenario="narration",
    ),
    Mutant(
        "narration evicts what it failed to file",
        "fail",
        ((FLOW, _FILE, _EVICT_EVEN_SO),),
        scenario="narration",
    ),
    Mutant(
        "what a killed narration left in the cache stays there",
        "kill",
        ((FLOW, "work.plan.was_cut_short and ", "False and "),),
        scenario="narration",
    ),
    Mutant(
        "what a killed narration left goes while its record is only visible",
        "kill",
        (
            (
                EVICTION,
                "        await asyncio.to_thread(confirm_record, store, one.record_path)\n",
                "",
            ),
        ),
        scenario="narration",
    ),
    Mutant(
        "what is held under another number is spoken again",
        "kill",
        ((PLAN, "Move(paragraph, source) if source else", "Speak(paragraph) if source else"),),
        scenario="narration",
    ),
    Mutant(
        "what is aside is not looked at when the run ends",
        "kill",
        ((FLOW, "in self._wanted.items():", "in ():"),),
        scenario="narration",
    ),
    Mutant(
        "a folder that goes while it is empty is not made again",
        f"{TESTS}/storage/test_local.py",
        ((LOCAL, "range(_MOST_TRIES - 1)", "range(0)"),),
    ),
    Mutant(
        "narration evicts without a digest",
        f"{TESTS}/narration/test_flow.py",
        ((FLOW, "and piece.audio.verified_by in PROVEN", "and True"),),
    ),
    Mutant(
        "what a killed narration left is evicted without proof",
        f"{TESTS}/narration/test_flow.py",
        (
            (
                EVICTION,
                "if not is_proven(audio, pieces=[piece.data for piece in cached], filed=filed):",
                "if filed is None:",
            ),
        ),
    ),
    Mutant(
        "silence is not refused",
        f"{TESTS}/narration/test_speaker.py",
        ((VERIFY, "if facts.peak_dbfs < SILENCE_DBFS:", "if False:"),),
    ),
    Mutant(
        "a download's digest is not compared",
        f"{TESTS}/tts_client/test_http.py",
        ((HTTP, "if _decoded(match[1]) != hashlib.sha256(data).digest():", "if False:"),),
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant; ``evidence`` is what the sweep said."""

    mutant: Mutant
    caught: bool
    evidence: str


def sweep_mutants(mutants: Iterable[Mutant] = MUTANTS, *, at_once: int = 2) -> Iterator[Verdict]:
    """Yield the verdict on each mutant, in order."""
    with ThreadPoolExecutor(at_once) as threads:
        yield from threads.map(_verdict, mutants)


def _verdict(mutant: Mutant) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        _copy_with(mutant, Path(name))
        done = subprocess.run(
            [sys.executable, "-m", *_catcher(mutant)],
            cwd=name,
            env={"PYTHONPATH": name, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_S,
        )
    said = done.stdout.strip() or done.stderr.strip() or "nothing"
    # A program that broke down before it could say anything has caught nothing.
    caught = done.returncode == _CAUGHT and bool(done.stdout)
    return Verdict(mutant, caught=caught, evidence=said.splitlines()[-1].strip())


def _catcher(mutant: Mutant) -> list[str]:
    if mutant.sweep.endswith(".py"):
        options = ["-q", "-x", "--import-mode=importlib", "-p", "no:cacheprovider"]
        return ["pytest", *options, mutant.sweep]
    scenario = ["--scenario", mutant.scenario]
    return ["novel_audio_pipeline_tests.sweeps", mutant.sweep, *scenario, "--most", "1"]


def _copy_with(mutant: Mutant, folder: Path) -> None:
    for package in (novel_audio_pipeline, novel_audio_pipeline_tests):
        source = Path(package.__path__[0])
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / source.name, ignore=skipped)
    for path, old, new in mutant.edits:
        text = (folder / path).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"mutant '{mutant.name}': its place in {path} is not found once")
        (folder / path).write_text(text.replace(old, new), encoding="utf-8")
