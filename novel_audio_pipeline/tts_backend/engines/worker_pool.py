"""Several child processes that share one bounded queue; the dead and the hung are replaced."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Sequence
from typing import Any

from novel_audio_pipeline.tts_backend.engines.base import EngineBusyError, EngineError
from novel_audio_pipeline.tts_backend.engines.worker_process import (
    Answer,
    WorkerFailedError,
    WorkerProcess,
    start_worker,
)

_logger = logging.getLogger(__name__)
_RECENT = 20


class WorkerPool:
    """Runs messages on ``size`` children, at most ``queue_limit`` waiting.

    A child that fails is killed; its message is tried once more, on another child. The order of
    asking is the order of answering, as far as there is one child free.

    Args:
        command: Starts one child.
        size: How many children, at least 1.
        queue_limit: How many messages may wait beyond those being answered.
        timeout_s: A child silent for longer counts as hung.
    """

    def __init__(
        self, command: Sequence[str], *, size: int, queue_limit: int, timeout_s: float
    ) -> None:
        self._command = tuple(command)
        self._size = size
        self._queue_limit = queue_limit
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(size)
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()
        self._waiting = 0
        self._recent_s: deque[float] = deque(maxlen=_RECENT)
        self._closed = False
        self._stopping = False

    @property
    def waiting(self) -> int:
        """How many messages wait for a child."""
        return self._waiting

    @property
    def pids(self) -> list[int]:
        """Process numbers of the children."""
        return [worker.pid for worker in self._all]

    @property
    def is_open(self) -> bool:
        """Whether the pool was started and not closed."""
        return bool(self._all) and not (self._closed or self._stopping)

    async def start(self) -> None:
        """Start the children.

        Raises:
            EngineError: If they cannot be started.
        """
        try:
            for _ in range(self._size):
                self._idle.append(await self._new_worker())
        except WorkerFailedError as error:
            await self.close()
            raise EngineError(f"no worker process: {error}", code="engine_failed") from error

    async def ask(self, message: dict[str, Any]) -> Answer:
        """Return the answer of one child.

        Raises:
            EngineBusyError: If the queue is full.
            EngineError: If two children failed at it, one after the other, or the pool is closed.
        """
        self._demand_open()
        if self._turns.locked() and self._waiting >= self._queue_limit:
            raise EngineBusyError(
                f"{self._waiting} texts wait already", retry_after_s=self._retry_after_s()
            )
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            self._demand_open()
            return await self._ask_twice(message)
        finally:
            self._turns.release()

    def stop_taking(self) -> None:
        """Refuse every message but those that children are at."""
        self._stopping = True

    async def close(self) -> None:
        """Kill all children; what they were at fails."""
        self._closed = True
        workers, self._all, self._idle = self._all, set(), []
        await asyncio.gather(*(worker.kill() for worker in workers))

    def _demand_open(self) -> None:
        if self._closed or self._stopping:
            raise EngineError("the engine is stopping", code="stopping")

    async def _ask_twice(self, message: dict[str, Any]) -> Answer:
        failures: list[str] = []
        for _ in range(2):
            try:
                return await self._ask_one(message)
            except WorkerFailedError as error:
                failures.append(str(error))
                _logger.warning("an engine process failed and is replaced: %s", error)
        raise EngineError(
            "two engine processes failed at this text: " + "; ".join(failures), code="engine_failed"
        )

    async def _ask_one(self, message: dict[str, Any]) -> Answer:
        started_s = asyncio.get_running_loop().time()
        worker = await self._take_worker()
        is_well = False
        try:
            answer = await worker.ask(message, timeout_s=self._timeout_s)
            is_well = True
        finally:  # a cancelled exchange leaves half an answer in the pipe: that child goes too
            if is_well and not self._closed:
                self._idle.append(worker)
            else:
                self._all.discard(worker)
                await worker.kill()
        self._recent_s.append(asyncio.get_running_loop().time() - started_s)
        return answer

    async def _take_worker(self) -> WorkerProcess:
        while self._idle:
            worker = self._idle.pop(0)
            if worker.is_alive:
                return worker
            self._all.discard(worker)
        return await self._new_worker()

    async def _new_worker(self) -> WorkerProcess:
        if self._closed:
            raise WorkerFailedError("the engine is stopping")
        worker = await start_worker(self._command)
        self._all.add(worker)
        return worker

    def _retry_after_s(self) -> int:
        typical_s = sum(self._recent_s) / len(self._recent_s) if self._recent_s else 1.0
        return max(1, min(60, math.ceil(typical_s * (self._waiting + 1) / self._size)))
