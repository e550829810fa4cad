"""Peak memory of narrating many paragraphs: ``python -m novel_audio_pipeline_tests.sweeps.memory N``.

A backend in memory that forgets what is evicted, tones of some hundred bytes, a real folder, chapters
of a hundred paragraphs; each measurement is a process of its own.
"""

import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
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
from novel_audio_pipeline.novels.model import Chapter, Novel
from novel_audio_pipeline.novels.script import Script, write_script
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.tts_client.replies import BackendHealth, CachedSpeech, DownloadedAudio

CHAPTER = 100
RATE = 8_000
FRAMES = 200  # 444 bytes


@dataclass(frozen=True, slots=True)
class Measured:
    """One narration of many paragraphs.

    Attributes:
        paragraphs: How many.
        before_bytes: Peak memory of the process before it began: the scripts of the novel are made.
        peak_bytes: Peak memory when all was done.
        seconds: How long it took.
    """

    paragraphs: int
    before_bytes: int
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
        pitch = 200 + int(request.file_id[:3], 16) % 2000
        tone = np.sin(2 * np.pi * pitch * np.arange(FRAMES) / RATE) * 9000
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
    scripts = _scripts(paragraphs)
    before, began = peak_bytes(), time.monotonic()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of our own in it
    with tempfile.TemporaryDirectory(prefix="memory-", dir=memory) as name:
        spoken = asyncio.run(_narrate(scripts, Path(name)))
    assert spoken == paragraphs
    return Measured(paragraphs, before, peak_bytes(), round(time.monotonic() - began, 1))


async def _narrate(scripts: Sequence[Script], root: Path) -> int:
    progress, spoken = Progress(), 0

    def count(outcome: ChapterOutcome) -> None:
        nonlocal spoken
        assert outcome.state == "complete"
        spoken += outcome.spoken

    narration = Narration(
        library=AudioLibrary(LocalFileStore(root)),
        speaker=Speaker(TinyBackend(), concurrency=2, wait=timedelta(0), progress=progress),
        scripts=lambda _novel_id: scripts,
        evict="proven",
        concurrency=2,
        progress=progress,
        now=lambda: datetime.now(UTC),
    )
    await narration.run([script.key for script in scripts], on_chapter=count)
    return spoken


def _scripts(paragraphs: int) -> list[Script]:
    texts = [f"Paragraph {number} of many." for number in range(paragraphs)]
    parts = [texts[first : first + CHAPTER] for first in range(0, paragraphs, CHAPTER)]
    chapters = tuple(Chapter(n, f"Part {n}", tuple(part)) for n, part in enumerate(parts, 1))
    novel = Novel("many", "Many", "", "en", "many.txt", chapters)
    speech = SpeechSettings()
    return [write_script(novel, chapter, speech=speech, takes={}) for chapter in chapters]


def main(arguments: Sequence[str]) -> None:
    paragraphs = [int(argument) for argument in arguments if argument.isdigit()]
    if "--here" in arguments:
        one = measure_here(paragraphs[0])
        fields = ("paragraphs", "before_bytes", "peak_bytes", "seconds")
        print(json.dumps({name: getattr(one, name) for name in fields}))
        return
    for number in paragraphs or (100, 1_000, 10_000):
        one = measured(number)
        print(
            f"{one.paragraphs} paragraphs: {one.before_bytes / 2**20:.1f} MiB before, "
            f"{one.peak_bytes / 2**20:.1f} MiB at most, {one.seconds} s",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
