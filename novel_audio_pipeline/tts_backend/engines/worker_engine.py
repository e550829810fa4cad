"""An engine whose work is done by child processes: what all of these share."""

from novel_audio_pipeline.tts_backend.engines.base import Engine, EngineError
from novel_audio_pipeline.tts_backend.engines.worker_pool import WorkerPool
from novel_audio_pipeline.tts_backend.engines.worker_process import Answer


class WorkerEngine(Engine):
    """An engine with a pool of child processes.

    Args:
        pool: The children, not started.
    """

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool

    @property
    def waiting(self) -> int:
        """How many texts wait for a process."""
        return self.pool.waiting

    def is_ready(self) -> bool:
        """Return whether its processes were started and not ended."""
        return self.pool.is_open

    async def start(self) -> None:
        """Start the processes."""
        await self.pool.start()

    def stop_taking(self) -> None:
        """Refuse what waits or comes."""
        self.pool.stop_taking()

    async def close(self) -> None:
        """End the processes."""
        await self.pool.close()

    async def start_and_ask_version(self) -> str:
        """Start the processes and return what one of them says its version is.

        Raises:
            EngineError: If the processes, or the library in them, cannot be started.
        """
        await self.pool.start()
        try:
            answer = await self.pool.ask({"do": "version"})
            demand_ok(answer)
        except EngineError:
            await self.close()
            raise
        return str(answer.header["version"])


def demand_ok(answer: Answer) -> None:
    """Return if the child did what it was asked.

    Raises:
        EngineError: If not, with the child's code, ``engine_failed`` if it gave none.
    """
    header = answer.header
    if not header["ok"]:
        raise EngineError(header["message"], code=header.get("code", "engine_failed"))
