"""The sweep on a real file system that is shut down without flushing: root on Linux only.

A file system in a file is mounted, a stage is killed at the N-th call, the file system is shut down by
the call that ``xfs_io -x -c shutdown`` makes, mounted again, and looked at: what was in memory only is
gone, as after losing power.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from novel_audio_pipeline.errors import UnavailableError
from novel_audio_pipeline_tests.sweeps.scenario import Ran, store_of
from novel_audio_pipeline_tests.sweeps.sweeps import Result, Sweeper
from novel_audio_pipeline_tests.sweeps.swept_calls import Killed, SweptCalls, Trace

# FS_IOC_SHUTDOWN, _IOR('X', 125, __u32), of ext4, XFS and others; 2 drops the log too.
_SHUTDOWN = 0x8004587D
_WITHOUT_FLUSHING_THE_LOG = 2
_IMAGE_BYTES = 320 * 1024 * 1024  # XFS makes nothing smaller than 300 MB


class NoRealDiskError(Exception):
    """This machine cannot mount a file system in a file."""


class RealDiskSweeper(Sweeper):
    """Kills and shuts down at each call, and looks at what a new mount shows."""

    def disk(self, *, kind: str, pause_s: float = 0.0) -> Result:
        """Sweep.

        Args:
            kind: ``ext4`` or ``xfs``.
            pause_s: How long the system may write back by itself before the shutdown; the journal
                is committed every second, so that names may go out before their bytes.
        """
        _require_mounts(kind)
        result = Result()
        for stage, before in self.stages():
            at = 1
            while self._shut_down_at(stage, before, at, kind, pause_s, result):
                at += self._stride
                if len(result.violations) >= self._most:
                    return result
        return result

    def _shut_down_at(
        self, stage: int, before: Path, at: int, kind: str, pause_s: float, result: Result
    ) -> bool:
        trace, ran = Trace(), Ran()
        calls = SweptCalls(trace, at=at, mode="kill")
        with _image(kind) as image:
            with _mounted(image, kind) as place:
                root = place / "library"
                _keep_cache_elsewhere(place, image.with_name("cache"))
                if before.exists():
                    shutil.copytree(before, root)
                os.sync()
                with suppress(Killed, UnavailableError):
                    self._scenario.run(stage, store_of(root, calls=calls), ran, trace.committed)
                time.sleep(pause_s)
                _shut_down(place)
            if not calls.fired:
                return False
            with _mounted(image, kind) as place:
                must_hold = self._wanted_of(stage) | set(ran.committed)
                wrong = self._after(stage, place / "library", must_hold)
        result.swept[calls.fired] += 1
        result.add(f"{self._scenario.stages[stage]}, {kind} shut down at {at} {calls.fired}", wrong)
        return True


def _keep_cache_elsewhere(place: Path, cache: Path) -> None:
    """Let the backend's cache lie on a disk that lives: it promises nothing about losing power."""
    cache.mkdir()
    (place / "cache").symlink_to(cache)


def _require_mounts(kind: str) -> None:
    """Say what is missing where no file system in a file can be mounted.

    Raises:
        NoRealDiskError: Then the sweep ``forget`` is all there is.
    """
    try:
        with _image(kind) as image, _mounted(image, kind):
            return
    except FileNotFoundError as error:
        missing = f"{error.filename} is not installed"
    except subprocess.CalledProcessError as error:
        missing = f"`{' '.join(error.cmd)}` answers: {(error.stderr or '').strip()}"
    raise NoRealDiskError(
        f"no {kind} can be made and mounted here: {missing}. Run it as root on a Linux that has loop "
        f"devices and mkfs.{kind}; elsewhere the replay (the sweep `forget`) must do"
    )


@contextmanager
def _image(kind: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sweep-disk-", dir="/var/tmp") as name:
        image = Path(name) / "image"
        with image.open("wb") as file:
            file.truncate(_IMAGE_BYTES)
        subprocess.run(
            [f"mkfs.{kind}", "-q", str(image)], check=True, capture_output=True, text=True
        )
        yield image


@contextmanager
def _mounted(image: Path, kind: str) -> Iterator[Path]:
    place = image.with_name("place")
    place.mkdir(exist_ok=True)
    options = "loop,commit=1" if kind == "ext4" else "loop"
    subprocess.run(
        ["mount", "-o", options, str(image), str(place)],
        check=True,
        capture_output=True,
        text=True,
    )
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _shut_down(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSHING_THE_LOG))
    finally:
        os.close(descriptor)
