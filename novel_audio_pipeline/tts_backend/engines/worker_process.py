"""One child process that answers messages; and the wire format of those messages."""

import asyncio
import contextlib
import json
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MAX_HEADER_BYTES = 1024 * 1024
_MAX_PCM_BYTES = 2**30
_PREFIX_BYTES = 4


class WorkerFailedError(Exception):
    """The child died, hung, or answered nonsense. It is of no use any more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child answered.

    Attributes:
        header: Its JSON.
        pcm: The samples behind it.
    """

    header: dict[str, Any]
    pcm: bytes


class WorkerProcess:
    """A running child. One message at a time; made by ``start_worker``.

    Its standard input closes when this process ends, however that ends, and then it ends too.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Process number of the child."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the child has not been seen to end."""
        return self._process.returncode is None

    async def ask(self, message: dict[str, Any], *, timeout_s: float) -> Answer:
        """Send a message and return the answer.

        Raises:
            WorkerFailedError: If the child died, hung longer than ``timeout_s``, or answered nonsense.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(message)
        except TimeoutError as error:
            raise WorkerFailedError(f"no answer within {timeout_s:.0f} s") from error
        except asyncio.IncompleteReadError as error:
            raise WorkerFailedError("the process ended in the middle of its answer") from error
        except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
            raise WorkerFailedError(f"{type(error).__name__}: {error}") from error

    async def kill(self) -> None:
        """End the child at once and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def _exchange(self, message: dict[str, Any]) -> Answer:
        writer, reader = self._process.stdin, self._process.stdout
        if writer is None or reader is None:
            raise WorkerFailedError("the process has no pipes")
        data = json.dumps(message).encode()
        writer.write(struct.pack(">I", len(data)) + data)
        await writer.drain()
        (size,) = struct.unpack(">I", await reader.readexactly(_PREFIX_BYTES))
        if size > _MAX_HEADER_BYTES:
            raise WorkerFailedError(f"the process answered with a header of {size} bytes")
        header: dict[str, Any] = json.loads(await reader.readexactly(size))
        pcm_bytes = int(header["pcm_bytes"])
        if not 0 <= pcm_bytes <= _MAX_PCM_BYTES:
            raise WorkerFailedError(f"the process answered with {pcm_bytes} bytes of samples")
        return Answer(header, await reader.readexactly(pcm_bytes))


async def start_worker(command: Sequence[str]) -> WorkerProcess:
    """Start a child that can import this package, wherever it was started from.

    Raises:
        WorkerFailedError: If it cannot be started.
    """
    package_root = str(Path(__file__).resolve().parents[3])
    paths = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            limit=2**20,
        )
    except OSError as error:
        raise WorkerFailedError(f"cannot start {command[0]}: {error}") from error
    return WorkerProcess(process)
