"""The child process in which hibari speaks: requests on standard input, samples on output.

``python -m novel_audio_pipeline.tts_backend.engines.hibari_worker``. It ends when its input closes.
"""

import functools
import re
import sys
from importlib import metadata as distribution
from typing import Any

from novel_audio_pipeline.tts_backend.engines.plain_text import without_controls
from novel_audio_pipeline.tts_backend.engines.worker_messages import Answer, answer_messages

_MAX_CHARS_PER_S = 30.0  # of 600 paragraphs none was read faster than 17.8
_PRONUNCIATION = re.compile(r"\[([^\]]+)\]\(/[^)]*/\)")
_MANY_DIGITS = re.compile(
    r"\d(?:[,.]?\d){15,}"
)  # numbers of more than 30 digits have no name in it
_DIGITS_IN_A_BREATH = 4


def main() -> int:
    """Answer requests until the input ends; return the exit status."""
    return answer_messages(_answer)


def readable(text: str) -> str:
    """Return the text as hibari may see it.

    Its mark for a pronunciation, ``[word](/sounds/)``, is only the word; any other link is text. The
    digits of very long numbers are read one by one.
    """
    plain = _PRONUNCIATION.sub(r"\1", without_controls(text)).replace("](", "] (")
    return _MANY_DIGITS.sub(_one_by_one, plain)


def _one_by_one(number: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", number.group())
    breaths = (
        " ".join(digits[start : start + _DIGITS_IN_A_BREATH])
        for start in range(0, len(digits), _DIGITS_IN_A_BREATH)
    )
    return ", ".join(breaths)


@functools.cache
def _voice(name: str) -> Any:  # a class of a package that has no types
    from hibari import Hibari  # noqa: PLC0415  # half a second and 100 MB, when it is needed

    return Hibari(voice=name)


def _answer(message: dict[str, Any]) -> Answer:
    if message["do"] == "version":
        _voice("heart")
        return {"ok": True, "version": distribution.version("hibari-tts")}, b""
    import numpy as np  # noqa: PLC0415  # hibari's own requirement, loaded with it

    text, speed = readable(message["text"]), message["speed"]
    try:
        voice = _voice(message["voice"])
        audio = voice(text, speed=speed, seed=message["take"])
    except Exception as error:  # noqa: BLE001  # the library fails at texts in ways of its own
        return _not_spoken(f"hibari cannot read this text ({type(error).__name__}: {error})")
    duration_s = len(audio) / voice.sample_rate
    spoken = sum(char.isalnum() for char in text)
    if duration_s * speed * _MAX_CHARS_PER_S < max(1, spoken):
        return _not_spoken(
            f"hibari speaks {duration_s:.1f} s for {spoken} letters and digits: it cannot read them"
        )
    samples = (np.clip(audio, -1.0, 1.0) * 32767.0).astype("<i2")
    return {"ok": True, "sample_rate_hz": voice.sample_rate}, samples.tobytes()


def _not_spoken(message: str) -> Answer:
    return {"ok": False, "code": "text_not_spoken", "message": message[:500]}, b""


if __name__ == "__main__":
    sys.exit(main())
