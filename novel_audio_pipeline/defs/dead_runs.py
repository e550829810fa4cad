"""Ending runs whose process is gone: they would keep their place in the pool for ever.

The default launcher has no health check, so Dagster itself never finds out when a whole machine or
container was killed.
"""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psutil

HOST_TAG = "novel_audio/host"
PID_TAG = "novel_audio/pid"
PROCESS_STARTED_TAG = "novel_audio/process_started"
PROCESS_ORIGIN_TAG = "novel_audio/process_origin"
_CODE_SERVER_TAG = ".dagster/grpc_info"
_UNFINISHED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_CONNECT_TIMEOUT_S = 2.0
_CLOCK_STEP_S = 6 * 3600.0
_PROC = Path("/proc")
_ENDED = (b"Z", b"X")
_MACHINES_OWN_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of Linux's proc_ns.h


@dataclass(frozen=True, slots=True)
class ProcessOrigin:
    """Where and when a Linux process began; a clock that is set changes nothing of it.

    ``{boot_id} {namespace} {start_ticks}`` as text; ``ProcessOrigin.parse`` and ``str`` are inverses.

    Attributes:
        boot_id: Of the machine's start, see random(4).
        namespace: In which its number counts, see pid_namespaces(7); a container has its own.
        start_ticks: Clock ticks from the machine's start to its own, see proc_pid_stat(5).
    """

    boot_id: str
    namespace: str
    start_ticks: int

    def __str__(self) -> str:
        return f"{self.boot_id} {self.namespace} {self.start_ticks}"

    @classmethod
    def parse(cls, text: str) -> "ProcessOrigin":
        """Return the origin that ``str`` wrote.

        Raises:
            ValueError: If it is none.
        """
        boot_id, namespace, ticks = text.split(" ")
        return cls(boot_id, namespace, int(ticks))

    @classmethod
    def own(cls) -> "ProcessOrigin | None":
        """Return the origin of this process; None where there is no ``/proc`` that tells it."""
        try:
            return cls(
                (_PROC / "sys/kernel/random/boot_id").read_text().strip(),
                str((_PROC / "self/ns/pid").readlink()),
                _start_ticks(_PROC / "self/stat"),
            )
        except OSError:
            return None


def process_tags() -> dict[str, str]:
    """Return the tags by which a run of this process can be judged dead later."""
    process = psutil.Process()
    tags = {
        HOST_TAG: socket.gethostname(),
        PID_TAG: str(process.pid),
        PROCESS_STARTED_TAG: f"{process.create_time():.2f}",
    }
    origin = ProcessOrigin.own()
    return tags if origin is None else {**tags, PROCESS_ORIGIN_TAG: str(origin)}


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report runs of dead processes as failed and free their places; return their ids.

    A run that cannot be judged from here (another host, unknown origin) is left alone.
    """
    ended = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        run = record.dagster_run
        if not is_dead(run.tags):
            continue
        instance.report_run_failed(
            run,
            message=(
                "The process of this run is gone (killed, or the machine restarted). What it had "
                "filed is in the library; run it again to go on."
            ),
        )
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        ended.append(run.run_id)
    return ended


def is_dead(tags: Mapping[str, str]) -> bool:
    """Return whether a run's process is certainly gone, judged by the run's tags."""
    if HOST_TAG in tags:
        return tags[HOST_TAG] == socket.gethostname() and not _is_process_alive(tags)
    if _CODE_SERVER_TAG in tags:
        return not _answers(json.loads(tags[_CODE_SERVER_TAG]))
    return False


def is_gone(origin: ProcessOrigin, *, here: ProcessOrigin, holder: int | None, first: int) -> bool:
    """Return whether a process on a host of our name is gone, as far as can be known from here.

    Args:
        origin: Its own.
        here: Our own.
        holder: Start of the process that has its number in our namespace now, in ticks, if one has.
        first: Start of our namespace's first process, in ticks.
    """
    if origin.boot_id != here.boot_id:
        return True
    if origin.namespace == here.namespace:
        return holder != origin.start_ticks
    # An earlier start of our container ended with all it ran. But what began after ours did is in a
    # namespace beside ours, and the machine's own ends with the machine: those may live, unseen.
    return origin.namespace != _MACHINES_OWN_NAMESPACE and origin.start_ticks < first


def _is_process_alive(tags: Mapping[str, str]) -> bool:
    """Return whether the process that the tags name lives on this machine, or may."""
    pid, here = int(tags[PID_TAG]), ProcessOrigin.own()
    if here is None or PROCESS_ORIGIN_TAG not in tags:
        return _is_alive_by_the_clock(pid, float(tags[PROCESS_STARTED_TAG]))
    origin = ProcessOrigin.parse(tags[PROCESS_ORIGIN_TAG])
    return not is_gone(
        origin,
        here=here,
        holder=_start_ticks_of(pid, hidden=origin.start_ticks),
        first=_start_ticks_of(1, hidden=0) or 0,
    )


def _start_ticks_of(pid: int, *, hidden: int) -> int | None:
    """Return when a process of our namespace began; None if there is none, or what it left behind.

    Args:
        pid: Its number.
        hidden: What to return if it may not be looked at.
    """
    try:
        return _start_ticks(_PROC / str(pid) / "stat")
    except PermissionError:
        return hidden
    except (FileNotFoundError, ProcessLookupError):
        return None


def _start_ticks(stat: Path) -> int:
    """Return the start that a process's ``stat`` tells: field 22, see proc_pid_stat(5).

    Raises:
        ProcessLookupError: If it has ended, and its parent has not asked for its status yet.
        OSError: If it cannot be read.
    """
    fields = stat.read_bytes().rpartition(b")")[2].split()  # from the third: a name holds anything
    if fields[0] in _ENDED:
        raise ProcessLookupError(f"the process of {stat} has ended")
    return int(fields[19])


def _is_alive_by_the_clock(pid: int, started_s: float) -> bool:
    """Return whether a process lives, where there is no ``/proc`` or an older version wrote the tags.

    Its start is computed from the machine's clock, so a clock that was set moves it: only a start
    that is hours off tells that the number was given to another process.
    """
    try:
        found_s = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return abs(found_s - started_s) < _CLOCK_STEP_S


def _answers(server: Mapping[str, object]) -> bool:
    """Return whether the code server that started a run still takes connections."""
    path, port = server.get("socket"), server.get("port")
    try:
        if path:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_CONNECT_TIMEOUT_S)
                connection.connect(str(path))
        elif port:
            host = str(server.get("host") or "localhost")
            socket.create_connection((host, int(str(port))), _CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True
