"""The synthesizer by itself: who leaves, and what is shared."""

import asyncio
from datetime import timedelta

import pytest

from novel_audio_pipeline.tts_backend.budget import DiskBudget
from novel_audio_pipeline.tts_backend.choosing import Asked, choose
from novel_audio_pipeline.tts_backend.metrics import Metrics
from novel_audio_pipeline.tts_backend.synthesis import Synthesizer
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline_tests.tts_backend.serving import Clock, CountingEngine


def test_one_who_leaves_takes_nothing_from_the_others(tmp_path):
    async def run():
        cache = CacheFolder(tmp_path)
        cache.prepare()
        engine = CountingEngine(real_time=2)
        await engine.start()
        synthesizer = Synthesizer(
            cache=cache,
            ttl=timedelta(hours=2),
            now=Clock(),
            budget=DiskBudget(cache, max_bytes=0, min_free_bytes=0),
            metrics=Metrics(waiting=lambda: 0),
        )
        chosen = choose(Asked("Một câu."), engines=[engine], default_language="vi")
        first = asyncio.create_task(synthesizer.speak(chosen, request_id="first", store=True))
        while not engine.spoken:
            await asyncio.sleep(0.001)
        second = asyncio.create_task(synthesizer.speak(chosen, request_id="second", store=True))
        await asyncio.sleep(0)  # it has asked, and the first one's audio is being made
        first.cancel()
        spoken = await second
        with pytest.raises(asyncio.CancelledError):
            await first
        return spoken, len(engine.spoken)

    spoken, syntheses = asyncio.run(run())
    assert syntheses == 1
    assert spoken.document["request_id"] == "first"
