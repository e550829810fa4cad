"""Waiting for a place in a pool, in the process that will run the assets itself."""

import threading

import dagster as dg

from novel_audio_pipeline.defs.dead_runs import process_tags
from novel_audio_pipeline.defs.starting_runs import wait_for_turn


def live_run(instance: dg.DagsterInstance) -> str:
    job = dg.GraphDefinition(name="empty").to_job()
    status = dg.DagsterRunStatus.STARTED
    return instance.create_run_for_job(job, status=status, tags=process_tags()).run_id


def test_a_full_pool_is_waited_for_until_its_run_is_over(tmp_path):
    told: list[str] = []
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("speech", 1)
        run_id = live_run(instance)
        storage.claim_concurrency_slot("speech", run_id, "step")
        waiting = threading.Event()

        def tell(other: str) -> None:
            told.append(other)
            waiting.set()

        thread = threading.Thread(
            target=wait_for_turn, args=(instance, "speech"), kwargs={"waiting": tell}
        )
        thread.start()
        assert waiting.wait(20)
        assert thread.is_alive()
        storage.free_concurrency_slots_for_run(run_id)
        thread.join(20)
        assert not thread.is_alive()
    assert told == [run_id]


def test_a_pool_that_has_places_left_is_not_waited_for(tmp_path):
    told: list[str] = []
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        storage = instance.event_log_storage
        wait_for_turn(instance, "speech", waiting=told.append)
        storage.set_concurrency_slots("speech", 2)
        storage.claim_concurrency_slot("speech", live_run(instance), "step")
        wait_for_turn(instance, "speech", waiting=told.append)
    assert told == []
