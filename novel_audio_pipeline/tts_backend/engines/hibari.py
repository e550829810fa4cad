"""The engine ``hibari``: a small neural English voice in child processes (extra ``neural-en``)."""

import importlib.util
import os
import sys
from collections.abc import Sequence

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import Speech, Voice
from novel_audio_pipeline.tts_backend.engines.worker_engine import WorkerEngine, demand_ok
from novel_audio_pipeline.tts_backend.engines.worker_pool import WorkerPool

_WORKER = "novel_audio_pipeline.tts_backend.engines.hibari_worker"
VOICES = (Voice("heart", "en", "English, America, neural"),)  # the only one inside the package


class HibariEngine(WorkerEngine):
    """hibari-tts in ``workers`` processes of its own, about 270 MB each once they have spoken.

    What it cannot read (other scripts alone, for one) is refused as ``text_not_spoken``.

    Args:
        workers: How many processes; 0 is one for each processor.
        queue_limit: How many texts may wait.
        timeout_s: A process silent for longer is replaced.

    Raises:
        SettingError: If its package is not installed.
    """

    name = "hibari"
    model = "hibari"
    max_chars = 400  # its time and memory grow with the square of a text without full stops
    min_speed = 0.5
    max_speed = 2.0
    sample_rate_hz = 24_000

    def __init__(
        self, *, workers: int = 0, queue_limit: int = 256, timeout_s: float = 60.0
    ) -> None:
        if importlib.util.find_spec("hibari") is None:
            raise SettingError(
                "TTS_ENGINE=hibari needs the package hibari-tts: "
                "pip install 'novel-audio-pipeline[neural-en]'"
            )
        self._version = "hibari"
        super().__init__(
            WorkerPool(
                [sys.executable, "-m", _WORKER],
                size=workers or os.cpu_count() or 1,
                queue_limit=queue_limit,
                timeout_s=timeout_s,
            )
        )

    @property
    def version(self) -> str:
        """``hibari`` and its version."""
        return self._version

    @property
    def voices(self) -> Sequence[Voice]:
        """One, English."""
        return VOICES

    async def start(self) -> None:
        """Start the processes, and see that one of them loads the model."""
        self._version = f"hibari {await self.start_and_ask_version()}"

    async def speak(self, request: SpeechRequest) -> Speech:
        """Speak the text; a take is another seed of its noise."""
        answer = await self.pool.ask(
            {
                "do": "speak",
                "text": request.text,
                "voice": request.voice,
                "speed": request.speed,
                "take": request.take,
            }
        )
        demand_ok(answer)
        return Speech(answer.pcm, int(answer.header["sample_rate_hz"]))
