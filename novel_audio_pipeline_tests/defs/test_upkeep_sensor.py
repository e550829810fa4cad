"""The expiry sensor: when it asks, when it does not, and what it says."""

import errno
import os
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from novel_audio_pipeline.defs.dead_runs import (
    PROCESS_ORIGIN_TAG,
    PROCESS_STARTED_TAG,
    process_tags,
)
from novel_audio_pipeline.defs.upkeep_records import NotRemoved, setbacks_in_a_row, wait_after
from novel_audio_pipeline.defs.upkeep_sensor import tts_cache_expiry_sensor
from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.upkeep.glance import glance_at
from novel_audio_pipeline_tests.defs.upkeep_house import UpkeepHouse, upkeep_house
from novel_audio_pipeline_tests.upkeep.places import TTL

OLD, YOUNG, STUCK = "a" * 32, "b" * 32, "c" * 32
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def upkeep(tmp_path):
    with upkeep_house(tmp_path) as built:
        yield built


def start_run(upkeep: UpkeepHouse, job: str, **tags: str) -> dg.DagsterRun:
    """Put a run of this process into the records as if it were at work."""
    run = upkeep.instance.create_run_for_job(
        upkeep.definitions.resolve_job_def(job), status=dg.DagsterRunStatus.STARTED
    )
    upkeep.instance.add_run_tags(run.run_id, process_tags(run.run_id) | tags)
    return run


def test_it_is_on_by_default_and_asks_often_enough():
    assert tts_cache_expiry_sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert tts_cache_expiry_sensor.minimum_interval_seconds <= 60


def test_it_says_that_there_is_no_cache_yet_or_that_nothing_is_overdue(upkeep):
    assert "no TTS cache" in upkeep.told()
    upkeep.house.cache.prepare()
    assert upkeep.told() == "The TTS cache is empty."
    upkeep.house.store(YOUNG, age=timedelta(minutes=90))
    assert upkeep.told() == ("0 of 1 entries are past their time; the oldest is 90.0 minutes old.")


def test_it_asks_for_a_run_when_something_is_overdue_again_and_again(upkeep):
    upkeep.house.store(OLD, age=TTL)
    for _ in range(2):
        (request,) = upkeep.tick().run_requests
        assert request.run_key is None
    upkeep.run("tts_cache_expiry_job")
    assert upkeep.told() == "The TTS cache is empty."


@pytest.mark.parametrize("job", ["tts_cache_expiry_job", "storage_upkeep_job"])
def test_it_never_asks_while_upkeep_is_under_way(upkeep, job):
    upkeep.house.store(OLD, age=TTL)
    run = start_run(upkeep, job)
    assert upkeep.told().endswith(f"Run {run.run_id} is at it.")
    upkeep.instance.report_run_canceled(run)
    assert upkeep.tick().run_requests


def test_a_run_whose_process_is_gone_does_not_stop_it(upkeep):
    upkeep.house.store(OLD, age=TTL)
    tags = {PROCESS_STARTED_TAG: "1.00", PROCESS_ORIGIN_TAG: "earlier pid:[1] 1"}
    run = start_run(upkeep, "storage_upkeep_job", **tags)
    assert upkeep.tick().run_requests
    ended = upkeep.instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE


def test_after_failed_runs_it_waits_and_says_so(upkeep):
    upkeep.house.store(OLD, age=TTL)
    for _ in range(2):
        upkeep.instance.report_run_failed(start_run(upkeep, "tts_cache_expiry_job"))
    assert len(setbacks_in_a_row(upkeep.instance).ended) == 2
    assert "The last 2 runs failed; the next is asked for in" in upkeep.told()
    upkeep.run("tts_cache_expiry_job")
    assert setbacks_in_a_row(upkeep.instance).ended == []


@pytest.mark.parametrize(("failures", "minutes"), [(0, 0), (1, 1), (2, 5), (3, 30), (9, 30)])
def test_it_waits_1_then_5_then_30_minutes(failures, minutes):
    failed = [NOW - timedelta(minutes=n) for n in range(failures)]
    assert wait_after(failed, now=NOW) == timedelta(minutes=minutes)
    assert wait_after(failed, now=NOW + timedelta(minutes=minutes)) == timedelta(0)
    for hours in (6, 1):  # after the clock was set back nothing is known, and nothing waited for
        assert wait_after(failed, now=NOW - timedelta(hours=hours)) == timedelta(0)


def test_what_cannot_be_removed_is_not_asked_for_at_every_tick(upkeep, monkeypatch):
    upkeep.house.store(STUCK, age=TTL)
    remove = os.unlink

    def not_that_one(path, **how):
        if STUCK in str(path):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        remove(path, **how)

    monkeypatch.setattr(os, "unlink", not_that_one)
    assert upkeep.tick().run_requests
    assert upkeep.run("tts_cache_expiry_job").success
    assert "could not remove everything (1 left); the next is asked for in" in upkeep.told()
    upkeep.house.store(OLD, age=TTL)  # which is not held up by it
    assert upkeep.tick().run_requests
    upkeep.run("tts_cache_expiry_job")
    assert [entry.file_id for entry in upkeep.house.cache.entries()] == [STUCK]
    assert len(setbacks_in_a_row(upkeep.instance).ended) == 2
    assert "could not remove everything (1 left)" in upkeep.told()
    monkeypatch.undo()
    left = NotRemoved(1, NOW).as_tags()
    upkeep.run("tts_cache_expiry_job", **left)  # as one made from the last has it
    assert setbacks_in_a_row(upkeep.instance).ended == []
    assert upkeep.told() == "The TTS cache is empty."


def test_the_hourly_round_counts_as_well_but_not_its_report(upkeep):
    removed_nothing = NotRemoved(2, NOW).as_tags()
    for _ in range(3):
        run = start_run(upkeep, "tts_cache_expiry_job", **removed_nothing)
        upkeep.instance.report_run_failed(run)
    upkeep.instance.report_run_failed(start_run(upkeep, "storage_upkeep_job"))  # its report, maybe
    assert len(setbacks_in_a_row(upkeep.instance).ended) == 3
    upkeep.house.write_novel("so-do", ["Một."])
    upkeep.run("storage_upkeep_job")  # which removes everything
    assert setbacks_in_a_row(upkeep.instance).ended == []
    upkeep.house.store(OLD, age=TTL)
    assert upkeep.tick().run_requests


def test_a_failure_after_something_was_left_is_told_as_one(upkeep):
    upkeep.house.store(OLD, age=TTL)
    left = start_run(upkeep, "tts_cache_expiry_job", **NotRemoved(1, NOW).as_tags())
    upkeep.instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, left.job_name), left.run_id
    )
    upkeep.instance.report_run_failed(start_run(upkeep, "tts_cache_expiry_job"))
    assert "The last run failed; the next is asked for in" in upkeep.told()


def test_a_tick_looks_at_a_page_and_the_next_goes_on_behind_it(upkeep):
    ids = [f"{number:032x}" for number in range(5)]
    for file_id in ids:
        upkeep.house.store(file_id, age=TTL if file_id == ids[-1] else timedelta(0))
    now = datetime.now(UTC)
    pages = []
    cursor = ""
    for _ in range(4):
        page = glance_at(upkeep.house.cache, cursor=cursor, now=now, ttl=TTL, limit=2)
        pages.append((page.seen, page.overdue))
        cursor = page.cursor
    assert pages == [(2, 0), (2, 0), (1, 1), (2, 0)]
    assert upkeep.tick(cursor=ids[2]).run_requests
    assert upkeep.told(cursor=ids[-1]) == "The TTS cache is empty."


def test_a_glance_changes_nothing(upkeep):
    upkeep.house.store(OLD, age=TTL)
    root = upkeep.house.place.root
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    upkeep.tick()
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_folder_that_cannot_be_read_fails_the_tick(tmp_path):
    missing = str(tmp_path / "unmounted")
    with (
        upkeep_house(tmp_path, TTS_STORAGE_DIR=missing) as upkeep,
        pytest.raises(StorageError, match="unmounted"),
    ):
        upkeep.tick()


def test_a_cache_on_another_machine_is_left_to_the_hourly_job(tmp_path):
    with upkeep_house(tmp_path, TTS_BACKEND_URL="http://127.0.0.1:9") as upkeep:
        assert "storage_upkeep_job asks the backend every hour" in upkeep.told()
        upkeep.house.cache.prepare()  # left by an embedded backend of earlier days
        assert "storage_upkeep_job asks the backend every hour" in upkeep.told()
