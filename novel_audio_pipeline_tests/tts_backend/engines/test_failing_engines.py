"""Engines whose processes die, hang, say nothing or talk nonsense, as a client sees them."""

import sys
from collections.abc import Sequence

import pytest

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import Speech, Voice
from novel_audio_pipeline.tts_backend.engines.worker_engine import WorkerEngine, demand_ok
from novel_audio_pipeline_tests.tts_backend.serving import served

# A child that does what its text says, the first time or always.
CHILD = """
import os, pathlib, sys, time
from novel_audio_pipeline.tts_backend.engines.worker_messages import answer_messages

seen = pathlib.Path(sys.argv[1])

def answer(message):
    if message["do"] == "version":
        return {"ok": True, "version": "1"}, b""
    how, _, when = message["text"].partition(" ")
    if when == "once":
        if seen.exists():
            how = "well"
        seen.touch()
    if how == "dies":
        os._exit(9)
    if how == "hangs":
        time.sleep(600)
    if how == "babbles":
        for descriptor in range(3, 10):  # its answers go to one of these
            try:
                os.write(descriptor, b"HTTP/1.1 200 OK")
            except OSError:
                pass
    pcm = b"" if how == "mute" else b"ab" * 4000
    return {"ok": True, "sample_rate_hz": 22050}, pcm

sys.exit(answer_messages(answer))
"""


class FailingEngine(WorkerEngine):
    """An engine that fails as its text says."""

    name = model = library = "failing"
    max_chars = 1000
    min_speed, max_speed = 0.25, 4.0
    sample_rate_hz = 22_050
    voices: Sequence[Voice] = (Voice("vi", "vi", "Fails"),)

    def __init__(self, seen: str) -> None:
        super().__init__([sys.executable, "-c", CHILD, seen], workers=2, timeout_s=1.0)

    async def speak(self, request: SpeechRequest) -> Speech:
        answer = await self.pool.ask({"do": "speak", "text": request.text})
        demand_ok(answer)
        return Speech(answer.pcm, int(answer.header["sample_rate_hz"]))


@pytest.mark.parametrize("how", ["dies", "hangs", "babbles", "mute"])
def test_it_is_an_error_that_says_so_nothing_is_stored_and_the_next_text_is_spoken(tmp_path, how):
    with served(tmp_path, engine=FailingEngine(str(tmp_path / "seen"))) as backend:
        answer = backend.ask(how)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "engine_failed")
        assert list(backend.cache.entries()) == []
        assert backend.record("well")["duration_seconds"] == pytest.approx(4000 / 22_050, abs=1e-4)
        assert backend.client.get("/ready").status_code == 200


@pytest.mark.parametrize("how", ["dies", "hangs", "babbles"])
def test_what_fails_in_one_process_is_spoken_by_another_and_the_client_sees_nothing(tmp_path, how):
    with served(tmp_path, engine=FailingEngine(str(tmp_path / "seen"))) as backend:
        assert backend.record(f"{how} once")["cached"] is False
        assert backend.record(f"{how} once")["cached"] is True
