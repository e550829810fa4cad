"""The child's side of the pipes: read a message, answer it. Next to nothing is imported here."""

import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

_PREFIX_BYTES = 4
Answer = tuple[dict[str, Any], bytes]


def answer_messages(answer: Callable[[dict[str, Any]], Answer]) -> int:
    """Answer each message with a header and samples until the input ends; return 0.

    Either way a message is a big-endian length of four bytes and that much JSON; the samples, as
    many as the header's ``pcm_bytes``, follow an answer's.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever holds the other end
    answers = _take_output()
    while (message := _read_message(sys.stdin.buffer)) is not None:
        header, pcm = answer(message)
        encoded = json.dumps(header | {"pcm_bytes": len(pcm)}).encode()
        try:
            answers.write(struct.pack(">I", len(encoded)) + encoded)
            answers.write(pcm)
            answers.flush()
        except BrokenPipeError:  # whoever asked is gone
            os._exit(0)
    return 0


def _take_output() -> BinaryIO:
    """Return the standard output, and send whatever a library prints to the standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _read_message(stream: BinaryIO) -> dict[str, Any] | None:
    prefix = stream.read(_PREFIX_BYTES)
    if len(prefix) < _PREFIX_BYTES:
        return None
    (size,) = struct.unpack(">I", prefix)
    data = stream.read(size)
    if len(data) < size:
        return None
    message: dict[str, Any] = json.loads(data)
    return message
