"""Narrating against a bare loop that only requests and downloads, from the same backend.

Both speak the same number of paragraphs of the same lengths with the same concurrency, in turn,
each pass with words of its own so that nothing comes out of the cache. Printed is the ratio of their
speeds: 1.00 would mean that planning, verifying, committing durably and evicting cost nothing. The
exit status is 1 if one falls short of its floor.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from benchmarks.budgets import Budgets
from benchmarks.serving import backend
from novel_audio_pipeline.library.library import open_library
from novel_audio_pipeline.narration.narrate import NarrationSettings, narrate
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.novels.model import Chapter, ChapterKey, Novel
from novel_audio_pipeline.novels.script import Script, write_script
from novel_audio_pipeline.speech.voices import SpeechSettings

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "the-clockmaker.txt"
PARAGRAPHS_PER_CHAPTER = 100


@dataclass(frozen=True)
class Setup:
    """One engine to measure with.

    Attributes:
        name: For the table.
        environ: Settings of the backend.
        model: Model to ask for.
        paragraphs: Length of a pass.
        concurrency: Requests under way at once.
        floor: The ratio that must be reached.
    """

    name: str
    environ: dict[str, str]
    model: str
    paragraphs: int
    concurrency: int
    floor: float


SETUPS = (
    Setup("espeak", {"TTS_ENGINE": "espeak"}, "espeak", 400, 4, 0.80),
    Setup(
        "engine of 20x real time",
        {"TTS_ENGINE": "tone", "TTS_TONE_REAL_TIME": "20", "TTS_ENGINE_WORKERS": "4"},
        "tone",
        60,
        4,
        0.95,
    ),
)


def novel_of(count: int, *, label: str, setup: Setup) -> tuple[Script, ...]:
    """Return scripts with so many paragraphs of a novel's usual lengths, unlike any other label's."""
    lines = [p for p in SAMPLE.read_text(encoding="utf-8").split("\n\n") if len(p) > 40]
    texts = [f"{label} {n}. {lines[n % len(lines)]}" for n in range(count)]
    chapters = tuple(
        Chapter(number, "", tuple(texts[start : start + PARAGRAPHS_PER_CHAPTER]))
        for number, start in enumerate(range(0, count, PARAGRAPHS_PER_CHAPTER), start=1)
    )
    novel = Novel("bench", "Bench", "", "en", "bench", chapters)
    speech = SpeechSettings(model=setup.model)
    return tuple(write_script(novel, chapter, speech=speech, takes={}) for chapter in chapters)


async def bare_loop(url: str, scripts: Sequence[Script], concurrency: int) -> None:
    """Request and download every piece; keep nothing, verify nothing."""
    slots = asyncio.Semaphore(concurrency)
    pieces = [piece for script in scripts for p in script.paragraphs for piece in p.pieces]
    async with httpx.AsyncClient(base_url=url, timeout=300) as client:

        async def one(number: int) -> None:
            piece = pieces[number]
            async with slots:
                answer = await client.post(
                    "/api/tts/synthesize",
                    json={
                        "text": piece.text,
                        "model": piece.model,
                        "voice": piece.voice,
                        "language": piece.language,
                        "return_audio": False,
                    },
                )
                answer.raise_for_status()
                file_id = answer.json()["file_metadata"]["file_id"]
                (await client.get(f"/api/tts/audio/{file_id}")).raise_for_status()

        await asyncio.gather(*(one(number) for number in range(len(pieces))))


def full_flow(url: str, scripts: Sequence[Script], concurrency: int, root: Path) -> None:
    """Narrate into a library of its own."""
    happenings = narrate(
        [ChapterKey("bench", script.key.number) for script in scripts],
        settings=NarrationSettings(
            backend_url=url,
            backend_token="",
            backend_wait=timedelta(0),
            cache_ttl=timedelta(hours=2),
            concurrency=concurrency,
            evict="proven",
        ),
        library=open_library(root),
        scripts=lambda _novel_id: scripts,
        now=lambda: datetime.now(UTC),
    )
    outcomes = [happening for happening in happenings if isinstance(happening, ChapterOutcome)]
    assert all(outcome.state == "complete" for outcome in outcomes)


def ratios_of(setup: Setup, rounds: int, root: Path) -> list[float]:
    """Return the ratio of speeds in each round."""
    ratios = []
    with backend(root, setup.environ) as running:
        url = running.url
        asyncio.run(bare_loop(url, novel_of(8, label="warm", setup=setup), setup.concurrency))
        for number in range(rounds):
            started = time.perf_counter()
            scripts = novel_of(setup.paragraphs, label=f"bare {number}", setup=setup)
            asyncio.run(bare_loop(url, scripts, setup.concurrency))
            bare_s = time.perf_counter() - started
            started = time.perf_counter()
            scripts = novel_of(setup.paragraphs, label=f"full {number}", setup=setup)
            full_flow(url, scripts, setup.concurrency, root / f"library-{number}")
            full_s = time.perf_counter() - started
            ratios.append(bare_s / full_s)
            print(
                f"  round {number + 1}: bare loop {setup.paragraphs / bare_s:.1f} paragraphs/s, "
                f"narration {setup.paragraphs / full_s:.1f} paragraphs/s, ratio {ratios[-1]:.2f}"
            )
    return ratios


def measure(budgets: Budgets, *, rounds: int = 3) -> None:
    """Measure each engine and print the median ratio beside its floor."""
    for setup in SETUPS:
        print(f"{setup.name}, {setup.concurrency} requests at once:")
        root = Path(tempfile.mkdtemp(prefix="narration-bench-"))
        try:
            median = statistics.median(ratios_of(setup, rounds, root))
        finally:
            shutil.rmtree(root)
        told = budgets.at_least(f"narration with {setup.name}", median, setup.floor)
        print(f"  median ratio {median:.2f}; {told}")


def main() -> None:
    """Measure; leave with status 1 if a budget was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    budgets = Budgets()
    measure(budgets, rounds=parser.parse_args().rounds)
    budgets.leave()


if __name__ == "__main__":
    main()
