"""``python -m novel_audio_pipeline_tests.sweeps kill|fail|corrupt|forget|all|mutants|disk [--stride N]``."""

import argparse
import sys
import time

from novel_audio_pipeline_tests.sweeps.mutants import sweep_mutants
from novel_audio_pipeline_tests.sweeps.scenario import LibraryScenario
from novel_audio_pipeline_tests.sweeps.sweeps import Result, Sweeper

SWEEPS = ("kill", "fail", "corrupt", "forget")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m novel_audio_pipeline_tests.sweeps")
    parser.add_argument("sweep", choices=[*SWEEPS, "all", "mutants", "disk"])
    parser.add_argument("--stride", type=int, default=1, help="try every N-th call only")
    parser.add_argument("--most", type=int, default=20, help="stop a sweep after N violations")
    parser.add_argument("--kind", default="ext4", help="of disk: ext4 or xfs; needs root")
    parser.add_argument("--pause", type=float, default=0.0, help="of disk: seconds before it dies")
    chosen = parser.parse_args(arguments)
    if chosen.sweep == "mutants":
        return report_mutants()
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
        from novel_audio_pipeline_tests.sweeps.real_disk import RealDiskSweeper  # noqa: PLC0415

        disk = RealDiskSweeper(LibraryScenario(), stride=chosen.stride, most=chosen.most)
        return disk.disk(kind=chosen.kind, pause_s=chosen.pause)
    sweeper = Sweeper(LibraryScenario(), stride=chosen.stride, most=chosen.most)
    result: Result = getattr(sweeper, name)()
    return result


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
