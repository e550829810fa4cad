"""``python -m novel_audio_pipeline_tests.trials NAME ...|all``: whole systems, started and mistreated."""

import argparse
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from novel_audio_pipeline_tests.trials import asking, doors, dying, selecting, stopping, waiting

TRIALS: dict[str, Callable[[Path], str]] = {
    "terminate": stopping.terminate,
    "cancel-backfill": stopping.cancel_a_backfill,
    "stop-up": stopping.stop_up,
    "kill-worker": dying.kill_the_worker,
    "kill-daemon": dying.kill_the_daemon,
    "kill-everything": dying.kill_everything,
    "select": selecting.select,
    "starve": waiting.starve,
    "automate": asking.automate,
    "night": asking.night,
    "ways-in": doors.ways_in,
}


def main() -> int:
    """Run the trials that are named, say what each showed, and return 1 if one failed."""
    lines = [f"  {name:<16} {(trial.__doc__ or '').strip()}" for name, trial in TRIALS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m novel_audio_pipeline_tests.trials",
        description="\n".join(["Runs novel-audio up and mistreats it.", "", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="+", choices=["all", *TRIALS], metavar="NAME")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave what happened there")
    arguments = parser.parse_args()
    # Also where a shell has made us, and so all that we start, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asked = arguments.names
    names = list(TRIALS) if "all" in asked else asked
    failed = 0
    for name in names:
        started = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as folder:
                root = (arguments.keep or Path(folder)) / name
                root.mkdir()
                told = TRIALS[name](root)
        except AssertionError as error:
            failed += 1
            told = f"FAILED: {error or traceback.extract_tb(error.__traceback__)[-1].line}"
        print(f"{name} ({time.monotonic() - started:.0f} s): {told}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
