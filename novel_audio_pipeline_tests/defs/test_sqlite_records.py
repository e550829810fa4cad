"""Dagster's records as we keep them: the same as Dagster would read and write."""

import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Timer

import dagster as dg
import pytest
import yaml
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.event_log import EventLogStorage, SqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.utils import make_new_run_id
from hypothesis import given, settings
from hypothesis import strategies as st

from novel_audio_pipeline.defs.sqlite_records import SqliteRecords

PROJECT_ROOT = Path(__file__).parents[2]
NAME = "chapters"
_KEYS = st.lists(
    st.sampled_from([f"so-do/{n:04d}" for n in range(1, 6)]), min_size=1, max_size=3, unique=True
)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "other", "look"]), _KEYS), max_size=12
)


@pytest.fixture
def records(tmp_path) -> Iterator[SqliteEventLogStorage]:
    kept = SqliteRecords.from_local(str(tmp_path)).event_log_storage
    assert isinstance(kept, SqliteEventLogStorage)
    yield kept
    kept.dispose()


def plain(tmp_path: Path) -> SqliteEventLogStorage:
    """Return Dagster's own storage of the same files, as another process may have it open."""
    return SqliteEventLogStorage(str(tmp_path / "history" / "runs"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[EventLogStorage, EventLogStorage]:
    folder = tmp_path_factory.mktemp("records")
    return SqliteRecords.from_local(str(folder)).event_log_storage, plain(folder)


@settings(max_examples=15, deadline=None)
@given(steps=_STEPS)
def test_the_keys_are_those_of_the_file_whoever_changes_them(pair, steps):
    kept, dagsters = pair
    for number, (what, keys) in enumerate(steps):
        writer = (kept, dagsters)[number % 2]
        if what == "add":
            writer.add_dynamic_partitions(NAME, keys)
        elif what == "remove":
            for key in keys:
                writer.delete_dynamic_partition(NAME, key)
        elif what == "other":
            writer.add_dynamic_partitions("others", keys)
        else:
            assert kept.get_dynamic_partitions(NAME) == dagsters.get_dynamic_partitions(NAME)
    for name in (NAME, "others", "none"):
        assert kept.get_dynamic_partitions(name) == dagsters.get_dynamic_partitions(name)


def test_which_of_many_keys_there_are(records, tmp_path):
    records.add_dynamic_partitions(NAME, ["so-do/0001", "so-do/0002"])
    asked = ["so-do/0002", "none", "so-do/0002"]
    for keys in (asked, asked * 1000, []):
        there = records.get_existing_dynamic_partitions(NAME, keys)
        assert there == plain(tmp_path).get_existing_dynamic_partitions(NAME, keys)
        assert there == {*keys} & {"so-do/0002"}


def event_of(asset: str, key: str, run_id: str, *, planned: bool) -> EventLogEntry:
    """Return the event that a chapter is going to be materialized, or that it was."""
    facts: AssetMaterializationPlannedData | StepMaterializationData
    if planned:
        kind = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        facts = AssetMaterializationPlannedData(dg.AssetKey(asset), partition=key)
    else:
        kind = dg.DagsterEventType.ASSET_MATERIALIZATION
        facts = StepMaterializationData(dg.AssetMaterialization(asset, partition=key), [])
    event = DagsterEvent(kind.value, "narrate_job", event_specific_data=facts)
    return EventLogEntry(
        error_info=None,
        level="info",
        user_message="",
        run_id=run_id,
        timestamp=time.time(),
        dagster_event=event,
    )


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["planned", "made", "planned", "made", "wiped"]),
            st.sampled_from(["text", "audio"]),
            st.sampled_from(["so-do/0001", "so-do/0002", "so-do/0003"]),
            st.sampled_from(["run-1", "run-2"]),
        ),
        max_size=10,
    ),
    back=st.integers(0, 8),
)
def test_what_was_made_and_what_is_under_way_is_what_dagster_finds(pair, steps, back):
    kept, dagsters = pair
    for asset in ("text", "audio"):
        dagsters.wipe_asset(dg.AssetKey(asset))
    for number, (what, asset, key, run_id) in enumerate(steps):
        writer = (kept, dagsters)[number % 2]
        if what == "wiped":
            writer.wipe_asset(dg.AssetKey(asset))
        else:
            writer.store_event(event_of(asset, key, run_id, planned=what == "planned"))
    last = dagsters.get_maximum_record_id() or 0
    for asset in ("text", "audio"):
        for after in (None, max(0, last - back)):
            assert under_way(kept, asset, after) == under_way(dagsters, asset, after)
            for before in (None, last):
                bounds = {"before_cursor": before, "after_cursor": after}
                assert kept.get_materialized_partitions(
                    dg.AssetKey(asset), **bounds
                ) == dagsters.get_materialized_partitions(dg.AssetKey(asset), **bounds)


def under_way(
    records: EventLogStorage, asset: str, after: int | None
) -> Mapping[str, tuple[str, int]]:
    look = records.get_latest_asset_partition_materialization_attempts_without_materializations
    return look(dg.AssetKey(asset), after_storage_id=after)


def test_keys_are_any_text(records, tmp_path):
    keys = ['"', "\\", "ữ", "a'b", "\u2028", "{}"]
    records.add_dynamic_partitions(NAME, keys)
    assert (
        records.get_dynamic_partitions(NAME) == keys == plain(tmp_path).get_dynamic_partitions(NAME)
    )


def test_an_engine_is_made_once(records):
    records.get_dynamic_partitions(NAME)
    (first,) = records._engines.values()
    records.get_dynamic_partitions(NAME)
    assert [*records._engines.values()] == [first]


def test_a_table_that_was_there_is_not_looked_for_again(records, monkeypatch):
    looks = []

    def counted(self, name):
        looks.append(name)
        return name == "there"

    monkeypatch.setattr(SqliteEventLogStorage, "has_table", counted)
    assert [records.has_table(name) for name in ("there", "there", "no", "no")] == [
        *(True, True, False, False),
    ]
    assert looks == ["there", "no", "no"]


def test_an_error_that_holds_a_result_leaves_later_looks_free(records, tmp_path):
    records.add_dynamic_partitions(NAME, [f"so-do/{number:04d}" for number in range(1, 500)])

    def read_the_first_and_fail() -> None:
        with records.index_connection() as connection:
            result = connection.exec_driver_sql("SELECT partition FROM dynamic_partitions")
            error = RuntimeError()
            error.result = result, result.fetchone()
            raise error

    with pytest.raises(RuntimeError) as held:
        read_the_first_and_fail()
    plain(tmp_path).add_dynamic_partitions(NAME, ["so-do/0500"])
    assert "so-do/0500" in records.get_dynamic_partitions(NAME)
    records.add_dynamic_partitions(NAME, ["so-do/0501"])
    assert held.value.result


def test_a_key_that_takes_the_number_of_a_removed_one_is_seen(records, tmp_path):
    records.add_dynamic_partitions(NAME, ["so-do/0001", "so-do/0002"])
    assert records.get_dynamic_partitions(NAME) == ["so-do/0001", "so-do/0002"]
    other = plain(tmp_path)
    other.delete_dynamic_partition(NAME, "so-do/0002")
    other.add_dynamic_partitions(NAME, ["so-do/0003"])
    assert records.get_dynamic_partitions(NAME) == ["so-do/0001", "so-do/0003"]


def test_the_instance_uses_it_and_plain_dagster_reads_its_files(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
    monkeypatch.setenv("NOVEL_AUDIO_DAGSTER_DIR", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions(NAME, ["so-do/0001"])
        assert instance.get_dynamic_partitions(NAME) == ["so-do/0001"]
        assert instance.event_log_storage.__class__.__module__.startswith("novel_audio_pipeline.")
    assert plain(tmp_path).get_dynamic_partitions(NAME) == ["so-do/0001"]
    with sqlite3.connect(tmp_path / "history" / "runs" / "index.db") as connection:
        assert connection.execute("SELECT count(*) FROM dynamic_partitions").fetchone() == (1,)
    config = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    assert list(config["storage"]) == ["custom"]


def test_engines_of_old_runs_are_let_go_and_made_again(records):
    records.get_dynamic_partitions(NAME)
    for number in range(40):
        with records.run_connection(f"run-{number}") as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM event_logs").scalar() == 0
    with records.run_connection("run-0") as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM event_logs").scalar() == 0
    assert len(records._engines) <= 16
    assert "index" in records._engines


def test_what_fails_is_taken_back(records):
    def add_and_fail() -> None:
        with records.index_connection() as connection:
            connection.exec_driver_sql(
                "INSERT INTO dynamic_partitions (partitions_def_name, partition) VALUES ('c', 'k')"
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        add_and_fail()
    assert records.get_dynamic_partitions("c") == []


def test_runs_of_many_threads_are_those_that_plain_dagster_reads(tmp_path):
    kept = SqliteRecords.from_local(str(tmp_path))
    ids = [make_new_run_id() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda run_id: kept.run_storage.add_run(DagsterRun("j", run_id)), ids))
        found = list(pool.map(kept.run_storage.has_run, ids))
    assert all(found)
    dagsters = SqliteRunStorage.from_local(str(tmp_path / "history"))
    assert {run.run_id for run in dagsters.get_runs()} == {*ids}
    dagsters.delete_run(ids[0])
    assert not kept.run_storage.has_run(ids[0])
    kept.dispose()


def test_events_of_a_run_are_seen_by_who_watches_it_as_they_are_stored(records, tmp_path):
    run_id, seen = make_new_run_id(), Queue()
    writer = SqliteRecords.from_local(str(tmp_path)).event_log_storage
    with records.run_connection(run_id):
        pass  # the file is there: it is watched
    records.watch(run_id, None, lambda event, _cursor: seen.put(event.user_message))
    for number in range(3):
        writer.store_event(
            EventLogEntry(
                error_info=None,
                level="info",
                user_message=str(number),
                run_id=run_id,
                timestamp=time.time(),
            )
        )
        assert seen.get(timeout=20) == str(number)
    writer.dispose()


def opened(folder: Path) -> list[str]:
    """Return the names of this process's open files below a folder."""
    descriptors = [*Path("/proc/self/fd").iterdir()]
    targets = [link.readlink() for link in descriptors if link.is_symlink()]
    return sorted(target.name for target in targets if target.is_relative_to(folder))


@pytest.mark.skipif(sys.platform != "linux", reason="what is open is seen in /proc")
def test_what_all_runs_share_stays_open_until_the_instance_is_disposed_of(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
    monkeypatch.setenv("NOVEL_AUDIO_DAGSTER_DIR", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        instance.get_dynamic_partitions(NAME)
        instance.get_runs(limit=1)
        instance.all_instigator_state()
        with instance.event_log_storage.run_connection(make_new_run_id()):
            pass
        assert {name for name in opened(tmp_path) if name.endswith(".db")} == {
            "index.db",
            "runs.db",
        }
    assert opened(tmp_path) == []
    assert not [*tmp_path.rglob("*-wal")]


@dg.op(pool="narrow")
def narrow() -> None:
    """An op that has to wait for a slot."""


@dg.job
def narrow_job():
    narrow()


def test_a_run_that_waits_for_a_pool_keeps_no_core_busy(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
    monkeypatch.setenv("NOVEL_AUDIO_DAGSTER_DIR", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        assert narrow_job.execute_in_process(instance=instance).success  # loads what a run needs
        storage = instance.event_log_storage
        assert storage.claim_concurrency_slot("narrow", "another", "step").is_claimed
        free = Timer(4, storage.free_concurrency_slot_for_step, ("another", "step"))
        free.start()
        wall_s, cpu_s = time.monotonic(), time.process_time()
        assert narrow_job.execute_in_process(instance=instance).success
        wall_s, cpu_s = time.monotonic() - wall_s, time.process_time() - cpu_s
        free.join()
    assert wall_s > 3.5
    assert cpu_s < wall_s / 2
