"""How long expiry takes over a full TTS cache: ``python -m benchmarks.cache_expiry``.

Budgets: 100,000 entries looked at and removed in 10 s; one tick of the sensor over them in 5 s. Each
entry is a WAV of 44 bytes and its metadata; the size of a WAV changes nothing. Beside it stands what
the disk takes to unlink the same files and nothing else: on one mounted with ``discard`` that alone
may be more.
"""

import argparse
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.peak_memory import peak_bytes
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.upkeep.cache_place import CachePlace
from novel_audio_pipeline.upkeep.cache_upkeep import run_cache_round
from novel_audio_pipeline.upkeep.glance import glance_at

ENTRIES = 100_000
EXPIRY_BUDGET_S, TICK_BUDGET_S = 10.0, 5.0
TTL = timedelta(hours=2)


def fill(root: Path, entries: int, *, age: timedelta) -> None:
    """Make so many entries of this age."""
    CacheFolder(root).prepare()
    stamp = datetime.now(UTC).timestamp() - age.total_seconds()
    for number in range(entries):
        wav, record = root / f"{number:032x}.wav", root / "metadata" / f"{number:032x}.json"
        wav.write_bytes(b"RIFF" + bytes(40))
        record.write_bytes(b'{"file_id": "%032x", "text": "..."}' % number)
        os.utime(wav, (stamp, stamp))
        os.utime(record, (stamp, stamp))
    os.sync()  # what is hours old has long been written


def measure(root: Path, entries: int) -> dict[str, float]:
    """Return the seconds of a tick and of a round over so many overdue entries, wall and CPU."""
    place = CachePlace(
        root=root / "cache",
        is_chosen=False,
        backend_url=None,
        backend_token="",
        ttl=TTL,
        evict="proven",
        library_dir=root / "library",
        novels_dir=root / "novels",
        reports_dir=root / "reports",
    )
    fill(place.root, entries, age=timedelta(hours=3))
    seconds: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    seen = glance_at(CacheFolder(place.root), cursor="", now=datetime.now(UTC), ttl=TTL)
    seconds |= {"tick": time.perf_counter() - wall, "tick_cpu": time.process_time() - cpu}
    assert seen.overdue == min(entries, seen.seen)
    wall, cpu = time.perf_counter(), time.process_time()
    done = run_cache_round(place, now=lambda: datetime.now(UTC))
    seconds |= {"round": time.perf_counter() - wall, "round_cpu": time.process_time() - cpu}
    assert len(done.removed) == entries, (len(done.removed), done.left)
    assert done.left.entries == 0
    return seconds | {"bare": unlink_bare(root / "bare", entries), "mib": peak_bytes() / 2**20}


def unlink_bare(root: Path, entries: int) -> float:
    """Return the seconds it takes to unlink the files of so many entries, unseen and unconfirmed."""
    fill(root, entries, age=timedelta(hours=3))
    names = [f"{number:032x}" for number in range(entries)]
    wall = time.perf_counter()
    for name in names:
        os.unlink(f"{root}/{name}.wav")
        os.unlink(f"{root}/metadata/{name}.json")
    return time.perf_counter() - wall


def main() -> None:
    """Measure and print against the budgets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; a temporary one else")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        found = measure(Path(folder), arguments.entries)
    share = arguments.entries / ENTRIES
    print(f"TTS cache of {arguments.entries:,} overdue entries, at most {found['mib']:.0f} MiB")
    for name, budget in (("tick", TICK_BUDGET_S), ("round", EXPIRY_BUDGET_S)):
        wall, cpu = found[name], found[f"{name}_cpu"]
        print(
            f"  {name:5} {wall:6.2f} s wall, {cpu:6.2f} s CPU; "
            f"budget {budget * share:.2f} s: {wall / (budget * share):.0%}"
        )
    print(f"  the same files unlinked, nothing else: {found['bare']:.2f} s")


if __name__ == "__main__":
    main()
