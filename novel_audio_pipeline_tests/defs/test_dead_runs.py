"""Runs of dead processes are ended and give their place back; those of the living are left alone."""

import subprocess
import sys

import dagster as dg
import pytest

from novel_audio_pipeline.defs.dead_runs import (
    HOST_TAG,
    PID_TAG,
    PROCESS_STARTED_TAG,
    end_dead_runs,
    is_dead,
    process_tags,
)


def tags_of_the_dead() -> dict[str, str]:
    """Return the tags of a process that has just ended."""
    script = "import json; from novel_audio_pipeline.defs.dead_runs import process_tags; "
    script += "print(json.dumps(process_tags()))"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    return dict(__import__("json").loads(output))


def test_the_living_are_alive():
    assert not is_dead(process_tags())


def test_the_dead_are_dead():
    assert is_dead(tags_of_the_dead())


def test_a_number_given_to_another_process_is_seen_through():
    assert is_dead(process_tags() | {PROCESS_STARTED_TAG: "1.00"})


def test_a_clock_that_was_set_kills_nobody():
    tags = process_tags()
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
                dg.GraphDefinition(name="empty").to_job(),
                status=dg.DagsterRunStatus.STARTED,
                tags=tags,
            )
            for name, tags in {"dead": tags_of_the_dead(), "alive": process_tags()}.items()
        }
        storage.claim_concurrency_slot("tts_backend", runs["dead"].run_id, "narrate_chapters")
        assert end_dead_runs(instance) == [runs["dead"].run_id]
        statuses = {n: instance.get_run_by_id(r.run_id).status.value for n, r in runs.items()}
        assert statuses == {"dead": "FAILURE", "alive": "STARTED"}
        assert storage.get_concurrency_info("tts_backend").active_slot_count == 0
