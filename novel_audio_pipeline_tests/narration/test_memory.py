"""What a run keeps in memory of the chapters whose turn has not come, or is over."""

import asyncio
import gc
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.flow import Narration
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.narration.progress import Progress
from novel_audio_pipeline.narration.speaker import Speaker
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline_tests.sweeps.memory import NOVEL_ID, TinyBackend, write_novel

FEW, MANY = 5, 2_000
CHAPTERS_NARRATED = 3
# A paragraph's text, packed, and its keys take about 150; as text and script they take 1,500.
MOST_BYTES_A_PARAGRAPH = 400


def test_a_run_keeps_keys_of_the_chapters_that_wait_and_no_scripts(tmp_path):
    kept_bytes(tmp_path / "first", FEW)  # what is loaded once is loaded
    few, many = kept_bytes(tmp_path / "few", FEW), kept_bytes(tmp_path / "many", MANY)
    assert many - few < (MANY - FEW) * MOST_BYTES_A_PARAGRAPH


def kept_bytes(folder: Path, paragraphs: int) -> int:
    """Return how much is in memory when the first chapters of a novel have been narrated."""
    novels = folder / "novels"
    novels.mkdir(parents=True)
    write_novel(novels, paragraphs, chapter=FEW)
    tracemalloc.start()
    try:
        return asyncio.run(narrated(novels, folder / "library"))
    finally:
        tracemalloc.stop()


async def narrated(novels: Path, root: Path) -> int:
    catalog, progress = NovelCatalog(novels, speech=SpeechSettings()), Progress()
    kept: list[int] = []

    def look(outcome: ChapterOutcome) -> None:
        assert outcome.state == "complete"
        gc.collect()
        kept.append(tracemalloc.get_traced_memory()[0])

    narration = Narration(
        library=AudioLibrary(LocalFileStore(root)),
        speaker=Speaker(TinyBackend(), concurrency=1, wait=timedelta(0), progress=progress),
        scripts=catalog.scripts,
        evict="proven",
        concurrency=1,
        progress=progress,
        now=lambda: datetime.now(UTC),
    )
    keys = catalog.scripts(NOVEL_ID).keys[:CHAPTERS_NARRATED]
    await narration.run(keys, on_chapter=look)
    return kept[-1]
