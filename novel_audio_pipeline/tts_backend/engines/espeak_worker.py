"""The child process in which espeak-ng speaks: requests on standard input, samples on output.

``python -m novel_audio_pipeline.tts_backend.engines.espeak_worker LIBRARY DATA``. Each way a message
is a big-endian length of four bytes and that much JSON; an answer's ``pcm_bytes`` follow its JSON.
It ends when its input is closed. It imports next to nothing, so that it starts in milliseconds.
"""

import json
import os
import signal
import struct
import sys
from typing import Any, BinaryIO

from novel_audio_pipeline.tts_backend.engines import espeak_library


def main(arguments: list[str]) -> int:
    """Answer requests until the input ends; return the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever holds the other end
    library, data = arguments
    answers = _take_output()
    with espeak_library.short_data_path(data) as short:
        while (message := _read_message(sys.stdin.buffer)) is not None:
            header, pcm = _answer(message, library=library, data=short)
            encoded = json.dumps(header | {"pcm_bytes": len(pcm)}).encode()
            try:
                answers.write(struct.pack(">I", len(encoded)) + encoded)
                answers.write(pcm)
                answers.flush()
            except BrokenPipeError:  # whoever asked is gone
                os._exit(0)
    return 0


def _answer(message: dict[str, Any], *, library: str, data: str) -> tuple[dict[str, Any], bytes]:
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


def _take_output() -> BinaryIO:
    """Return the standard output, and send whatever a library prints to the standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _read_message(stream: BinaryIO) -> dict[str, Any] | None:
    prefix = stream.read(4)
    if len(prefix) < 4:  # noqa: PLR2004  # the length's own length
        return None
    (size,) = struct.unpack(">I", prefix)
    data = stream.read(size)
    if len(data) < size:
        return None
    message: dict[str, Any] = json.loads(data)
    return message


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
