"""The page about a failed run: what it says is to be done fits the kind of run."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from novel_audio_pipeline.defs.failures import failed_runs_sensor, failure_page, kind_of
from novel_audio_pipeline.defs.resources import FailureNotifier
from novel_audio_pipeline_tests.defs.upkeep_house import upkeep_house

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def page_of(kind, **tags: str) -> str:
    return failure_page(run_id="r", job="j", kind=kind, tags=tags, reasons=["it broke."], at=NOW)


@pytest.mark.parametrize(
    ("tags", "assets", "kind"),
    [
        pytest.param({"novel_audio/kind": "narration"}, [], "narration", id="a job's tag"),
        pytest.param({"novel_audio/kind": "upkeep"}, [], "upkeep", id="upkeep's tag"),
        pytest.param({"novel_audio/kind": "publishing"}, [], "publishing", id="publishing's tag"),
        pytest.param({}, ["organized_audio", "cached_tts_audio"], "narration", id="from the UI"),
        pytest.param({}, ["reader_app_audio"], "publishing", id="publishing from the UI"),
        pytest.param({}, ["orphan_report"], "upkeep", id="upkeep from the UI"),
        pytest.param({}, ["orphan_report", "organized_audio"], "narration", id="both from the UI"),
        pytest.param({}, ["chapter_text"], "other", id="an observation"),
        pytest.param({"novel_audio/kind": "mine"}, [], "other", id="of somebody else"),
        pytest.param({}, [], "other", id="unknown"),
    ],
)
def test_the_kind_of_a_run_is_known_by_its_job_or_its_assets(tags, assets, kind):
    assert kind_of(tags, [dg.AssetKey(name) for name in assets]) == kind


@pytest.mark.parametrize(
    ("kind", "said", "not_said"),
    [
        ("narration", "`novel-audio narrate`", "upkeep"),
        ("publishing", "`novel-audio library publish`", "novel-audio narrate"),
        ("upkeep", "`storage_upkeep_schedule`", "chapters again"),
        ("other", "start the run again", "library"),
    ],
)
def test_what_to_do_fits_the_kind_of_run(kind, said, not_said):
    _, _, advice = page_of(kind).partition("## What to do")
    assert said in advice
    assert not_said not in advice


def test_a_page_names_the_chapters_of_its_run():
    span = {
        "dagster/asset_partition_range_start": "a/0001",
        "dagster/asset_partition_range_end": "a/0003",
    }
    assert "- chapters: a/0001 to a/0003\n" in page_of("narration", **span)
    assert "- chapters: a/0001\n" in page_of("narration", **{"dagster/partition": "a/0001"})
    assert "- chapters: none\n" in page_of("upkeep")


def test_a_failed_run_of_upkeep_sends_nobody_to_narrate_chapters(tmp_path):
    with upkeep_house(tmp_path, TTS_STORAGE_DIR=str(tmp_path / "unmounted")) as upkeep:
        result = upkeep.run("tts_cache_expiry_job")
        failed = dg.DagsterEventType.RUN_FAILURE
        (failure,) = [event for event in result.all_events if event.event_type is failed]
        context = dg.build_run_status_sensor_context(
            sensor_name="failed_runs_sensor",
            dagster_event=failure,
            dagster_instance=upkeep.instance,
            dagster_run=result.dagster_run,
        ).for_run_failure()
        failed_runs_sensor(
            context, failure_notifier=FailureNotifier(environment=upkeep.environment)
        )
    (page,) = tmp_path.glob("**/reports/failures/*.md")
    text = page.read_text(encoding="utf-8")
    assert "tts_cache_expiry_job" in text
    assert "Nothing in the library or the novels folder was touched." in text
    assert "chapters again" not in text
