"""Running a job in one's own process: waiting for the pool, Ctrl-C, and why it failed."""

import signal
import threading
from collections.abc import Callable

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from novel_audio_pipeline.defs.dead_runs import process_tags
from novel_audio_pipeline.defs.starting_runs import require_known_reason, run_here, wait_for_turn
from novel_audio_pipeline.errors import UnavailableError


def live_run(instance: dg.DagsterInstance) -> str:
    job = dg.GraphDefinition(name="empty").to_job()
    status = dg.DagsterRunStatus.STARTED
    run = instance.create_run_for_job(job, status=status)
    instance.add_run_tags(run.run_id, process_tags(run.run_id))
    return run.run_id


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


def job_of(
    *, work: Callable[[], None] | None = None, first: Callable[[], None] | None = None
) -> dg.JobDefinition:
    """Return a job whose asset does something, after its resource did something."""

    @dg.asset
    def thing(context: dg.AssetExecutionContext, needed: dg.ResourceParam[object]) -> None:
        if work is not None:
            work()

    @dg.resource
    def needed() -> None:
        if first is not None:
            first()

    thing_job = dg.define_asset_job("thing_job", selection=dg.AssetSelection.assets(thing))
    made = dg.Definitions(assets=[thing], jobs=[thing_job], resources={"needed": needed})
    return made.resolve_job_def("thing_job")


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def break_off() -> None:
    raise RuntimeError("the disk has eaten it")


def tell() -> None:
    raise dg.Failure("told by the asset itself", allow_retries=False)


class StoppedEarly(SqliteEventLogStorage):
    """Events of which the first is interrupted, when Dagster does not listen for Ctrl-C yet."""

    was_stopped = False

    @classmethod
    def from_config_value(cls, inst_data, config_value):
        return cls(inst_data=inst_data, **config_value)

    def store_event(self, event):
        if not self.was_stopped:
            self.was_stopped = True
            raise KeyboardInterrupt
        super().store_event(event)


@pytest.mark.parametrize("when", ["first", "work"])
def test_a_run_that_was_stopped_is_canceled_and_never_tried_again(tmp_path, when):
    with dg.DagsterInstance.local_temp(
        str(tmp_path), overrides={"run_retries": {"enabled": True, "max_retries": 2}}
    ) as instance:
        with pytest.raises(KeyboardInterrupt):
            run_here(instance, job_of(**{when: press_ctrl_c}))
        (run,) = instance.get_runs()
    assert run.status is dg.DagsterRunStatus.CANCELED
    assert run.tags.get("dagster/will_retry") != "true"


def test_a_run_that_was_stopped_before_it_began_does_not_look_as_if_it_were_to_come(tmp_path):
    records = {"module": __name__, "class": "StoppedEarly", "config": {"base_dir": str(tmp_path)}}
    with dg.DagsterInstance.local_temp(
        str(tmp_path), overrides={"event_log_storage": records}
    ) as instance:
        with pytest.raises(KeyboardInterrupt):
            run_here(instance, job_of())
        (run,) = instance.get_runs()
    assert run.status is dg.DagsterRunStatus.CANCELED


@pytest.mark.parametrize("when", ["first", "work"])
def test_a_run_that_failed_by_what_nobody_foresaw_is_one_sentence(tmp_path, when):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = run_here(instance, job_of(**{when: break_off}))
    with pytest.raises(UnavailableError, match="the disk has eaten it") as told:
        require_known_reason(result)
    assert str(told.value).startswith(f"run {result.run_id} failed: ")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("work", [None, tell])
def test_a_run_that_did_its_work_or_told_why_not_needs_no_other_reason(tmp_path, work):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        require_known_reason(run_here(instance, job_of(work=work)))
