"""The sweeps: kill, fail and corrupt every call, lose power at every point; count the violations."""

import errno
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from novel_audio_pipeline.errors import UnavailableError
from novel_audio_pipeline_tests.sweeps.replay import Disk, Step, lay_down, replayed
from novel_audio_pipeline_tests.sweeps.scenario import Ran, Scenario, store_of
from novel_audio_pipeline_tests.sweeps.swept_calls import Killed, Mode, SweptCalls, Trace

ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT)


@dataclass
class Result:
    """What a sweep found.

    Attributes:
        swept: How many calls (or states) were tried, by kind.
        violations: One sentence each.
    """

    swept: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def add(self, where: str, wrong: list[str]) -> None:
        """Add what is wrong at one point."""
        self.violations += [f"{where}: {sentence}" for sentence in wrong]


class Sweeper:
    """Runs the stages of a scenario again and again, with one thing going wrong each time."""

    def __init__(self, scenario: Scenario, *, stride: int = 1, most: int = 10**9) -> None:
        """Prepare.

        Args:
            scenario: What is swept.
            stride: 1 tries every call; 7 every seventh.
            most: Stop after so many violations.
        """
        self._scenario = scenario
        self._stride = stride
        self._most = most

    def kill(self) -> Result:
        """Kill at each call; rerun; lose power at the end of the rerun."""
        return self._each_call("kill", [0])

    def fail(self) -> Result:
        """Let each call fail with each error, before or after it happens; rerun; lose power."""
        result = self._each_call("fail", ERRORS)
        if len(result.violations) >= self._most:
            return result
        after = self._each_call("fail after", [errno.EIO])
        return Result(result.swept + after.swept, result.violations + after.violations)

    def corrupt(self) -> Result:
        """Flip one bit of each write, silently."""
        return self._each_call("corrupt", [0])

    def forget(self) -> Result:
        """Lose power after each step of each stage, in every way that a disk may lose it; rerun."""
        result = Result()
        for stage, before in self.stages():
            with _folder() as folder:
                steps = self.traced(stage, before, folder / "library")
            disk = Disk(before)
            must_hold = self._wanted_of(stage)
            for number, step in enumerate(steps):
                disk.apply(step)
                if step.name == "committed":
                    must_hold.add(step.paths[0])
                if number % self._stride:
                    continue
                for name, tree in disk.power_lost():
                    where = f"{self._scenario.stages[stage]}, step {number} {step.name}, {name}"
                    result.swept["power losses"] += 1
                    with _folder() as folder:
                        lay_down(tree, folder / "library")
                        wrong = self._after(stage, folder / "library", must_hold)
                    result.add(where, wrong)
                    if len(result.violations) >= self._most:
                        return result
        return result

    def _each_call(self, mode: Mode, numbers: Sequence[int]) -> Result:
        result = Result()
        for stage, before in self.stages():
            for number in numbers:
                at = 1
                while self._one(stage, before, mode, number, at, result):
                    at += self._stride
                    if len(result.violations) >= self._most:
                        return result
        return result

    def _one(
        self, stage: int, before: Path, mode: Mode, number: int, at: int, result: Result
    ) -> bool:
        """Let one thing go wrong at one call; return whether there was such a call."""
        trace, ran = Trace(), Ran()
        with _folder() as folder:
            root = folder / "library"
            _copy(before, root)
            calls = SweptCalls(trace, at=at, mode=mode, number=number)
            with suppress(Killed, UnavailableError):
                self._scenario.run(stage, store_of(root, calls=calls), ran, trace.committed)
            if not calls.fired:
                return False
            what = f" {errno.errorcode[number]}" if number else ""
            where = f"{self._scenario.stages[stage]}, {mode}{what} at {at} {calls.fired}"
            result.swept[calls.fired] += 1
            must_hold = self._wanted_of(stage) | set(ran.committed)
            failed = mode in ("fail", "fail after", "corrupt")
            wrong = ran.wrong + self._after(stage, root, must_hold, trace=trace, failed=failed)
            result.add(where, wrong)
            if not wrong:
                self._lose_power(stage, before, root, trace, where, result)
        return True

    def _lose_power(
        self, stage: int, before: Path, root: Path, trace: Trace, where: str, result: Result
    ) -> None:
        """Check that a chapter that was reported complete survives losing power right then."""
        disk = replayed(before, [_moved(step, before, root) for step in trace.steps])
        for name, tree in disk.power_lost(only_whole=True):
            with _folder() as folder:
                lay_down(tree, folder / "library")
                store = store_of(folder / "library")
                wrong = self._scenario.at_rest(store, self._scenario.texts(stage))
                result.add(f"{where}, rerun, {name}", wrong)

    def _after(
        self,
        stage: int,
        root: Path,
        must_hold: set[str],
        *,
        trace: Trace | None = None,
        failed: bool = False,
    ) -> list[str]:
        """Return what is wrong before and after a rerun."""
        ran, trace = Ran(), trace or Trace()
        wrong = self._scenario.at_rest(store_of(root), must_hold)
        store = store_of(root, calls=SweptCalls(trace))
        try:
            self._scenario.run(stage, store, ran, trace.committed)
        except UnavailableError as error:
            return [*wrong, *ran.wrong, f"the rerun failed: {error}"]
        again = sorted(set(ran.spoken) & must_hold)
        wrong += [f"spoken again: {text}" for text in again]
        wrong += ran.wrong
        return wrong + self._scenario.when_done(stage, store_of(root), failed=failed)

    def _wanted_of(self, stage: int) -> set[str]:
        """Return what stood before a stage and is still wanted."""
        return self._scenario.texts(stage) & self._scenario.texts(stage - 1) if stage else set()

    def stages(self) -> Iterator[tuple[int, Path]]:
        """Yield each stage with a folder that holds the library as it was before."""
        with _folder() as folder:
            before = folder / "before"
            for stage in range(len(self._scenario.stages)):
                yield stage, before
                self._scenario.run(stage, store_of(before), Ran(), _ignored)

    def traced(self, stage: int, before: Path, root: Path) -> list[Step]:
        """Do a stage and return its steps, as if it had been done where it was before."""
        trace = Trace()
        _copy(before, root)
        calls = SweptCalls(trace)
        self._scenario.run(stage, store_of(root, calls=calls), Ran(), trace.committed)
        return [_moved(step, before, root) for step in trace.steps]


@contextmanager
def _folder() -> Iterator[Path]:
    # Memory, where there is such a folder: the syncs are counted and replayed, not waited for.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of our own in it
    with tempfile.TemporaryDirectory(prefix="sweep-", dir=memory) as name:
        yield Path(name)


def _copy(before: Path, root: Path) -> None:
    if before.exists():
        shutil.copytree(before, root)


def _ignored(text: str) -> None:
    """Take no notice."""


def _moved(step: Step, before: Path, root: Path) -> Step:
    """Return a step with its paths below another root."""
    if step.name == "committed":
        return step
    paths = tuple(
        str(before / Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path
        for path in step.paths
    )
    return replace(step, paths=paths)
