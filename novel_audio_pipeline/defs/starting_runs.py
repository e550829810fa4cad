"""Running a job in one's own process: waiting for the pool, Ctrl-C, and why it failed."""

import time
import uuid
from collections.abc import Callable, Mapping

import dagster as dg

from novel_audio_pipeline.defs.dead_runs import end_dead_runs, process_tags
from novel_audio_pipeline.errors import UnavailableError

_TELL_EVERY_S = 30.0
_POLL_S = 1.0
_NO_RETRY = {"dagster/max_retries": "0"}  # the daemon could not start a run of ours again
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_STOPPED = "stopped with Ctrl-C"


def wait_for_turn(
    instance: dg.DagsterInstance, pool: str, *, waiting: Callable[[str], None]
) -> None:
    """Return when the pool has a place; unlike Dagster's own waiting, Ctrl-C ends it.

    Args:
        instance: Where the other runs are; those of dead processes are ended meanwhile.
        pool: Name of the pool.
        waiting: Told the id of a run that holds a place, at once and every 30 s.
    """
    told = -_TELL_EVERY_S
    while (other := _run_in_the_way(instance, pool)) is not None:
        end_dead_runs(instance)
        if time.monotonic() - told >= _TELL_EVERY_S:
            told = time.monotonic()
            waiting(other)
        time.sleep(_POLL_S)


def run_here(
    instance: dg.DagsterInstance, job: dg.JobDefinition, *, tags: Mapping[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    """Run a job in this process without printing, and return what became of it, failed or not.

    Args:
        instance: Where the run is recorded.
        job: What to run.
        tags: Of the run, beside those that every run of this process has.

    Raises:
        KeyboardInterrupt: If somebody stopped it; it is on record as canceled then, not as failed.
    """
    run_id = str(uuid.uuid4())
    try:
        result = job.execute_in_process(
            run_config=_QUIET,
            instance=instance,
            tags={**(tags or {}), **_NO_RETRY, **process_tags(run_id)},
            raise_on_error=False,
            run_id=run_id,
        )
    except KeyboardInterrupt:  # before Dagster listens for it, or when it listens no more
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_run_canceled(run, _STOPPED)
        raise
    if _was_interrupted(result):
        instance.report_run_canceled(result.dagster_run, _STOPPED)
        raise KeyboardInterrupt
    return result


def require_known_reason(result: dg.ExecuteInProcessResult) -> None:
    """Raise for a run that failed otherwise than by a failure that its asset itself has told.

    Raises:
        UnavailableError: With what Dagster says of it.
    """
    steps = [event.step_failure_data for event in result.get_step_failure_events()]
    errors = [data.error for data in steps if data.user_failure_data is None]
    if not steps:
        errors = [event.job_failure_data.error for event in _run_failures(result)]
    for error in errors:
        cause = None if error is None else error.cause or error
        why = "Dagster's UI says why" if cause is None else cause.message.strip()
        raise UnavailableError(f"run {result.run_id} failed: {why}")


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Return whether an interrupt ended the run, in its op or around it."""
    name = dg.DagsterExecutionInterruptedError.__name__
    errors = [event.step_failure_data.error for event in result.get_step_failure_events()]
    errors += [event.job_failure_data.error for event in _run_failures(result)]
    return any(error is not None and error.cls_name == name for error in errors)


def _run_failures(result: dg.ExecuteInProcessResult) -> list[dg.DagsterEvent]:
    failure = dg.DagsterEventType.RUN_FAILURE
    return [event for event in result.all_events if event.event_type is failure]


def _run_in_the_way(instance: dg.DagsterInstance, pool: str) -> str | None:
    """Return the id of a run that holds a place in a pool that is full, else None."""
    info = instance.event_log_storage.get_concurrency_info(pool)
    is_full = info.limit is not None and len(info.claimed_slots) >= info.limit
    return info.claimed_slots[0].run_id if is_full and info.claimed_slots else None
