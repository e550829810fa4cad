"""The system's calls, counted, recorded, and made to kill, fail or lie at the N-th of them."""

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

from novel_audio_pipeline.storage.calls import FileCalls
from novel_audio_pipeline_tests.sweeps.replay import Disk, Step, Tree

Mode = Literal["none", "kill", "fail", "fail after", "corrupt"]

# Every method of FileCalls that reaches the system.
COUNTED = (
    "create",
    "open",
    "open_to_sync",
    "write",
    "read",
    "close",
    "sync_file",
    "sync_folder",
    "replace",
    "rename",
    "link",
    "unlink",
    "mkdir",
    "rmdir",
    "lstat",
    "scan",
    "disk_usage",
)
_CHANGE_NOTHING = ("read", "close", "open", "open_to_sync", "lstat", "scan", "disk_usage")


class Killed(BaseException):
    """The process is dead: this call, and every later one, never happens."""


@dataclass
class Trace:
    """What happened, in order.

    Attributes:
        steps: All of it.
        disk: What of it is durable; None unless somebody follows it.
    """

    steps: list[Step] = field(default_factory=list)
    disk: Disk | None = None

    def add(self, step: Step) -> None:
        """Remember a step."""
        self.steps.append(step)
        if self.disk is not None:
            self.disk.apply(step)

    def committed(self, text: str) -> None:
        """Remember that a text was reported as durable at this point."""
        self.add(Step("committed", (text,)))


class SweptCalls(FileCalls):
    """Makes something of the N-th call; remembers all that changed something. Threads take turns."""

    def __init__(
        self,
        trace: Trace,
        *,
        at: int = 0,
        mode: Mode = "none",
        number: int = errno.EIO,
    ) -> None:
        """Count from 1; at 0 nothing is done.

        Args:
            trace: Where to remember.
            at: Which call.
            mode: ``kill`` before it (in the middle of it, if it writes), ``fail`` instead of it,
                ``fail after`` it has happened, ``corrupt`` what it writes.
            number: The error of a failing call.
        """
        self.trace = trace
        self.count = 0
        self.dead = False
        self.fired = ""
        self._at, self._mode, self._number = at, mode, number
        self._paths: dict[int, str] = {}
        self._open: set[int] = set()
        self._lock = threading.Lock()

    def follow(self, root: Path) -> None:
        """Tell from here on what below a root is durable; what stands there now is."""
        if self.trace.disk is None:
            self.trace.disk = Disk(root)

    def durable(self) -> Tree:
        """Return what would be there if power was lost now, and nothing kept that is not synced."""
        with self._lock:
            assert self.trace.disk is not None
            return dict(self.trace.disk.power_lost(only_whole=True))["all unsynced lost"]

    def ask(self, name: str) -> None:
        """Count a call to something else than the file system, about to be made or just answered.

        Raises:
            Killed: If this is where the process dies.
            OSError: If this call is to fail.
        """
        with self._lock:
            if self.dead:
                raise Killed
            self.count += self._mode != "corrupt"
            if self.count != self._at or self._mode in ("none", "corrupt"):
                return
            self.fired = name
            if self._mode == "kill":
                self._die()
            raise OSError(self._number, os.strerror(self._number))

    def _swept(self, name: str, call: Callable[..., Any], *args: Any) -> Any:
        with self._lock:
            return self._done(name, call, args)

    def _done(self, name: str, call: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if self.dead:
            raise Killed
        counts = self._mode != "corrupt" or name == "write"
        self.count += counts
        if counts and self.count == self._at and self._mode != "none":
            self.fired = name
            args = self._interfere(name, call, args)
        result = call(self, *args)
        self._remember(name, args, result)
        if self.count == self._at and self._mode == "fail after" and name != "create":
            raise OSError(self._number, os.strerror(self._number))
        return result

    def _interfere(
        self, name: str, call: Callable[..., Any], args: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Do what is to be done at the N-th call; return its arguments if it happens at all."""
        half = (args[0], bytes(args[1])[: len(args[1]) // 2]) if name == "write" else args
        if self._mode == "corrupt" and name == "write" and args[1]:
            data = bytearray(args[1])
            data[len(data) // 2] ^= 1
            return (args[0], bytes(data))
        if self._mode in ("kill", "fail") and name == "write":
            self._remember(name, half, call(self, *half))
        if self._mode == "kill":
            self._die()
        if self._mode == "fail":
            if name == "close":
                call(self, *args)  # the descriptor is gone, whatever close answers
            self._remember(name, args, None, failed=True)
            raise OSError(self._number, os.strerror(self._number))
        return args

    def _die(self) -> NoReturn:
        self.dead = True
        for descriptor in self._open:  # the system closes what the dead had open
            os.close(descriptor)
        raise Killed

    def _remember(
        self, name: str, args: tuple[Any, ...], result: Any, *, failed: bool = False
    ) -> None:
        if name in ("create", "open", "open_to_sync") and not failed:
            self._paths[result] = args[0]
            self._open.add(result)
        if name == "close":
            self._open.discard(args[0])
        if name == "write" and not failed:
            data = bytes(args[1])[:result]
            self.trace.add(Step(name, (self._paths[args[0]],), data))
        elif name == "sync_file":
            self.trace.add(Step(name, (self._paths[args[0]],), failed=failed))
        elif name != "write" and name not in _CHANGE_NOTHING:
            self.trace.add(Step(name, tuple(args), failed=failed))


def _counting(name: str) -> Callable[..., Any]:
    original = getattr(FileCalls, name)

    def method(self: SweptCalls, *args: Any) -> Any:
        return self._swept(name, original, *args)

    return method


for _name in COUNTED:
    setattr(SweptCalls, _name, _counting(_name))
