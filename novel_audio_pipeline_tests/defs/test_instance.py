"""Dagster's records: what dagster.yaml says of them, and records of another version."""

import sqlite3
from pathlib import Path

import dagster as dg
import dagster._core.storage.runs.sqlite.sqlite_run_storage as run_storage
import pytest
import yaml
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata
from dagster._core.storage.sql import get_alembic_config, run_alembic_downgrade
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from novel_audio_pipeline.defs.instance import open_instance
from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.settings import PROJECT_ROOT


@pytest.fixture
def instance(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVEL_AUDIO_DAGSTER_DIR", str(tmp_path))
    with dg.DagsterInstance.from_config(str(PROJECT_ROOT)) as opened:
        yield opened


def test_nothing_is_told_to_anybody(instance):
    assert instance.telemetry_enabled is False
    assert instance.nux_enabled is False


def test_all_records_go_to_the_folder_that_is_set(instance, tmp_path):
    assert instance.get_run_records() == []
    assert {path.name for path in tmp_path.rglob("*.db")} == {"runs.db", "index.db", "schedules.db"}
    assert Path(instance.storage_directory()).is_relative_to(tmp_path)


def test_a_dead_runs_place_is_free_within_a_minute(instance):
    settings = instance.run_monitoring_settings
    waited_s = settings["free_slots_after_run_end_seconds"] + settings["poll_interval_seconds"]
    assert settings["enabled"]
    assert waited_s <= 60


def test_upkeep_always_finds_a_place_in_the_queue(instance):
    config = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    pools, runs = config["concurrency"]["pools"], config["concurrency"]["runs"]
    narrations = pools["default_limit"] + pools["op_granularity_run_buffer"]
    publishing = narrations
    assert narrations + publishing + 2 <= runs["max_concurrent_runs"]


def test_records_of_an_older_version_are_named_with_what_to_run(instance, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
    instance.create_run_for_job(dg.GraphDefinition(name="empty").to_job())
    config = get_alembic_config(run_storage.__file__)
    revisions = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
    with instance.run_storage.connect() as connection:
        run_alembic_downgrade(config, connection, revisions[5])
    with pytest.raises(SettingError) as refused:
        open_instance()
    assert "dagster instance migrate" in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    instance.upgrade()  # what that command does
    open_instance().dispose()


@pytest.mark.parametrize(
    ("place", "metadata"),
    [
        ("history/runs.db", RunStorageSqlMetadata),
        ("history/runs/index.db", SqlEventLogStorageMetadata),
        ("schedules/schedules.db", ScheduleStorageSqlMetadata),
    ],
)
def test_records_that_a_killed_process_left_half_made_are_made(
    tmp_path, monkeypatch, capsys, place, metadata
):
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
    monkeypatch.setenv("NOVEL_AUDIO_DAGSTER_DIR", str(tmp_path))
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    metadata.create_all(create_engine(f"sqlite:///{path}", poolclass=NullPool))  # and no version
    with open_instance() as opened:
        storages = (opened.run_storage, opened.event_log_storage, opened.schedule_storage)
        versions = [storage.alembic_version() for storage in storages]
    assert all(present == newest for present, newest in versions)
    assert capsys.readouterr().out == ""  # there, a command may be about to print a document


def test_empty_records_of_a_newer_version_are_refused_too(instance, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
    with sqlite3.connect(tmp_path / "history" / "runs.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'of-the-future'")
    with pytest.raises(SettingError, match="If it was a newer one, install that one again"):
        open_instance()
