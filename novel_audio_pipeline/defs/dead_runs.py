"""Ending runs whose process is gone: they would keep their place in the pool for ever.

The default launcher has no health check, so Dagster itself never finds out when a whole machine or
container was killed.
"""

import json
import socket
from collections.abc import Mapping

import dagster as dg
import psutil

from novel_audio_pipeline.defs.process_origin import ProcessOrigin

HOST_TAG = "novel_audio/host"
PID_TAG = "novel_audio/pid"
PROCESS_STARTED_TAG = "novel_audio/process_started"
PROCESS_ORIGIN_TAG = "novel_audio/process_origin"
PROCESS_OF_TAG = "novel_audio/process_of"  # the id of the run whose process these are of
_PROCESS_TAGS = (HOST_TAG, PID_TAG, PROCESS_STARTED_TAG, PROCESS_ORIGIN_TAG)
_CODE_SERVER_TAG = ".dagster/grpc_info"
_UNFINISHED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_CONNECT_TIMEOUT_S = 2.0
_CLOCK_STEP_S = 6 * 3600.0


def process_tags(run_id: str) -> dict[str, str]:
    """Return the tags by which a run of this process can be judged dead later."""
    process = psutil.Process()
    tags = {
        PROCESS_OF_TAG: run_id,
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
        if not is_dead(_own_tags(run)):
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


def _own_tags(run: dg.DagsterRun) -> Mapping[str, str]:
    """Return a run's tags without those of another run's process.

    A run that Dagster makes anew after a failure begins with all tags of the one that failed. Those
    of its own process come when its asset begins, and it may wait for a pool before that.
    """
    if run.tags.get(PROCESS_OF_TAG, run.run_id) == run.run_id:
        return run.tags
    return {name: text for name, text in run.tags.items() if name not in _PROCESS_TAGS}


def is_dead(tags: Mapping[str, str]) -> bool:
    """Return whether a run's process is certainly gone, judged by the run's tags."""
    if HOST_TAG in tags:
        return tags[HOST_TAG] == socket.gethostname() and not _is_process_alive(tags)
    if _CODE_SERVER_TAG in tags:
        return not _answers(json.loads(tags[_CODE_SERVER_TAG]))
    return False


def _is_process_alive(tags: Mapping[str, str]) -> bool:
    """Return whether the process that the tags name lives on this machine, or may."""
    pid, here = int(tags[PID_TAG]), ProcessOrigin.own()
    if here is None or PROCESS_ORIGIN_TAG not in tags:
        return _is_alive_by_the_clock(pid, float(tags[PROCESS_STARTED_TAG]))
    return not ProcessOrigin.parse(tags[PROCESS_ORIGIN_TAG]).is_gone(pid, here=here)


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
