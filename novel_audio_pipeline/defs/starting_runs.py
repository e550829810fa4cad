"""What whoever runs assets in its own process does first: wait for the pool."""

import time
from collections.abc import Callable

import dagster as dg

from novel_audio_pipeline.defs.dead_runs import end_dead_runs

_TELL_EVERY_S = 30.0
_POLL_S = 1.0


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


def _run_in_the_way(instance: dg.DagsterInstance, pool: str) -> str | None:
    """Return the id of a run that holds a place in a pool that is full, else None."""
    info = instance.event_log_storage.get_concurrency_info(pool)
    is_full = info.limit is not None and len(info.claimed_slots) >= info.limit
    return info.claimed_slots[0].run_id if is_full and info.claimed_slots else None
