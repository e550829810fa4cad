"""``python -m novel_audio_pipeline_tests.soak``: the whole soak, 510 rounds in some nine minutes."""

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from novel_audio_pipeline_tests.soak.soaking import soak

CYCLES, EVENTS = 500, 105_000


def main() -> int:
    """Run it, print what happened, and return 1 if anything did that must not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=CYCLES + 10, help="rounds, a second apart")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        step = 3 * timedelta(hours=2) / arguments.cycles  # three lives of an entry
        result = soak(Path(folder), cycles=arguments.cycles, step=step)
    print(f"{time.monotonic() - started:.0f} s: {result.line()}")
    for sentence in (*result.broken, *result.early, *result.orphans)[:20]:
        print(f"  {sentence}")
    is_whole = arguments.cycles < CYCLES or sum(result.events.values()) >= EVENTS
    return 0 if is_whole and not (result.broken or result.early or result.orphans) else 1


if __name__ == "__main__":
    sys.exit(main())
