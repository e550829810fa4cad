"""The assets of upkeep on a real instance: what they do, tell, check and leave alone."""

from datetime import timedelta

import dagster as dg
import pytest

from novel_audio_pipeline.definitions import defs
from novel_audio_pipeline_tests.defs.upkeep_house import UpkeepHouse, upkeep_house
from novel_audio_pipeline_tests.library.making import MiniScript
from novel_audio_pipeline_tests.upkeep.places import TTL, set_date

OLD, YOUNG = "a" * 32, "b" * 32
TEXTS = ["Một.", "Hai."]


@pytest.fixture
def upkeep(tmp_path):
    with upkeep_house(tmp_path) as built:
        yield built


def make_old(upkeep: UpkeepHouse) -> None:
    """Set the dates of everything in the library out of grace."""
    for path in upkeep.house.library_dir.rglob("*"):
        set_date(path, upkeep.house.now - timedelta(hours=1))


def test_one_round_expires_reports_and_tells_numbers_a_table_and_a_picture(upkeep):
    house = upkeep.house
    house.write_novel("so-do", TEXTS)
    house.narrate(MiniScript(TEXTS))
    make_old(upkeep)
    house.store(OLD, age=TTL + timedelta(minutes=30))
    house.store(YOUNG, age=timedelta(minutes=30))
    result = upkeep.run("storage_upkeep_job")
    assert result.success
    assert [entry.file_id for entry in house.cache.entries()] == [YOUNG]
    cache = upkeep.metadata("tts_cache_expiry")
    numbers = ("entries_expired", "entries_left", "overdue_left", "bytes_removed", "unknown_left")
    assert [cache[name] for name in numbers] == [1, 1, 0, 4, 0]
    assert cache["lag_minutes"] == pytest.approx(30, abs=0.5)
    assert cache["oldest_age_minutes"] == pytest.approx(30, abs=0.5)
    assert [row["file_id"] for row in cache["removed"]] == [OLD]
    assert str(cache["age_of_entries"]).startswith("![Entries of the TTS cache by age](data:image")
    report = upkeep.metadata("orphan_report")
    assert (report["errors"], report["library_files"], report["cache_entries"]) == (0, 6, 1)
    kinds = {row["code"]: row["found"] for row in report["found_by_kind"]}
    assert kinds == {
        "cache_entry_unclaimed": 1,
        "chapter_without_partition": 1,
        "audio_without_materialization": 1,
    }
    assert len(str(report["bytes_by_novel"])) < 20_000
    assert all((house.reports_dir / f"orphans.{kind}").exists() for kind in ("parquet", "csv"))
    assert upkeep.checks(result) == {
        "within_its_time": True,
        "enforceable": True,
        "free_of_errors": True,
    }


def test_what_is_missing_from_the_library_turns_its_check_red(upkeep):
    house = upkeep.house
    house.write_novel("so-do", TEXTS)
    folder = house.narrate(MiniScript(TEXTS))
    (folder / "paragraph_001" / "paragraph_001.wav").unlink()
    make_old(upkeep)
    result = upkeep.run("storage_upkeep_job")
    assert result.success
    assert upkeep.checks(result)["free_of_errors"] is False
    (evaluation,) = [
        one for one in result.get_asset_check_evaluations() if one.check_name == "free_of_errors"
    ]
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR
    assert evaluation.metadata["errors"].value == 1


def test_dagsters_own_records_are_compared(upkeep):
    upkeep.house.write_novel("so-do", TEXTS)
    upkeep.house.narrate(MiniScript(TEXTS))
    make_old(upkeep)
    upkeep.instance.add_dynamic_partitions("chapters", ["so-do/0001", "tat-den/0001"])
    upkeep.instance.report_runless_asset_event(
        dg.AssetMaterialization(
            "organized_audio", partition="so-do/0001", tags={"dagster/data_version": "v"}
        )
    )
    upkeep.run("storage_upkeep_job")
    assert upkeep.listener.report is not None
    assert upkeep.listener.report.findings["code"].tolist() == ["partition_without_chapter"]


def test_a_backend_that_cannot_be_reached_turns_the_check_red_and_never_green(tmp_path):
    with upkeep_house(tmp_path, TTS_BACKEND_URL="http://127.0.0.1:9") as upkeep:
        result = upkeep.run("tts_cache_expiry_job")
        assert result.success
        assert upkeep.checks(result) == {"within_its_time": False, "enforceable": False}


def test_a_folder_that_is_missing_fails_the_run_and_its_check(tmp_path):
    with upkeep_house(tmp_path, TTS_STORAGE_DIR=str(tmp_path / "unmounted")) as upkeep:
        result = upkeep.run("tts_cache_expiry_job")
        assert not result.success
        assert upkeep.checks(result) == {"enforceable": False}
        assert "unmounted" in str(upkeep.listener.error)


def test_a_novels_folder_that_is_missing_fails_the_report_but_not_the_expiry(upkeep):
    upkeep.house.store(OLD, age=TTL)
    upkeep.house.novels_dir.rename(upkeep.house.root / "elsewhere")
    result = upkeep.run("storage_upkeep_job")
    assert not result.success
    assert list(upkeep.house.cache.entries()) == []
    assert upkeep.checks(result)["free_of_errors"] is False


def test_upkeep_has_a_pool_a_priority_and_an_end(upkeep):
    location = defs()
    for name in ("tts_cache_expiry", "orphan_report"):
        assert location.resolve_assets_def(dg.AssetKey(name)).op.pool == "tts_cache"
    for name in ("tts_cache_expiry_job", "storage_upkeep_job"):
        tags = location.resolve_job_def(name).tags
        assert 60 <= int(tags["dagster/max_runtime"]) <= 3600
        assert int(tags["dagster/priority"]) > 0
    schedule = location.resolve_schedule_def("storage_upkeep_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "storage_upkeep_job"
