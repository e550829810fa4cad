"""Running an asynchronous flow beside a blocking caller that may be interrupted at any time."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
POLL_S = 0.2


class _End:
    """Ends the stream; carries the error that ended the flow, if there was one."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class FlowThread(Generic[_Item]):
    """A flow in an event loop of its own thread, seen as an iterator of what it emits.

    The main thread stays free for signals: whatever interrupts the iteration there (Ctrl-C, the
    termination of a run) cancels the flow, which then commits what it has and ends; the
    interruption goes on when it has. Who may turn away early iterates ``with closing(iter(...))``.
    """

    def __init__(self, flow: Callable[[Callable[[_Item], None]], Awaitable[None]]) -> None:
        """Take a function that runs the flow and emits items through its argument."""
        self._flow = flow
        self._items: queue.Queue[_Item | _End] = queue.Queue()
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def emit(self, item: _Item) -> None:
        """Put an item into the stream; from any thread."""
        self._items.put(item)

    def __iter__(self) -> Generator[_Item, None, None]:
        """Run the flow to its end and yield what it emits.

        Raises:
            BaseException: Whatever ended the flow.
        """
        thread = threading.Thread(target=self._run, name="flow", daemon=True)
        thread.start()
        try:
            while not isinstance(item := self._next(), _End):
                yield item
        except BaseException:
            self._cancel()
            raise
        finally:
            thread.join()
        if item.error is not None:
            raise item.error

    def _next(self) -> _Item | _End:
        """Wait for the next item, waking up often enough for signals to be seen on all systems."""
        while True:
            try:
                return self._items.get(timeout=POLL_S)
            except queue.Empty:
                continue

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001  (handed to the iterating thread, not dropped)
            self._items.put(_End(error))
        else:
            self._items.put(_End(None))
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(_as_coroutine(self._flow(self.emit)))
        self._started.set()
        await self._task

    def _cancel(self) -> None:
        self._started.wait()
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just closed by itself
                self._loop.call_soon_threadsafe(self._task.cancel)


async def _as_coroutine(awaitable: Awaitable[None]) -> None:
    await awaitable
