"""The engine ``openai``: any server of the OpenAI speech form, asked by child processes."""

import sys
from collections.abc import Sequence

from novel_audio_pipeline.speech.request import MAX_SPEED, MIN_SPEED, SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import Speech, Voice
from novel_audio_pipeline.tts_backend.engines.worker_engine import WorkerEngine, demand_ok
from novel_audio_pipeline.tts_backend.settings import OpenAiServer

_WORKER = "novel_audio_pipeline.tts_backend.engines.openai_worker"
_KILL_AFTER_S = 5.0  # a child gives up by itself; later it counts as hung


class OpenAiEngine(WorkerEngine):
    """A speech server elsewhere. It gets this backend's cache, queue and single synthesis.

    Equal texts need not be equal audio: that is the server's own affair.

    Args:
        server: Where it is and what it calls things.
        workers: How many texts it is asked for at a time.
        queue_limit: How many texts may wait.
        timeout_s: How long it may take for one.
    """

    name = "openai"
    max_chars = 1000  # the least that the servers known accept is 3000; shorter ones fail less
    min_speed = MIN_SPEED
    max_speed = MAX_SPEED
    sample_rate_hz = 24_000

    def __init__(
        self, server: OpenAiServer, *, workers: int, queue_limit: int, timeout_s: float
    ) -> None:
        self._server = server
        self._timeout_s = timeout_s
        self.model = server.model
        self.library = f"openai {server.model}"  # the server does not tell its version
        self._voices = tuple(
            Voice(name, language, f"Voice {name} of {server.model}")
            for language, name in server.voices
        )
        super().__init__(
            [sys.executable, "-m", _WORKER],
            workers=workers,
            queue_limit=queue_limit,
            timeout_s=timeout_s + _KILL_AFTER_S,
        )

    @property
    def voices(self) -> Sequence[Voice]:
        """Those that the settings name."""
        return self._voices

    async def start(self) -> None:
        """Start the processes; the server is asked when there is something to speak."""
        await self.pool.start()

    async def speak(self, request: SpeechRequest) -> Speech:
        """Have the server speak the text."""
        answer = await self.pool.ask(
            {
                "url": self._server.url,
                "api_key": self._server.api_key,
                "timeout_s": self._timeout_s,
                "form": {
                    "model": request.model,
                    "input": request.text,
                    "voice": request.voice,
                    "response_format": "wav",
                    "speed": request.speed,
                },
            }
        )
        demand_ok(answer)
        return Speech(answer.pcm, int(answer.header["sample_rate_hz"]))
