"""Mixed load on real engines that are killed at random: no wrong audio, no lost entry."""

import hashlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine
from novel_audio_pipeline_tests.tts_backend.serving import Served, served

TEXTS = [f"Đây là câu số {number}, và nó dài hơn một chút." for number in range(24)]


def digest_of(backend: Served, text: str) -> str:
    answer = backend.ask(text, store=False)
    assert answer.status_code == 200
    return hashlib.sha256(answer.content).hexdigest()


def work(backend: Served, expected: dict[str, str], *, seed: int, until: float) -> int:
    """Speak, fetch and delete at random until the time is over; return how often audio was seen."""
    dice, seen = random.Random(seed), 0
    with httpx.Client(base_url=backend.url, timeout=30) as client:
        while time.monotonic() < until:
            text = dice.choice(TEXTS)
            answer = client.post("/api/tts/synthesize", json={"text": text, "return_audio": False})
            assert answer.status_code in (200, 500), answer.text
            if answer.status_code == 500:  # killed twice at one text
                assert answer.json()["error"]["code"] == "engine_failed"
                continue
            assert answer.json()["file_metadata"]["sha256"] == expected[text]
            path = f"/api/tts/audio/{answer.json()['file_id']}"
            audio = client.get(path)
            if audio.status_code == 200:  # else another one deleted it
                assert hashlib.sha256(audio.content).hexdigest() == expected[text]
                seen += 1
            if dice.random() < 0.5:
                assert client.delete(path).status_code in (200, 404)
    return seen


@pytest.mark.parametrize(
    "seconds", [pytest.param(4, id="short"), pytest.param(60, id="long", marks=pytest.mark.slow)]
)
def test_engines_killed_at_random_spoil_nothing(tmp_path, seconds, request):
    if seconds > 10 and "slow" not in str(request.config.getoption("-m")):
        pytest.skip("a minute of load: run with -m slow")
    engine = EspeakEngine(workers=2)
    with served(tmp_path, engine=engine) as backend:
        expected = {text: digest_of(backend, text) for text in TEXTS}
        own = psutil.Process()
        until = time.monotonic() + seconds
        stop = threading.Event()
        killed = 0
        with ThreadPoolExecutor(6) as pool:
            working = [
                pool.submit(work, backend, expected, seed=seed, until=until) for seed in range(6)
            ]
            time.sleep(0.5)
            before_bytes = own.memory_info().rss
            while not all(one.done() for one in working):
                for child in random.Random(killed).sample(own.children(), 1):
                    child.kill()
                    killed += 1
                stop.wait(0.15)
            seen = sum(one.result() for one in working)
        assert seen > 50 * seconds / 4
        assert killed >= 5
        assert own.memory_info().rss < before_bytes + 80 * 1024 * 1024
        for text, sha256 in expected.items():
            assert backend.record(text)["file_metadata"]["sha256"] == sha256
        assert not list(backend.cache.root.rglob("*.tmp"))
