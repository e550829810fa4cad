"""Mixed load on real engines that are killed at random, for as long as wanted.

``python -m novel_audio_pipeline_tests.tts_backend.soaking [--minutes 30]`` is the long form of the
test. It fails loudly at the first wrong audio.
"""

import argparse
import hashlib
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine
from novel_audio_pipeline_tests.tts_backend.serving import Served, served

TEXTS = [f"Đây là câu số {number}, và nó dài hơn một chút." for number in range(24)]
_CLIENTS = 6
_WARM_S = 0.5
_PAUSE_S = 0.15
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Soaked:
    """What a soak saw.

    Attributes:
        heard: How often audio was fetched and was right.
        failed: Answers 500 because a text met two killed engines.
        killed: Engine processes killed.
        rss_mib: Memory of server and clients together: at the start, after a tenth, at the end.
    """

    heard: int
    failed: int
    killed: int
    rss_mib: tuple[int, int, int]


def soak(root: Path, *, seconds: float) -> Soaked:
    """Speak, fetch, delete and kill for so long; then everything is asked for once more.

    Raises:
        AssertionError: If any audio was not that of a fresh synthesis, or a half file lies there.
    """
    with served(root, engine=EspeakEngine(workers=2)) as backend:
        expected = {text: _digest_of(backend, text) for text in TEXTS}
        until = time.monotonic() + seconds
        with ThreadPoolExecutor(_CLIENTS) as pool:
            working = [
                pool.submit(_work, backend, expected, seed=seed, until=until)
                for seed in range(_CLIENTS)
            ]
            killed, rss_mib = _kill_until_done(lambda: all(one.done() for one in working))
            seen = [one.result() for one in working]
        for text, sha256 in expected.items():
            assert backend.record(text)["file_metadata"]["sha256"] == sha256
        assert not list(backend.cache.root.rglob("*.tmp"))
    heard, failed = (sum(numbers) for numbers in zip(*seen, strict=True))
    early = rss_mib[len(rss_mib) // 10]
    return Soaked(heard, failed, killed, (rss_mib[0], early, rss_mib[-1]))


def _digest_of(backend: Served, text: str) -> str:
    answer = backend.ask(text, store=False)
    assert answer.status_code == 200
    return hashlib.sha256(answer.content).hexdigest()


def _work(backend: Served, expected: dict[str, str], *, seed: int, until: float) -> tuple[int, int]:
    """Speak, fetch and delete at random; return how often audio was right, and was not made."""
    dice, heard, failed = random.Random(seed), 0, 0
    with httpx.Client(base_url=backend.url, timeout=30) as client:
        while time.monotonic() < until:
            text = dice.choice(TEXTS)
            answer = client.post("/api/tts/synthesize", json={"text": text, "return_audio": False})
            assert answer.status_code in (200, 500), answer.text
            if answer.status_code == 500:  # killed twice at one text
                assert answer.json()["error"]["code"] == "engine_failed"
                failed += 1
                continue
            assert answer.json()["file_metadata"]["sha256"] == expected[text]
            path = f"/api/tts/audio/{answer.json()['file_id']}"
            audio = client.get(path)
            if audio.status_code == 200:  # else another one deleted it
                assert hashlib.sha256(audio.content).hexdigest() == expected[text]
                heard += 1
            if dice.random() < 0.5:
                assert client.delete(path).status_code in (200, 404)
    return heard, failed


def _kill_until_done(is_done) -> tuple[int, list[int]]:
    """Kill a child every now and then; return how many, and the memory measured in between."""
    own, pause, killed = psutil.Process(), threading.Event(), 0
    pause.wait(_WARM_S)
    rss_mib = [own.memory_info().rss // _MIB]
    while not is_done():
        children = own.children()
        if children:  # all may be dead at this moment: the next text starts another
            random.Random(killed).choice(children).kill()
            killed += 1
        pause.wait(_PAUSE_S)
        rss_mib.append(own.memory_info().rss // _MIB)
    return killed, rss_mib


def main() -> None:
    """Soak and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        seen = soak(Path(folder), seconds=60 * minutes)
    print(
        f"{minutes:g} minutes: audio fetched {seen.heard} times, each equal to a fresh synthesis; "
        f"{seen.killed} engine processes killed; {seen.failed} requests met two killed ones; memory "
        f"{seen.rss_mib[0]} MiB at the start, {seen.rss_mib[1]} after a tenth, "
        f"{seen.rss_mib[2]} at the end"
    )


if __name__ == "__main__":
    main()
