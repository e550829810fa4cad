"""The backend against its own engines and its own server: ``python -m benchmarks.backend``.

Four yardsticks, each beside its floor: how busy 8 clients keep an engine, how long ``/health`` takes
meanwhile, what a cached answer costs, how fast downloads are. Both sides of a ratio are measured in
turn, in the same run, and the median of the rounds counts. The exit status is 1 if one falls short.
"""

import argparse
import asyncio
import functools
import http.client
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.budgets import Budgets
from benchmarks.narration import SAMPLE
from benchmarks.serving import backend
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine

CLIENTS = 8
BUSY_FLOOR, CACHED_CEILING, DOWNLOAD_FLOOR = 0.90, 2.0, 0.80
HEALTH_CEILING_S, HEALTH_SHARE = 0.050, 0.99
REAL_TIME = 20
PROBE_PAUSE_S = 0.02
TONE = {"TTS_ENGINE": "tone", "TTS_TONE_REAL_TIME": str(REAL_TIME), "TTS_ENGINE_WORKERS": "1"}
AT_ONCE = {"TTS_ENGINE": "tone", "TTS_TONE_REAL_TIME": "0"}
ESPEAK = {"TTS_ENGINE": "espeak", "TTS_ENGINE_WORKERS": "2"}


class Client:
    """One connection that stays open."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)

    def get(self, path: str) -> bytes:
        """Return the body; anything but 200 is an error."""
        return self._ask("GET", path, None)

    def record(self, text: str, model: str) -> dict[str, object]:
        """Return the record of a spoken text."""
        form = {"text": text, "model": model, "language": "en", "return_audio": False}
        answer: dict[str, object] = json.loads(
            self._ask("POST", "/api/tts/synthesize", json.dumps(form))
        )
        return answer

    def _ask(self, method: str, path: str, body: str | None) -> bytes:
        headers = {"Content-Type": "application/json"} if body else {}
        self._connection.request(method, path, body=body, headers=headers)
        answer = self._connection.getresponse()
        data = answer.read()
        assert answer.status == 200, data
        return data


def paragraphs(count: int, label: str) -> list[str]:
    """Return paragraphs of a novel's usual lengths that no other label has."""
    lines = [p for p in SAMPLE.read_text(encoding="utf-8").split("\n\n") if len(p) > 40]
    return [f"{label} {n}. {lines[n % len(lines)]}"[:1900] for n in range(count)]


def audio_s_per_s(url: str, texts: Sequence[str], model: str) -> float:
    """Return the speed at which 8 clients have texts spoken and fetch them."""
    shares = [texts[start::CLIENTS] for start in range(CLIENTS)]

    def work(share: Sequence[str]) -> float:
        client, made_s = Client(url), 0.0
        for text in share:
            record = client.record(text, model)
            made_s += float(str(record["duration_seconds"]))
            client.get(f"/api/tts/audio/{record['file_id']}")
        return made_s

    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        made_s = sum(pool.map(work, shares))
    return made_s / (time.perf_counter() - started)


async def own_speed_of_espeak(texts: Sequence[str]) -> float:
    """Return its speed without the backend: the same processes, asked directly."""
    engine = EspeakEngine(workers=2, queue_limit=len(texts))
    await engine.start()
    requests = [SpeechRequest(text, "espeak", "en-us", "en") for text in texts]
    started = time.perf_counter()
    spoken = await asyncio.gather(*(engine.speak(request) for request in requests))
    took_s = time.perf_counter() - started
    await engine.close()
    return sum(len(speech.pcm) / 2 / speech.sample_rate_hz for speech in spoken) / took_s


def probe_health(url: str, seconds: float) -> list[float]:
    """Return how long each of many ``/health`` took; runs in a process of its own."""
    client, took = Client(url), []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        client.get("/health")
        took.append(time.perf_counter() - started)
        time.sleep(PROBE_PAUSE_S)
    return took


def busy(budgets: Budgets, *, rounds: int, seconds: float) -> None:
    """How busy 8 clients keep an engine, and ``/health`` meanwhile."""
    spawning = multiprocessing.get_context("spawn")
    for name, environ in (("engine of 20x real time", TONE), ("espeak", ESPEAK)):
        speeds, shares, health = [], [], []
        with (
            tempfile.TemporaryDirectory() as folder,
            backend(Path(folder), environ) as running,
            ProcessPoolExecutor(1, mp_context=spawning) as prober,
        ):
            url, model = running.url, environ["TTS_ENGINE"]
            audio_s_per_s(url, paragraphs(16, "warm"), model)
            prober.submit(probe_health, url, 0.1).result()
            for number in range(rounds):
                # Eight paragraphs are the tail in which not all clients ask: they must weigh little.
                count = max(64, int(seconds * (1 if model == "tone" else 20)))
                texts = paragraphs(count, f"round {number}")
                probing = prober.submit(probe_health, url, seconds)
                speeds.append(audio_s_per_s(url, texts, model))
                health += probing.result()
                own = REAL_TIME if model == "tone" else asyncio.run(own_speed_of_espeak(texts))
                shares.append(speeds[-1] / own)
        share, told = statistics.median(shares), "no floor"
        if model == "tone":
            told = budgets.at_least(f"share of the {name}", share, BUSY_FLOOR)
        print(f"{name}, {CLIENTS} clients: {statistics.median(speeds):.1f} s of audio per second")
        each = ", ".join(f"{one:.2f}" for one in shares)
        print(f"  share of the engine's own speed {share:.2f} (rounds: {each}); {told}")
        tell_health(budgets, health, name=name)


def tell_health(budgets: Budgets, health: Sequence[float], *, name: str) -> None:
    """Print how long ``/health`` took."""
    ordered = sorted(health)
    within = sum(took <= HEALTH_CEILING_S for took in ordered) / len(ordered)
    told = budgets.at_least(f"/health in time beside the {name}", within, HEALTH_SHARE)
    print(
        f"  /health meanwhile: median {1000 * statistics.median(ordered):.1f} ms, worst of "
        f"{len(ordered)} {1000 * ordered[-1]:.0f} ms; {within:.3f} of them within "
        f"{1000 * HEALTH_CEILING_S:.0f} ms; {told}"
    )


def seconds_in_turn(
    one: Callable[[], object], other: Callable[[], object], count: int
) -> tuple[float, float]:
    """Return the median times of two calls that are made in turn, so that both meet the same load."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(count):
        for call, its in zip((one, other), took, strict=True):
            started = time.perf_counter()
            call()
            its.append(time.perf_counter() - started)
    return statistics.median(took[0]), statistics.median(took[1])


def cached(budgets: Budgets, *, rounds: int) -> None:
    """What a cached answer costs, against ``/health``."""
    with (
        tempfile.TemporaryDirectory() as folder,
        backend(Path(folder), AT_ONCE) as running,
    ):
        client = Client(running.url)
        (text,) = paragraphs(1, "cached")
        client.record(text, "tone")
        assert client.record(text, "tone")["cached"] is True
        health_s, answer_s = seconds_in_turn(
            lambda: client.get("/health"), lambda: client.record(text, "tone"), 500 * rounds
        )
    ratio = answer_s / health_s
    told = budgets.at_most("a cached answer, times a /health", ratio, CACHED_CEILING)
    print(f"a cached answer: {ratio:.2f} times a /health; {told}")
    print(f"  /health {1000 * health_s:.2f} ms, cached answer {1000 * answer_s:.2f} ms")


@contextmanager
def plain_server(file: Path) -> Iterator[str]:
    """Run the yardstick of downloads and yield its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.plain_server", str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def downloads(budgets: Budgets, *, rounds: int) -> None:
    """How fast audio comes, against the same server sending a plain file."""
    with (
        tempfile.TemporaryDirectory() as folder,
        backend(Path(folder), AT_ONCE) as running,
    ):
        ours = Client(running.url)
        for name, text in (("a paragraph", "word " * 100), ("an hour", "words " * 3333)):
            file_id = ours.record(text, "tone")["file_id"]
            file = Path(folder) / "cache" / f"{file_id}.wav"
            size = file.stat().st_size
            with plain_server(file) as plain_url:
                plain = Client(plain_url)
                assert plain.get("/file") == ours.get(f"/api/tts/audio/{file_id}")
                plain_s, ours_s = seconds_in_turn(
                    functools.partial(plain.get, "/file"),
                    functools.partial(ours.get, f"/api/tts/audio/{file_id}"),
                    rounds * max(10, min(100, 200_000_000 // size)),
                )
            ratio = plain_s / ours_s
            told = budgets.at_least(f"download of {name}", ratio, DOWNLOAD_FLOOR)
            print(
                f"downloads of {size / 1e6:.2f} MB ({name}): {ratio:.2f} of the plain file's speed; "
                f"{told}"
            )
            print(
                f"  plain {size / 1e6 / plain_s:.0f} MB/s, backend {size / 1e6 / ours_s:.0f} MB/s"
            )


def measure(budgets: Budgets, *, rounds: int = 3, seconds: float = 15) -> None:
    """Measure everything and print it beside its budget."""
    cached(budgets, rounds=rounds)
    downloads(budgets, rounds=rounds)
    busy(budgets, rounds=rounds, seconds=seconds)


def main() -> None:
    """Measure; leave with status 1 if a budget was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15, help="of each round under load")
    arguments = parser.parse_args()
    budgets = Budgets()
    measure(budgets, rounds=arguments.rounds, seconds=arguments.seconds)
    budgets.leave()


if __name__ == "__main__":
    main()
