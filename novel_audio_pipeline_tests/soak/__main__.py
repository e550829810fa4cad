"""``python -m novel_audio_pipeline_tests.soak``: the whole soak: 500 rounds, 105,000 events, some nine minutes."""

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
    parser.add_argument("--cycles", type=int, default=CYCLES, help="rounds, a second apart")
    parser.add_argument("--events", type=int, default=EVENTS, help="events at least")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        step = 3 * timedelta(hours=2) / arguments.cycles  # three lives of an entry
        result = soak(Path(folder), cycles=arguments.cycles, step=step, events=arguments.events)
    print(f"{time.monotonic() - started:.0f} s: {result.line()}")
    for sentence in (*result.broken, *result.early, *result.orphans)[:20]:
        print(f"  {sentence}")
    return 1 if result.broken or result.early or result.orphans else 0


if __name__ == "__main__":
    sys.exit(main())
