"""``python -m novel_audio_pipeline_tests.scale``: 100,000 chapters in Dagster, timed against their budgets."""

import argparse
import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from novel_audio_pipeline_tests.scale.measures import table
from novel_audio_pipeline_tests.scale.measuring import PARTS, Plan, measure
from novel_audio_pipeline_tests.scale.sources import Size


def main(arguments: list[str]) -> int:
    """Make the library, measure, print the table; return 1 if a budget is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m novel_audio_pipeline_tests.scale", description=__doc__
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all else")
    parser.add_argument("--novels", type=int, default=100)
    parser.add_argument("--chapters", type=int, default=1000, help="of each novel")
    parser.add_argument("--narrated", type=int, default=800, help="of each novel; whole 25s")
    parser.add_argument("--backfill", type=int, default=1000, help="chapters to narrate")
    parser.add_argument(
        "--folder", type=Path, help="keep everything here; used again if it is there"
    )
    parser.add_argument("--shots", type=Path, help="keep a picture of each step in the browser")
    chosen = parser.parse_args(arguments)
    if wrong := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(wrong))}; there are {', '.join(PARTS)}")
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has made us ignore them
        signal.signal(number, signal.default_int_handler)
    before = os.getloadavg()[0]
    with ExitStack() as stack:
        folder = chosen.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        measures = measure(
            folder,
            Plan(
                Size(chosen.novels, chosen.chapters, chosen.narrated),
                parts=chosen.parts or PARTS,
                backfill=chosen.backfill,
                shots=chosen.shots,
            ),
        )
    print(table(measures))
    print(f"{os.cpu_count()} cores, load {before:.1f} before, {os.getloadavg()[0]:.1f} after")
    return 0 if all(one.holds for one in measures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
