"""Mixed load on a real backend whose engine processes are killed at random, for as long as wanted.

``python -m novel_audio_pipeline_tests.tts_backend.soaking [--minutes 30]`` is the long form of the
test. It fails loudly at the first wrong audio, lost entry, or memory that grows.
"""

import argparse
import contextlib
import hashlib
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import psutil

from novel_audio_pipeline_tests.tts_backend.serving import start_child

# Of the kept ones none is ever deleted, so none may ever be missing.
KEPT = [f"Câu này ở lại, số {number}." for number in range(8)]
DELETED = [
    *(f"Đây là câu số {number}, và nó dài hơn một chút." for number in range(24)),
    "Một câu trong nhiều câu, vì máy nói từng phần. " * 60,
]
# What is big in memory are whole answers of minutes of audio, as many at a time as there are clients.
MOST_GROWTH, ROOM_MIB = 1.2, 10
_CLIENTS = 6
_START_S = 0.5
_WARM_UP_S = 600
_LONGEST_PAUSE_S = 0.6  # between two kills; a new engine process needs about half of it
_TOLD_EVERY_S = 60
_MIB = 1024 * 1024
_SPEAK = "/api/tts/synthesize"


@dataclass(frozen=True)
class Soaked:
    """What a soak saw.

    Attributes:
        done: How often each thing was done and was right.
        killed: Engine processes killed.
        rss_mib: Memory of the server's own process over time, evenly spaced.
    """

    done: Counter[str]
    killed: int
    rss_mib: list[float]

    @property
    def early_mib(self) -> float:
        """Memory in the second tenth of the time."""
        tenth = max(1, len(self.rss_mib) // 10)
        return statistics.median(self.rss_mib[tenth : 2 * tenth + 1])

    @property
    def late_mib(self) -> float:
        """Memory in the last tenth of the time."""
        return statistics.median(self.rss_mib[-max(1, len(self.rss_mib) // 10) :])


def soak(root: Path, *, seconds: float, tell: Callable[[str], None] = lambda _: None) -> Soaked:
    """Speak, fetch, delete and kill for so long; then everything is asked for once more.

    Raises:
        AssertionError: If any audio was not that of a fresh synthesis, an entry was lost, a half
            file lies there, or, in ten minutes or more, memory grew.
    """
    child = start_child(root, "--parent-pipe", env={"TTS_ENGINE": "espeak"})
    done: Counter[str] = Counter()
    try:
        expected = {text: _digest_of(child.url, text) for text in (*KEPT, *DELETED)}
        until, over = time.monotonic() + seconds, threading.Event()
        with ThreadPoolExecutor(_CLIENTS) as pool:
            clients = [_Client(child.url, expected, seed, done) for seed in range(_CLIENTS)]
            working = [pool.submit(client.work, over) for client in clients]
            try:
                killed, rss_mib = _kill_until_done(
                    psutil.Process(child.process.pid),
                    lambda: time.monotonic() >= until or any(one.done() for one in working),
                    lambda mib, killed: tell(f"{mib:.1f} MiB, {killed} killed, {dict(done)}"),
                )
            finally:
                over.set()
            for one in working:
                one.result()
        with httpx.Client(base_url=child.url, timeout=60) as client:
            for text, sha256 in expected.items():
                path = f"/api/tts/audio/{_record(client, text)['file_id']}"
                assert hashlib.sha256(client.get(path).content).hexdigest() == sha256
                client.delete(path)
                assert _record(client, text)["file_metadata"]["sha256"] == sha256
    finally:
        child.process.stdin.close()
        child.process.stdout.close()
        child.process.wait(20)
    assert not list(root.rglob("*.tmp"))
    seen = Soaked(done, killed, rss_mib)
    if seconds >= _WARM_UP_S:  # before, memory grows to what so many clients need at once
        assert seen.late_mib <= MOST_GROWTH * seen.early_mib + ROOM_MIB, rss_mib
    return seen


def _digest_of(url: str, text: str) -> str:
    answer = httpx.post(f"{url}{_SPEAK}", json={"text": text, "store": False}, timeout=60)
    assert answer.status_code == 200
    return hashlib.sha256(answer.content).hexdigest()


def _record(client: httpx.Client, text: str) -> dict:
    """Return the record, asked for again as often as its engines are killed."""
    while True:
        answer = client.post(_SPEAK, json={"text": text, "return_audio": False})
        if answer.status_code == 200:
            return answer.json()
        assert answer.json()["error"]["code"] == "engine_failed", answer.text


class _Client:
    """One of those who speak, fetch and delete at random, and look whether all of it is right."""

    def __init__(self, url: str, expected: dict[str, str], seed: int, done: Counter[str]) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)
        self._expected = expected
        self._dice = random.Random(seed)
        self._seed = seed
        self._done = done
        self._kept: set[str] = set()

    def work(self, over: threading.Event) -> None:
        """Go on until it is over; a client that ends before found something wrong."""
        things = (self._fetch, self._keep, self._hear, self._hear_as_openai, self._once, self._look)
        with self._client:
            for number in count():
                if over.is_set():
                    return
                self._dice.choices(things, (6, 3, 2, 2, 1, 1))[0](number)

    def _fetch(self, _: int) -> None:
        """Have a text spoken, fetch it, and delete it now and then."""
        text = self._dice.choice(DELETED)
        document = self._speak(text)
        if document is None:
            return
        assert document["file_metadata"]["sha256"] == self._expected[text]
        path = f"/api/tts/audio/{document['file_id']}"
        audio = self._client.get(path)
        if audio.status_code == 200:  # else another one deleted it
            self._is_right(text, audio.content, "fetched")
        if self._dice.random() < 0.5:
            assert self._client.delete(path).status_code in (200, 404)

    def _keep(self, _: int) -> None:
        """Fetch what nobody deletes: once it was stored it must be there."""
        text = self._dice.choice(KEPT)
        document = self._speak(text)
        if document is None:
            return
        assert document["cached"] or text not in self._kept
        self._kept.add(text)
        audio = self._client.get(f"/api/tts/audio/{document['file_id']}")
        assert audio.status_code == 200, audio.text
        self._is_right(text, audio.content, "kept and fetched")

    def _hear(self, _: int) -> None:
        """Have the audio in the answer, stored or not."""
        text = self._dice.choice([*KEPT, *DELETED])
        form = {"text": text, "store": self._dice.random() < 0.5}
        answer = self._client.post(_SPEAK, json=form)
        if self._is_answered(answer):
            self._is_right(text, answer.content, "answered with audio")

    def _hear_as_openai(self, _: int) -> None:
        text = self._dice.choice(DELETED)
        form = {"input": text, "model": "tts-1", "voice": "vi", "response_format": "wav"}
        answer = self._client.post("/v1/audio/speech", json=form)
        if self._is_answered(answer):
            self._is_right(text, answer.content, "answered in OpenAI's form")

    def _once(self, number: int) -> None:
        """Have a text spoken that nobody else asks for: made, cached, deleted, gone."""
        text = f"Chỉ một lần: {self._seed}, {number}. " * self._dice.randrange(1, 8)
        first = self._speak(text)
        again = first and self._speak(text)
        if not again:
            return
        assert again["cached"]
        path = f"/api/tts/audio/{again['file_id']}"
        audio = hashlib.sha256(self._client.get(path).content).hexdigest()
        assert audio == first["file_metadata"]["sha256"] == again["file_metadata"]["sha256"]
        assert self._client.delete(path).status_code == 200
        assert self._client.get(path).status_code == 404
        self._done["spoken once, fetched, gone"] += 1

    def _look(self, _: int) -> None:
        for path in ("/health", "/metrics", "/api/tts/storage/files", "/api/tts/storage/stats"):
            assert self._client.get(path).status_code == 200
        assert self._client.post("/api/tts/storage/cleanup").status_code == 200
        self._done["looked around"] += 1

    def _speak(self, text: str) -> dict | None:
        answer = self._client.post(_SPEAK, json={"text": text, "return_audio": False})
        return answer.json() if self._is_answered(answer) else None

    def _is_answered(self, answer: httpx.Response) -> bool:
        if answer.status_code == 200:
            return True
        assert answer.status_code == 500, answer.text
        assert answer.json()["error"]["code"] == "engine_failed"
        self._done["met two killed engines"] += 1
        return False

    def _is_right(self, text: str, wav: bytes, what: str) -> None:
        assert hashlib.sha256(wav).hexdigest() == self._expected[text], f"{what}: {text[:60]}"
        self._done[what] += 1


def _kill_until_done(
    server: psutil.Process, is_done: Callable[[], bool], tell: Callable[[float, int], None]
) -> tuple[int, list[float]]:
    """Kill an engine process every now and then; return how many, and the server's memory over time."""
    pause, killed, told_s, dice = threading.Event(), 0, time.monotonic(), random.Random(0)
    pause.wait(_START_S)
    rss_mib = [server.memory_info().rss / _MIB]
    while not is_done():
        engines = server.children()
        if engines:  # all may be dead at this moment: the next text starts another
            with contextlib.suppress(psutil.NoSuchProcess):
                dice.choice(engines).kill()
                killed += 1
        pause.wait(dice.uniform(0, _LONGEST_PAUSE_S))
        rss_mib.append(server.memory_info().rss / _MIB)
        if time.monotonic() - told_s >= _TOLD_EVERY_S:
            told_s += _TOLD_EVERY_S
            tell(rss_mib[-1], killed)
    return killed, rss_mib


def main() -> None:
    """Soak and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    minutes = parser.parse_args().minutes
    started_s = time.monotonic()

    def tell(line: str) -> None:
        print(f"{(time.monotonic() - started_s) / 60:5.1f} min: {line}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        seen = soak(Path(folder), seconds=60 * minutes, tell=tell)
    for what, number in seen.done.most_common():
        print(f"{number:7}  {what}")
    points = [seen.rss_mib[len(seen.rss_mib) * tenth // 10] for tenth in range(10)]
    print(
        f"{minutes:g} minutes: every audio equal to a fresh synthesis, no entry lost; {seen.killed} "
        f"engine processes killed; the server's memory in MiB, by tenths: "
        f"{', '.join(f'{mib:.0f}' for mib in [*points, seen.rss_mib[-1]])}"
    )


if __name__ == "__main__":
    main()
