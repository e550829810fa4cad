"""The engine ``piper``: a Piper voice file of the user's, in child processes (extra ``piper``)."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import Speech, Voice
from novel_audio_pipeline.tts_backend.engines.worker_engine import (
    Children,
    WorkerEngine,
    demand_ok,
    demand_package,
)

_WORKER = "novel_audio_pipeline.tts_backend.engines.piper_worker"


class PiperEngine(WorkerEngine):
    """piper-tts in ``workers`` processes of its own, about 380 MB each once they have spoken.

    piper-tts is GPL-3.0-or-later: it is loaded into these children alone.

    Args:
        voice_file: The ``.onnx`` file; its description, ``.onnx.json``, lies beside it. A file with
            several speakers speaks as its first.
        children: How they are run.

    Raises:
        SettingError: If its package is not installed, or the file is no voice.
    """

    name = "piper"
    model = "piper"
    library = "piper"
    max_chars = 1000
    min_speed = 0.25
    max_speed = 4.0

    def __init__(self, voice_file: Path, **children: Unpack[Children]) -> None:
        demand_package("piper", engine=self.name, package="piper-tts", extra="piper")
        language, self.sample_rate_hz = _description(voice_file)
        self._voices = (Voice(voice_file.stem, language, f"Piper voice {voice_file.stem}"),)
        super().__init__([sys.executable, "-m", _WORKER, str(voice_file.absolute())], **children)

    @property
    def voices(self) -> Sequence[Voice]:
        """One, named as its file."""
        return self._voices

    async def speak(self, request: SpeechRequest) -> Speech:
        """Speak the text. Take 0 is always the same audio; any other is new each time it is made."""
        answer = await self.pool.ask(
            {
                "do": "speak",
                "text": request.text,
                "speed": request.speed,
                "take": request.take,
            }
        )
        demand_ok(answer)
        return Speech(answer.pcm, int(answer.header["sample_rate_hz"]))


def _description(voice_file: Path) -> tuple[str, int]:
    """Return the voice's language and sample rate in Hz, as the file beside it says.

    Raises:
        SettingError: If there is no voice file, or no description of one.
    """
    beside = voice_file.with_name(f"{voice_file.name}.json")
    try:
        document = json.loads(beside.read_text(encoding="utf-8"))
        # Voices of the first year describe only the phonemes' language.
        tag = document.get("language", {}).get("code") or document["espeak"]["voice"]
        rate = int(document["audio"]["sample_rate"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingError(
            f"TTS_PIPER_VOICE={str(voice_file)!r} needs its description {beside.name} beside it: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not voice_file.is_file():
        raise SettingError(f"TTS_PIPER_VOICE={str(voice_file)!r} is no file")
    return str(tag).replace("_", "-").split("-")[0].lower(), rate
