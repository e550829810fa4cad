"""The engine ``hibari``: a small neural English voice in child processes (extra ``neural-en``)."""

import sys
from collections.abc import Sequence
from typing import Unpack

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import Speech, Voice
from novel_audio_pipeline.tts_backend.engines.worker_engine import (
    Children,
    WorkerEngine,
    demand_ok,
    demand_package,
)

_WORKER = "novel_audio_pipeline.tts_backend.engines.hibari_worker"
VOICES = (Voice("heart", "en", "English, America, neural"),)  # the only one inside the package


class HibariEngine(WorkerEngine):
    """hibari-tts in ``workers`` processes of its own, about 270 MB each once they have spoken.

    What it cannot read (other scripts alone, for one) is refused as ``text_not_spoken``.

    Args:
        children: How they are run.

    Raises:
        SettingError: If its package is not installed.
    """

    name = "hibari"
    model = "hibari"
    library = "hibari"
    max_chars = 400  # its time and memory grow with the square of a text without full stops
    min_speed = 0.5
    max_speed = 2.0
    sample_rate_hz = 24_000

    def __init__(self, **children: Unpack[Children]) -> None:
        demand_package("hibari", engine=self.name, package="hibari-tts", extra="neural-en")
        super().__init__([sys.executable, "-m", _WORKER], **children)

    @property
    def voices(self) -> Sequence[Voice]:
        """One, English."""
        return VOICES

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
