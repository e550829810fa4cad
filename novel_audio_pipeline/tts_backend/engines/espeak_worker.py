"""The child process in which espeak-ng speaks: requests on standard input, samples on output.

``python -m novel_audio_pipeline.tts_backend.engines.espeak_worker LIBRARY DATA``. It ends when its
input is closed. It imports next to nothing, so that it starts in milliseconds.
"""

import functools
import sys
from typing import Any

from novel_audio_pipeline.tts_backend.engines import espeak_library
from novel_audio_pipeline.tts_backend.engines.worker_messages import Answer, answer_messages


def main(arguments: list[str]) -> int:
    """Answer requests until the input ends; return the exit status."""
    library, data = arguments
    with espeak_library.short_data_path(data) as short:
        return answer_messages(functools.partial(_answer, library=library, data=short))


def _answer(message: dict[str, Any], *, library: str, data: str) -> Answer:
    try:
        if message["do"] == "version":
            return {"ok": True, "version": espeak_library.version(library)}, b""
        pcm, rate = espeak_library.speak(
            message["text"],
            voice=message["voice"],
            words_per_minute=message["words_per_minute"],
            take=message["take"],
            library=library,
            data=data,
        )
    except espeak_library.EspeakError as error:
        return {"ok": False, "message": str(error)}, b""
    return {"ok": True, "sample_rate_hz": rate}, pcm


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
