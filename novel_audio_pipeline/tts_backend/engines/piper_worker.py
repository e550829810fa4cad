"""The child process in which Piper speaks: requests on standard input, samples on output.

``python -m novel_audio_pipeline.tts_backend.engines.piper_worker VOICE.onnx``. It ends when its input
closes. piper-tts is GPL-3.0-or-later: nothing but this process loads it.
"""

import functools
import sys
from importlib import metadata as distribution
from typing import Any

from novel_audio_pipeline.tts_backend.engines import espeak_library
from novel_audio_pipeline.tts_backend.engines.plain_text import without_controls
from novel_audio_pipeline.tts_backend.engines.worker_messages import Answer, answer_messages


def main(arguments: list[str]) -> int:
    """Answer requests until the input ends; return the exit status."""
    from piper.phonemize_espeak import ESPEAK_DATA_DIR  # noqa: PLC0415  # this process alone has it

    (voice_file,) = arguments
    with espeak_library.short_data_path(str(ESPEAK_DATA_DIR)) as short:
        voice = functools.cache(functools.partial(_loaded, voice_file, data=short))
        return answer_messages(lambda message: _answer(message, voice=voice))


def readable(text: str) -> str:
    """Return the text as Piper may see it: ``[[sounds]]``, its mark for phonemes, is text."""
    return without_controls(text).replace("[[", "[ [")


def _loaded(voice_file: str, *, data: str) -> Any:  # a class of an extra
    from piper import PiperVoice  # noqa: PLC0415  # this process alone has it

    return PiperVoice.load(voice_file, espeak_data_dir=data)


def _answer(message: dict[str, Any], *, voice: Any) -> Answer:  # makes the above
    from piper import SynthesisConfig  # noqa: PLC0415  # this process alone has it

    try:
        loaded = voice()
    except Exception as error:  # noqa: BLE001  # whatever a file of the user's makes of the loader
        told = f"piper cannot load the voice ({type(error).__name__}: {error})"
        return {"ok": False, "code": "engine_failed", "message": told[:500]}, b""
    if message["do"] == "version":
        return {"ok": True, "version": distribution.version("piper-tts")}, b""
    noise = 0.0 if message["take"] == 0 else None  # None is the voice's own, other each time
    config = SynthesisConfig(
        length_scale=loaded.config.length_scale / message["speed"],
        noise_scale=noise,
        noise_w_scale=noise,
        normalize_audio=False,  # it would bring each sentence to full volume by itself
    )
    try:
        chunks = loaded.synthesize(readable(message["text"]), config)
        pcm = b"".join(chunk.audio_int16_bytes for chunk in chunks)
    except Exception as error:  # noqa: BLE001  # the library fails at texts in ways of its own
        return _not_spoken(f"piper cannot read this text ({type(error).__name__}: {error})")
    if not pcm:
        return _not_spoken("piper finds nothing to read in this text")
    return {"ok": True, "sample_rate_hz": loaded.config.sample_rate}, pcm


def _not_spoken(message: str) -> Answer:
    return {"ok": False, "code": "text_not_spoken", "message": message[:500]}, b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
