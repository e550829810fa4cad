"""How long the orphan report takes over a large library: ``python -m benchmarks.orphan_report``.

Budgets: 1,000,000 library files in 60 s and 1 GiB; a second look at the same library in 20 s. The
library is real in all that is looked at (folders, records, manifests, dates); a WAV has a few bytes.
"""

import argparse
import collections
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.peak_memory import peak_bytes
from novel_audio_pipeline.library.layout import (
    chapter_folder_name,
    novel_folder_name,
    paragraph_folder_name,
    record_name,
    wav_name,
)
from novel_audio_pipeline.library.manifest import ChapterManifest, ManifestEntry
from novel_audio_pipeline.library.manifest_json import manifest_to_json, playlist_of
from novel_audio_pipeline.library.record import (
    AudioFacts,
    ParagraphRecord,
    ParagraphText,
    Piece,
    text_key,
)
from novel_audio_pipeline.library.record_json import record_to_json
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline.upkeep.cache_place import CachePlace
from novel_audio_pipeline.upkeep.ledger import DagsterLedger
from novel_audio_pipeline.upkeep.report import make_report

FILES = 1_000_000
PARAGRAPHS, CHAPTERS = 100, 100  # of a chapter, of a novel
FIRST_BUDGET_S, SECOND_BUDGET_S, MEMORY_BUDGET_MIB = 60.0, 20.0, 1024
MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
WAV = b"RIFF"
_COUNTED = ("os.scandir", "open")
SHA256 = hashlib.sha256(WAV).hexdigest()


def fill(root: Path, files: int) -> int:
    """Make a library of about so many files with its sources; return how many chapters."""
    chapters = max(1, round(files / (2 * PARAGRAPHS + 2)))
    (root / "novels").mkdir(parents=True)
    for index in range(chapters):
        _chapter(root / "library", index)
    for novel in range(-(-chapters // CHAPTERS)):
        count = min(CHAPTERS, chapters - novel * CHAPTERS)
        _source(root / "novels", novel, count)
    return chapters


def _text(novel: int, chapter: int, number: int) -> str:
    return f"Đây là câu số {number} của chương {chapter} trong truyện {novel}."


def _chapter(library: Path, index: int) -> None:
    novel, chapter = divmod(index, CHAPTERS)
    chapter += 1
    novel_id = f"truyen-{novel:03d}"
    folder = (
        library
        / novel_folder_name(novel_id, f"Truyện {novel}")
        / chapter_folder_name(novel_id, chapter, "Một chương")
    )
    entries = {}
    for number in range(1, PARAGRAPHS + 1):
        place = folder / paragraph_folder_name(number)
        place.mkdir(parents=True)
        text = _text(novel, chapter, number)
        key = hashlib.sha256(text.encode()).hexdigest()
        record = ParagraphRecord(
            ParagraphText(novel_id, "", chapter, "", number, PARAGRAPHS, text, text),
            MADE_AT,
            audio=AudioFacts(
                key, SHA256, len(WAV), 1.5, 22050, "digest", MADE_AT,
                pieces=(Piece(key, key[:32]),),
            ),
        )  # fmt: skip
        wav, path = place / wav_name(number), place / record_name(number)
        wav.write_bytes(WAV)
        path.write_bytes(record_to_json(record))
        said, facts = path.stat(), wav.stat()
        entries[number] = ManifestEntry(
            number, "audio", key, text_key(text), SHA256, len(WAV), facts.st_mtime_ns, 1.5,
            said.st_size, said.st_mtime_ns,
        )  # fmt: skip
    manifest = ChapterManifest(
        novel_id, "", chapter, "", "d" * 64, complete=True, paragraphs=entries
    )
    (folder / "chapter_manifest.json").write_bytes(manifest_to_json(manifest))
    (folder / "chapter.m3u8").write_bytes(playlist_of(manifest))


def _source(novels: Path, novel: int, chapters: int) -> None:
    parts = []
    for chapter in range(1, chapters + 1):
        parts.append(f"Chương {chapter}")
        parts += [_text(novel, chapter, number) for number in range(1, PARAGRAPHS + 1)]
    (novels / f"truyen-{novel:03d}.txt").write_text("\n\n".join(parts), encoding="utf-8")
    (novels / f"truyen-{novel:03d}.toml").write_text('language = "vi"\n', encoding="utf-8")


def look(root: Path) -> dict[str, float]:
    """Make one report in a process of its own; return what it took.

    That is ``seconds``, ``cpu`` (seconds), ``files``, ``listed`` (folders), ``opened`` (files),
    ``findings`` and ``mib`` at the peak.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_look, (str(root),))


def _look(folder: str) -> dict[str, float]:
    root = Path(folder)
    place = CachePlace(
        root=root / "cache",
        is_chosen=False,
        backend_url=None,
        backend_token="",
        ttl=timedelta(hours=2),
        evict="proven",
        library_dir=root / "library",
        novels_dir=root / "novels",
        reports_dir=root / "reports",
    )
    catalog = NovelCatalog(place.novels_dir, speech=SpeechSettings())
    chapters = [path.parent for path in place.library_dir.glob("*/*/chapter.m3u8")]
    keys = tuple(
        f"{path.parent.name.split('_')[0]}/{int(path.name.split('_')[1]):04d}" for path in chapters
    )
    asked = collections.Counter[str]()
    sys.addaudithook(lambda event, _: asked.update([event]) if event in _COUNTED else None)
    wall, cpu = time.perf_counter(), time.process_time()
    report = make_report(
        place=place,
        catalog=catalog,
        ledger=DagsterLedger(keys, dict.fromkeys(keys, "v")),
        now=lambda: datetime.now(UTC) + timedelta(hours=1),
    )
    return {
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "files": report.files,
        "listed": asked["os.scandir"],
        "opened": asked["open"],
        "findings": len(report.findings),
        "mib": peak_bytes() / 2**20,
    }


def forget_caches() -> None:
    """Let the system forget what it has read of the disk; needs root, and Linux.

    Raises:
        OSError: If it may not.
    """
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def measure(root: Path, files: int, *, is_cold: bool = False) -> list[dict[str, float]]:
    """Return the first and the second look at a library of so many files, made if it is absent.

    Args:
        root: Where it lies; what an earlier report left there is removed.
        files: How many to make.
        is_cold: Whether each look begins with nothing of the disk in memory.
    """
    if not (root / "library").exists():
        fill(root, files)
    shutil.rmtree(root / "reports", ignore_errors=True)
    os.sync()
    looks = []
    for _ in range(2):
        if is_cold:
            forget_caches()
        looks.append(look(root))
    return looks


def main() -> None:
    """Measure and print against the budgets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument(
        "--folder",
        type=Path,
        help="keep the library there, on the disk to measure, and use it again",
    )
    parser.add_argument(
        "--only-make", action="store_true", help="make the library, measure nothing"
    )
    parser.add_argument(
        "--cold", action="store_true", help="forget what is in memory before each look; needs root"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = arguments.folder or Path(temporary)
        if arguments.only_make:
            print(f"{fill(root, arguments.files)} chapters made in {root}")
            return
        looks = measure(root, arguments.files, is_cold=arguments.cold)
    if arguments.json:
        print(json.dumps(looks))
        return
    share = looks[0]["files"] / FILES
    print(f"library of {looks[0]['files']:,.0f} files, {'cold' if arguments.cold else 'warm'}")
    for name, found, budget in zip(
        ("first", "second"), looks, (FIRST_BUDGET_S, SECOND_BUDGET_S), strict=True
    ):
        print(
            f"  {name:6} look {found['seconds']:6.2f} s wall, {found['cpu']:6.2f} s CPU, "
            f"{found['mib']:5.0f} MiB, {found['findings']:.0f} findings; budget "
            f"{budget * share:.1f} s: {found['seconds'] / (budget * share):.0%}, "
            f"{MEMORY_BUDGET_MIB} MiB: {found['mib'] / MEMORY_BUDGET_MIB:.0%}; "
            f"{found['listed']:,.0f} folders listed, {found['opened']:,.0f} files opened"
        )


if __name__ == "__main__":
    main()
