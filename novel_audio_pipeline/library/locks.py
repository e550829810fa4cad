"""Who works on which chapter, so that work is not done twice. No guarantee depends on this room."""

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from novel_audio_pipeline.storage.problems import explained

_PAUSE_S = 0.05
_GATE_WAIT_S = 5.0  # the gate is held while files are locked or a folder is renamed, never longer

Release = Callable[[], None]


@dataclass(slots=True)
class Lease:
    """A chapter taken, or not.

    Attributes:
        novel_id: Of the novel.
        number: Of the chapter.
        locked: Whether it is ours alone.
        waited: Whether someone else had it when it was asked for.
    """

    novel_id: str
    number: int
    locked: bool
    waited: bool
    _release: Release = field(repr=False)

    def release(self) -> None:
        """Give it back; again is harmless."""
        release, self._release = self._release, _nothing
        release()


class ChapterLocks(ABC):
    """Exclusive leases on chapters, and on a whole novel while its folder is renamed.

    A chapter is taken while its novel's gate is held, for a moment. A novel is taken by holding
    its gate and every chapter of it: runs over chapters share a novel, a renaming has it alone.
    """

    @abstractmethod
    def _try(self, novel_id: str, name: str) -> Release | None:
        """Take a lock of a novel at once, or return None if someone has it."""

    @abstractmethod
    def _taken(self, novel_id: str) -> list[str]:
        """Return the names of a novel's locks that someone may have."""

    @abstractmethod
    def _drop(self, novel_id: str, name: str) -> None:
        """Remove what a lock that is still held leaves behind; called with the gate held."""

    def chapter(self, novel_id: str, number: int, *, wait_s: float = 0.0) -> Lease:
        """Take a chapter, waiting for whoever has it; the lease says whether that went well."""
        deadline = time.monotonic() + wait_s
        waited = False
        while True:
            with self._gate(novel_id) as is_open:
                taken = self._try(novel_id, str(number)) if is_open else None
            if taken is not None:
                release = self._releasing(novel_id, str(number), taken)
                return Lease(novel_id, number, locked=True, waited=waited, _release=release)
            if time.monotonic() >= deadline:
                return Lease(novel_id, number, locked=False, waited=waited, _release=_nothing)
            waited = True
            time.sleep(_PAUSE_S)

    @contextlib.contextmanager
    def alone(self, novel_id: str, *, but: Lease | None = None) -> Iterator[bool]:
        """Have a whole novel to oneself for a moment; yields whether that is so.

        Args:
            novel_id: Of the novel.
            but: A chapter that the caller has; without its lock nobody is alone.
        """
        with contextlib.ExitStack() as held, self._gate(novel_id) as is_open:
            is_alone = is_open and (but is None or but.locked)
            for name in self._taken(novel_id) if is_alone else ():
                if but is not None and name == str(but.number):
                    continue
                release = self._try(novel_id, name)
                if release is None:
                    is_alone = False
                    break
                held.callback(release)
            yield is_alone

    @contextlib.contextmanager
    def _gate(self, novel_id: str) -> Iterator[bool]:
        deadline = time.monotonic() + _GATE_WAIT_S
        while (release := self._try(novel_id, "gate")) is None:
            if time.monotonic() >= deadline:
                yield False
                return
            time.sleep(_PAUSE_S)
        try:
            yield True
        finally:
            release()

    def _releasing(self, novel_id: str, name: str, release: Release) -> Release:
        def give_back() -> None:
            try:
                with self._gate(novel_id) as is_open:
                    if is_open:
                        self._drop(novel_id, name)
            finally:
                release()

        return give_back


class ProcessLocks(ChapterLocks):
    """Leases among the threads of this process, for a store that no other process sees."""

    def __init__(self) -> None:
        self._held: set[tuple[str, str]] = set()
        self._guard = threading.Lock()

    def _try(self, novel_id: str, name: str) -> Release | None:
        with self._guard:
            if (novel_id, name) in self._held:
                return None
            self._held.add((novel_id, name))

        def release() -> None:
            with self._guard:
                self._held.discard((novel_id, name))

        return release

    def _taken(self, novel_id: str) -> list[str]:
        with self._guard:
            return [name for novel, name in self._held if novel == novel_id and name != "gate"]

    def _drop(self, novel_id: str, name: str) -> None:
        pass  # nothing is left behind


class FileLocks(ChapterLocks):
    """Leases among processes: ``{folder}/{novel_id}/{chapter number}.lock``, held by the system.

    A lock whose owner died is free at once. Lock files of chapters are removed when they are given
    back, under the gate, which alone is left. On a file system that knows no locks the library
    behind this falls back to files that exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _try(self, novel_id: str, name: str) -> Release | None:
        path = self._path(novel_id, name)
        with explained("lock", str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path, timeout=0, thread_local=False)
            try:
                lock.acquire()
            except Timeout:
                return None
        return lock.release

    def _taken(self, novel_id: str) -> list[str]:
        folder = self._folder / novel_id
        with explained("list the folder", str(folder)):
            names = [path.stem for path in folder.glob("*.lock")] if folder.is_dir() else []
        return [name for name in names if name != "gate"]

    def _drop(self, novel_id: str, name: str) -> None:
        with contextlib.suppress(OSError):  # Windows removes no file that is open: it stays
            self._path(novel_id, name).unlink()

    def _path(self, novel_id: str, name: str) -> Path:
        return self._folder / novel_id / f"{name}.lock"


class NoLocks(ChapterLocks):
    """Everyone has every chapter at once, nobody a novel: the library stands it without harm."""

    @contextlib.contextmanager
    def alone(self, novel_id: str, *, but: Lease | None = None) -> Iterator[bool]:  # noqa: ARG002 - the interface's
        """Yield False: who can see nobody cannot know to be alone."""
        yield False

    def _try(self, novel_id: str, name: str) -> Release | None:  # noqa: ARG002 - the interface's
        return _nothing

    def _taken(self, novel_id: str) -> list[str]:  # noqa: ARG002 - the interface's
        return []

    def _drop(self, novel_id: str, name: str) -> None:
        pass  # nothing is left behind


def _nothing() -> None:
    """Release nothing."""
