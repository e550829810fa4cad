"""The sensor that keeps the TTS cache within its two hours between the hourly rounds."""

from datetime import timedelta

import dagster as dg

from novel_audio_pipeline.defs.resources import TtsCacheResource, clock
from novel_audio_pipeline.defs.upkeep_jobs import tts_cache_expiry_job
from novel_audio_pipeline.defs.upkeep_records import (
    Setbacks,
    setbacks_in_a_row,
    upkeep_under_way,
    wait_after,
)
from novel_audio_pipeline.upkeep.cache_place import CachePlace
from novel_audio_pipeline.upkeep.glance import Glance, glance_at

INTERVAL_S = 45  # an entry is to be gone within two minutes after its time


@dg.sensor(
    name="tts_cache_expiry_sensor",
    job=tts_cache_expiry_job,
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Looks into the TTS cache's folder, at most 100,000 entries a tick, and asks for "
        "tts_cache_expiry_job when something is past its two hours. Never while upkeep is under "
        "way; after a run that failed, or could not remove something, it waits 1, 5, then 30 "
        "minutes, unless something is overdue that was not tried. On by default."
    ),
)
def tts_cache_expiry_sensor(
    context: dg.SensorEvaluationContext, tts_cache: TtsCacheResource
) -> dg.SensorResult:
    """Ask for an expiry run if something is overdue. The cursor is where the next look goes on."""
    place = tts_cache.open()
    folder = place.folder()
    if folder is None:
        return dg.SensorResult(skip_reason=_nothing_here(place))
    now = clock()
    seen = glance_at(folder, cursor=context.cursor or "", now=now, ttl=place.ttl)
    if not seen.overdue:
        is_elsewhere = place.backend_url is not None and not place.is_chosen
        told = _nothing_here(place) if is_elsewhere else _told(seen)
        return dg.SensorResult(skip_reason=told, cursor=seen.cursor)
    told = _told(seen)
    if (run_id := upkeep_under_way(context.instance)) is not None:
        return dg.SensorResult(skip_reason=f"{told} Run {run_id} is at it.")
    setbacks = setbacks_in_a_row(context.instance)
    pause = wait_after(setbacks.ended, now=now)
    if pause and not _is_more_overdue(seen, setbacks):
        return dg.SensorResult(skip_reason=f"{told} {_waiting(setbacks, pause)}")
    context.log.info(told)
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=context.cursor or "")


def _is_more_overdue(seen: Glance, setbacks: Setbacks) -> bool:
    """Return whether something is overdue that the latest run did not try to remove."""
    left = setbacks.left
    return left is not None and seen.overdue > seen.was_overdue(left.tried_at)


def _waiting(setbacks: Setbacks, pause: timedelta) -> str:
    if setbacks.left is not None:
        what = f"The last run could not remove everything ({setbacks.left.left} left)"
    elif setbacks.failed == 1:
        what = "The last run failed"
    else:
        what = f"The last {setbacks.failed} runs failed"
    return (
        f"{what}; the next is asked for in {pause.total_seconds() / 60:.1f} minutes. Look at the "
        "last one for the reason."
    )


def _told(seen: Glance) -> str:
    minutes = seen.oldest_age.total_seconds() / 60
    more = " (the next look goes on behind them)" if seen.cursor else ""
    if not seen.seen:
        return f"The TTS cache is empty{more}."
    return (
        f"{seen.overdue} of {seen.seen} entries{more} are past their time; the oldest is "
        f"{minutes:.1f} minutes old."
    )


def _nothing_here(place: CachePlace) -> str:
    if place.backend_url is not None:
        return (
            f"The cache of {place.backend_url} is not on this machine: storage_upkeep_job asks the "
            "backend every hour. Set TTS_STORAGE_DIR if its folder can be reached from here."
        )
    return f"There is no TTS cache at {place.root} yet: nothing has been spoken."
