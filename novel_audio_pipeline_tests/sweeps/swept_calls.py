"""The system's calls, counted, recorded, and made to kill, fail or lie at the N-th of them."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from novel_audio_pipeline.storage.calls import FileCalls

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
)


class Killed(BaseException):
    """The process is dead: this call, and every later one, never happens."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, for the replay.

    Attributes:
        name: Name of the call, or ``committed`` for what was reported as done.
        paths: Absolute paths; of a committed text the text itself.
        data: What was written.
        failed: Whether it was made to fail.
    """

    name: str
    paths: tuple[str, ...]
    data: bytes = b""
    failed: bool = False


@dataclass
class Trace:
    """What happened, in order."""

    steps: list[Step] = field(default_factory=list)

    def committed(self, text: str) -> None:
        """Remember that a text was reported as durable at this point."""
        self.steps.append(Step("committed", (text,)))


class SweptCalls(FileCalls):
    """Makes something of the N-th call; remembers all that changed something."""

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

    def _swept(self, name: str, call: Callable[..., Any], *args: Any) -> Any:
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
            self.dead = True
            for descriptor in self._open:  # the system closes what the dead had open
                os.close(descriptor)
            raise Killed
        if self._mode == "fail":
            if name == "close":
                call(self, *args)  # the descriptor is gone, whatever close answers
            self._remember(name, args, None, failed=True)
            raise OSError(self._number, os.strerror(self._number))
        return args

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
            self.trace.steps.append(Step(name, (self._paths[args[0]],), data))
        elif name == "sync_file":
            self.trace.steps.append(Step(name, (self._paths[args[0]],), failed=failed))
        elif name not in ("write", "read", "close", "open", "open_to_sync", "lstat", "scan"):
            self.trace.steps.append(Step(name, tuple(args), failed=failed))


def _counting(name: str) -> Callable[..., Any]:
    original = getattr(FileCalls, name)

    def method(self: SweptCalls, *args: Any) -> Any:
        return self._swept(name, original, *args)

    return method


for _name in COUNTED:
    setattr(SweptCalls, _name, _counting(_name))
