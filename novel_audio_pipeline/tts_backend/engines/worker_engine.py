"""An engine whose work is done by child processes: what all of these share."""

import importlib.util
import os
from collections.abc import Sequence
from typing import TypedDict, Unpack

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.tts_backend.engines.base import Engine, EngineError
from novel_audio_pipeline.tts_backend.engines.worker_pool import WorkerPool
from novel_audio_pipeline.tts_backend.engines.worker_process import Answer


class Children(TypedDict, total=False):
    """How the child processes of an engine are run.

    Attributes:
        workers: How many; 0, the default, is one for each processor.
        queue_limit: How many texts may wait, 256 if not said.
        timeout_s: A process silent for longer is replaced, 60 if not said.
    """

    workers: int
    queue_limit: int
    timeout_s: float


class WorkerEngine(Engine):
    """An engine with a pool of child processes.

    Args:
        command: Starts one child.
        children: How they are run.

    Attributes:
        library: What the children load, as the engine's version names it.
    """

    library: str

    def __init__(self, command: Sequence[str], **children: Unpack[Children]) -> None:
        self._version = self.library
        self.pool = WorkerPool(
            command,
            size=children.get("workers", 0) or os.cpu_count() or 1,
            queue_limit=children.get("queue_limit", 256),
            timeout_s=children.get("timeout_s", 60.0),
        )

    @property
    def version(self) -> str:
        """Name and, once it was started, version of the library."""
        return self._version

    @property
    def waiting(self) -> int:
        """How many texts wait for a process."""
        return self.pool.waiting

    def is_ready(self) -> bool:
        """Return whether its processes were started and not ended."""
        return self.pool.is_open

    async def start(self) -> None:
        """Start the processes, and see that one of them loads its library."""
        await self.pool.start()
        try:
            answer = await self.pool.ask({"do": "version"})
            demand_ok(answer)
        except EngineError:
            await self.close()
            raise
        self._version = f"{self.library} {answer.header['version']}"

    def stop_taking(self) -> None:
        """Refuse what waits or comes."""
        self.pool.stop_taking()

    async def close(self) -> None:
        """End the processes."""
        await self.pool.close()


def demand_ok(answer: Answer) -> None:
    """Return if the child did what it was asked.

    Raises:
        EngineError: If not, with the child's code, ``engine_failed`` if it gave none.
    """
    header = answer.header
    if not header["ok"]:
        raise EngineError(header["message"], code=header.get("code", "engine_failed"))


def demand_package(module: str, *, engine: str, package: str, extra: str) -> None:
    """Return if the package that the children load is installed; it is not loaded here.

    Raises:
        SettingError: If it is not; the message says what to install.
    """
    if importlib.util.find_spec(module) is None:
        raise SettingError(
            f"TTS_ENGINE={engine} needs the package {package}: "
            f"pip install 'novel-audio-pipeline[{extra}]'"
        )
