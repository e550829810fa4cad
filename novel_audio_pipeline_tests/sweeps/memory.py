"""Peak memory of narrating many paragraphs: ``python -m novel_audio_pipeline_tests.sweeps.memory N``.

A text file of chapters with a hundred Vietnamese paragraphs of fifty words, a real folder, a backend
in memory that forgets what is evicted, tones of 13 kB. The novel is narrated; then a
chapter is inserted before the others, and all audio moves. Each measurement is a process of its own.
"""

import asyncio
import contextlib
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.peak_memory import peak_bytes
from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.flow import Narration
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.narration.progress import Progress
from novel_audio_pipeline.narration.speaker import Speaker
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.tts_client.replies import BackendHealth, CachedSpeech, DownloadedAudio

NOVEL_ID = "many"
CHAPTER = 100
INSERTED = 3
WORDS = (
    *("hôm", "nay", "trời", "đẹp", "quá", "anh", "ấy", "nói", "với", "tôi", "rằng", "mình", "đi"),
    *("chợ", "mua", "gạo", "và", "cá", "rồi", "về", "nhà", "nấu", "cơm", "chiều"),
)
RATE = 1_000
CHARS_PER_S = 32  # quick speech, and plausible


@dataclass(frozen=True, slots=True)
class Measured:
    """One narration of many paragraphs.

    Attributes:
        paragraphs: How many.
        read_bytes: Peak memory of the process when the novel had been read.
        narrated_bytes: Peak memory while it was narrated (elsewhere than on Linux: so far).
        peak_bytes: Peak memory of that and of the second narration.
        seconds: How long it took.
    """

    paragraphs: int
    read_bytes: int
    narrated_bytes: int
    peak_bytes: int
    seconds: float


class TinyBackend:
    """Keeps an entry until it is evicted, and nothing else."""

    url = "http://tiny"

    def __init__(self) -> None:
        self._cache: dict[str, bytes] = {}

    async def health(self) -> BackendHealth:
        return BackendHealth(service="tiny", version="1", expiry=timedelta(hours=2))

    async def max_chars(self, model: str) -> int | None:
        return None

    async def synthesize(self, request: SpeechRequest) -> CachedSpeech:
        pitch = 50 + int(request.file_id[:3], 16) % 400
        frames = RATE * len(request.text) // CHARS_PER_S
        tone = np.sin(2 * np.pi * pitch * np.arange(frames) / RATE) * 9000
        self._cache[request.file_id] = encode_wav(tone.astype(np.int16), RATE)
        return CachedSpeech(request.file_id, False, None, "tiny", request.voice)  # noqa: FBT003

    async def download(self, file_id: str) -> DownloadedAudio:
        data = self._cache[file_id]
        return DownloadedAudio(data, hashlib.sha256(data).hexdigest(), "digest")

    async def evict(self, file_id: str, *, sha256: str) -> bool:
        return self._cache.pop(file_id, None) is not None


def measured(paragraphs: int) -> Measured:
    """Return what a process of its own needs to narrate so many paragraphs."""
    module = "novel_audio_pipeline_tests.sweeps.memory"
    done = subprocess.run(
        [sys.executable, "-m", module, str(paragraphs), "--here"],
        capture_output=True,
        text=True,
        check=True,
    )
    return Measured(**json.loads(done.stdout))


def measure_here(paragraphs: int) -> Measured:
    """Narrate, and return what this process needed."""
    began = time.monotonic()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of our own in it
    with tempfile.TemporaryDirectory(prefix="memory-", dir=memory) as name:
        novels, library = Path(name) / "novels", Path(name) / "library"
        novels.mkdir()
        catalog = NovelCatalog(novels, speech=SpeechSettings())
        write_novel(novels, paragraphs)
        keys = catalog.scripts(NOVEL_ID).keys
        read = peak_bytes()
        _forget_peak()
        assert asyncio.run(_narrate(catalog, keys, library)) == {"spoken": paragraphs}
        narrated = peak_bytes()
        write_novel(novels, paragraphs, inserted=True)
        keys = catalog.scripts(NOVEL_ID).keys
        done = asyncio.run(_narrate(catalog, keys, library))
        assert done == {"spoken": INSERTED, "moved": paragraphs}
    seconds = round(time.monotonic() - began, 1)
    return Measured(paragraphs, read, narrated, peak_bytes(), seconds)


async def _narrate(
    catalog: NovelCatalog, keys: Sequence[ChapterKey], root: Path
) -> Mapping[str, int]:
    progress, done = Progress(), Counter[str]()

    def count(outcome: ChapterOutcome) -> None:
        assert outcome.state == "complete"
        done.update(spoken=outcome.spoken, moved=outcome.moved, kept=outcome.kept)

    narration = Narration(
        library=AudioLibrary(LocalFileStore(root)),
        speaker=Speaker(TinyBackend(), concurrency=2, wait=timedelta(0), progress=progress),
        scripts=catalog.scripts,
        evict="proven",
        concurrency=2,
        progress=progress,
        now=lambda: datetime.now(UTC),
    )
    await narration.run(keys, on_chapter=count)
    return +done


def _forget_peak() -> None:
    """Let the peak begin anew (on Linux): reading loads the model that tells languages apart."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def write_novel(
    folder: Path, paragraphs: int, *, chapter: int = CHAPTER, inserted: bool = False
) -> None:
    """Write the file line by line, so that the text is not in memory before it is read."""
    with (folder / f"{NOVEL_ID}.txt").open("w", encoding="utf-8") as file:
        if inserted:
            file.write("Chương 1\n\n")
            file.writelines(f"{_text(-1 - number)}\n\n" for number in range(INSERTED))
        for number in range(paragraphs):
            if number % chapter == 0:
                file.write(f"Chương {number // chapter + 1 + inserted}\n\n")
            file.write(f"{_text(number)}\n\n")


def _text(number: int) -> str:
    words = random.Random(number)
    return f"{' '.join(words.choices(WORDS, k=50))} {number}."


def main(arguments: Sequence[str]) -> None:
    paragraphs = [int(argument) for argument in arguments if argument.isdigit()]
    if "--here" in arguments:
        one = measure_here(paragraphs[0])
        print(json.dumps(asdict(one)))
        return
    for number in paragraphs or (100, 1_000, 10_000):
        one = measured(number)
        print(
            f"{one.paragraphs} paragraphs: {one.read_bytes / 2**20:.1f} MiB when read, "
            f"{one.narrated_bytes / 2**20:.1f} when narrated, {one.peak_bytes / 2**20:.1f} when a "
            f"chapter was inserted and all was moved; {one.seconds} s",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
