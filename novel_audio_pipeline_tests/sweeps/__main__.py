"""``python -m novel_audio_pipeline_tests.sweeps kill|fail|corrupt|forget|all|mutants|disk [--stride N]``."""

import argparse
import sys
import time

from novel_audio_pipeline_tests.sweeps.mutants import sweep_mutants
from novel_audio_pipeline_tests.sweeps.narration_scenario import NarrationScenario, ThreadedScenario
from novel_audio_pipeline_tests.sweeps.random_kills import measured_duration, random_kills
from novel_audio_pipeline_tests.sweeps.scenario import LibraryScenario, Scenario
from novel_audio_pipeline_tests.sweeps.sweeps import Result, Sweeper

SWEEPS = ("kill", "fail", "corrupt", "forget")
SCENARIOS: dict[str, type[Scenario]] = {
    "library": LibraryScenario,
    "narration": NarrationScenario,
    "threads": ThreadedScenario,
}
OTHERS = ("mutants", "disk", "random-kills")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m novel_audio_pipeline_tests.sweeps")
    parser.add_argument("sweep", choices=[*SWEEPS, "all", *OTHERS])
    parser.add_argument("--scenario", choices=list(SCENARIOS), default="library")
    parser.add_argument("--stride", type=int, default=1, help="try every N-th call only")
    parser.add_argument("--most", type=int, default=20, help="stop a sweep after N violations")
    parser.add_argument("--kind", default="ext4", help="of disk: ext4 or xfs; needs root")
    parser.add_argument("--pause", type=float, default=0.0, help="of disk: seconds before it dies")
    parser.add_argument("--count", type=int, default=200, help="of random-kills: rounds")
    parser.add_argument("--seed", type=int, default=1, help="of random-kills: of the moments")
    parser.add_argument("--first", type=int, default=1, help="of random-kills: first round")
    parser.add_argument("--jobs", type=int, default=2, help="of random-kills: rounds at once")
    chosen = parser.parse_args(arguments)
    if chosen.sweep == "mutants":
        return report_mutants()
    if chosen.sweep == "random-kills":
        return report_random_kills(chosen)
    violations = 0
    for name in SWEEPS if chosen.sweep == "all" else [chosen.sweep]:
        began = time.monotonic()
        result = swept(name, chosen)
        violations += len(result.violations)
        print(
            f"{name}: {sum(result.swept.values())} tried, {len(result.violations)} violations, "
            f"{time.monotonic() - began:.0f} s; {dict(sorted(result.swept.items()))}"
        )
        for sentence in result.violations:
            print(f"  {sentence}")
    return 1 if violations else 0


def swept(name: str, chosen: argparse.Namespace) -> Result:
    if name == "disk":
        # Linux alone has these calls, so the module is imported where it is used.
        from novel_audio_pipeline_tests.sweeps.real_disk import (  # noqa: PLC0415
            NoRealDiskError,
            RealDiskSweeper,
        )

        disk = RealDiskSweeper(SCENARIOS[chosen.scenario](), stride=chosen.stride, most=chosen.most)
        try:
            return disk.disk(kind=chosen.kind, pause_s=chosen.pause)
        except NoRealDiskError as error:
            sys.exit(f"disk: {error}")
    sweeper = Sweeper(SCENARIOS[chosen.scenario](), stride=chosen.stride, most=chosen.most)
    result: Result = getattr(sweeper, name)()
    return result


def report_random_kills(chosen: argparse.Namespace) -> int:
    duration = measured_duration()
    print(
        f"a run that nobody kills: {duration.whole_s:.1f} s, "
        f"{duration.speaking_s:.1f} s of it from the first audio to the last",
        flush=True,
    )
    kills = ended = violations = 0
    for done in random_kills(
        chosen.count,
        seed=chosen.seed,
        jobs=chosen.jobs,
        duration=duration,
        first=chosen.first,
    ):
        kills += not done.was_over
        ended += done.was_over
        violations += len(done.violations)
        print(
            f"round {done.number}: {'over before' if done.was_over else 'killed'} at "
            f"{done.killed_at_s:.2f} s, {done.committed} committed, "
            f"{len(done.violations)} violations",
            flush=True,
        )
        for sentence in (*done.violations, *done.remarks):
            print(f"  {sentence}", flush=True)
    print(f"random-kills: {kills} kills, {ended} over before, {violations} violations")
    return 1 if violations else 0


def report_mutants() -> int:
    survivors = 0
    for verdict in sweep_mutants():
        survivors += not verdict.caught
        word = "caught" if verdict.caught else "SURVIVED"
        print(
            f"{word}: {verdict.mutant.name} ({verdict.mutant.sweep}): {verdict.evidence}",
            flush=True,
        )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
