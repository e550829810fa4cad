"""Asking an engine from tests: a loop of its own, so that it can simply be called."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import Engine, Speech


class Asking:
    """A started engine; it speaks English in its first voice unless told otherwise."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        self.engine = engine
        self._loop = loop

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(120)

    def speak(self, text: str, *, speed: float = 1.0, take: int = 0) -> Speech:
        voice = self.engine.voices[0]
        request = SpeechRequest(text, self.engine.model, voice.name, voice.language, speed, take)
        return self.run(self.engine.speak(request))


@contextlib.contextmanager
def asking(engine: Engine) -> Iterator[Asking]:
    """Start the engine and end it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    started = Asking(engine, loop)
    try:
        started.run(engine.start())
        yield started
    finally:
        started.run(engine.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
