"""Runs of dead processes are ended and give their place back; those of the living are left alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from novel_audio_pipeline.defs.dead_runs import (
    HOST_TAG,
    PID_TAG,
    PROCESS_ORIGIN_TAG,
    PROCESS_STARTED_TAG,
    end_dead_runs,
    is_dead,
    process_tags,
)
from novel_audio_pipeline.defs.process_origin import ProcessOrigin, is_gone

linux = pytest.mark.skipif(
    not Path("/proc/sys/kernel/random/boot_id").exists(), reason="needs Linux's /proc"
)
HERE = ProcessOrigin("this-boot", "pid:[5]", 9000)
FIRST = 8000
RUN = "a-run"


def tags_of_the_dead(run_id: str = RUN) -> dict[str, str]:
    """Return the tags of a process that has just ended."""
    script = "import json, sys; from novel_audio_pipeline.defs.dead_runs import process_tags; "
    script += "print(json.dumps(process_tags(sys.argv[1])))"
    output = subprocess.run(
        [sys.executable, "-c", script, run_id], capture_output=True, check=True
    ).stdout
    return dict(__import__("json").loads(output))


def test_the_living_are_alive():
    assert not is_dead(process_tags(RUN))


def test_the_dead_are_dead():
    assert is_dead(tags_of_the_dead())


@linux
def test_a_number_given_to_another_process_is_seen_through_however_soon():
    tags = process_tags(RUN)
    origin = ProcessOrigin.parse(tags[PROCESS_ORIGIN_TAG])
    before = ProcessOrigin(origin.boot_id, origin.namespace, origin.start_ticks - 1)
    assert is_dead(tags | {PROCESS_ORIGIN_TAG: str(before)})


@linux
def test_a_number_given_again_after_a_restart_of_the_container_or_the_machine_is_seen_through():
    tags = process_tags(RUN)
    origin = ProcessOrigin.parse(tags[PROCESS_ORIGIN_TAG])
    for earlier in (
        ProcessOrigin(origin.boot_id, "pid:[1]", 0),
        ProcessOrigin("another-boot", origin.namespace, origin.start_ticks),
    ):
        assert is_dead(tags | {PROCESS_ORIGIN_TAG: str(earlier)})


@linux
def test_a_clock_that_was_set_by_years_kills_nobody():
    assert not is_dead(process_tags(RUN) | {PROCESS_STARTED_TAG: "1.00"})


@linux
def test_a_process_that_ended_is_dead_before_its_parent_has_asked_for_its_status():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ticks = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19])
    origin = ProcessOrigin.parse(process_tags(RUN)[PROCESS_ORIGIN_TAG])
    tags = process_tags(RUN) | {
        PID_TAG: str(child.pid),
        PROCESS_ORIGIN_TAG: f"{origin.boot_id} {origin.namespace} {ticks}",
    }
    with child:
        assert not is_dead(tags)
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(tags)


@pytest.mark.parametrize(
    ("origin", "holder", "gone"),
    [
        pytest.param(("this-boot", "pid:[5]", 8500), 8500, False, id="it"),
        pytest.param(("this-boot", "pid:[5]", 8500), 8501, True, id="its number is another's"),
        pytest.param(("this-boot", "pid:[5]", 8500), None, True, id="nobody has its number"),
        pytest.param(("other-boot", "pid:[5]", 8500), 8500, True, id="before the machine's start"),
        pytest.param(("this-boot", "pid:[6]", 7999), 7999, True, id="before the container's start"),
        pytest.param(("this-boot", "pid:[6]", 8000), None, False, id="in a container beside ours"),
        pytest.param(
            ("this-boot", "pid:[4026531836]", 7999), None, False, id="outside of any container"
        ),
    ],
)
def test_a_process_is_gone_when_that_is_known(origin, holder, gone):
    assert is_gone(ProcessOrigin(*origin), here=HERE, holder=holder, first=FIRST) is gone


@linux
def test_what_an_origin_says_as_text_is_read_again():
    origin = ProcessOrigin.own()
    assert ProcessOrigin.parse(str(origin)) == origin


def tags_without_an_origin() -> dict[str, str]:
    """Return our tags as an older version wrote them, or as written without ``/proc``."""
    return {name: text for name, text in process_tags(RUN).items() if name != PROCESS_ORIGIN_TAG}


def test_by_the_clock_a_number_given_to_another_process_is_seen_through_after_hours():
    assert is_dead(tags_without_an_origin() | {PROCESS_STARTED_TAG: "1.00"})


def test_by_the_clock_nobody_is_killed_when_it_is_set_by_an_hour():
    tags = tags_without_an_origin()
    started = float(tags[PROCESS_STARTED_TAG])
    assert not is_dead(tags | {PROCESS_STARTED_TAG: f"{started - 3600:.2f}"})


@pytest.mark.parametrize("tags", [{}, {HOST_TAG: "elsewhere", PID_TAG: "1"}])
def test_what_cannot_be_judged_from_here_is_left_alone(tags):
    assert not is_dead(tags)


@pytest.mark.parametrize(
    "server", ['{"host": "localhost", "port": 9}', '{"socket": "/nowhere/at/all"}']
)
def test_a_run_whose_code_server_is_gone_is_dead(server):
    assert is_dead({".dagster/grpc_info": server})


def test_a_dead_run_is_ended_and_frees_its_place(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("tts_backend", 1)
        runs = {
            name: instance.create_run_for_job(
                dg.GraphDefinition(name="empty").to_job(), status=dg.DagsterRunStatus.STARTED
            )
            for name in ("dead", "alive")
        }
        instance.add_run_tags(runs["dead"].run_id, tags_of_the_dead(runs["dead"].run_id))
        instance.add_run_tags(runs["alive"].run_id, process_tags(runs["alive"].run_id))
        storage.claim_concurrency_slot("tts_backend", runs["dead"].run_id, "narrate_chapters")
        assert end_dead_runs(instance) == [runs["dead"].run_id]
        statuses = {n: instance.get_run_by_id(r.run_id).status.value for n, r in runs.items()}
        assert statuses == {"dead": "FAILURE", "alive": "STARTED"}
        assert storage.get_concurrency_info("tts_backend").active_slot_count == 0


def test_a_run_made_anew_is_not_judged_by_the_process_of_the_one_that_failed(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        job, started = dg.GraphDefinition(name="empty").to_job(), dg.DagsterRunStatus.STARTED
        failed = instance.create_run_for_job(job, status=started)
        tags = tags_of_the_dead(failed.run_id)
        instance.add_run_tags(failed.run_id, tags)
        assert end_dead_runs(instance) == [failed.run_id]
        anew = instance.create_run_for_job(
            job,
            status=started,
            tags=tags,
            parent_run_id=failed.run_id,
            root_run_id=failed.run_id,
        )
        assert end_dead_runs(instance) == []  # it waits for a pool
        instance.delete_run(failed.run_id)
        assert end_dead_runs(instance) == []
        instance.add_run_tags(anew.run_id, process_tags(anew.run_id))
        assert end_dead_runs(instance) == []
        instance.add_run_tags(anew.run_id, tags_of_the_dead(anew.run_id))
        assert end_dead_runs(instance) == [anew.run_id]
