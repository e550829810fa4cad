"""The short form of the scale command: the same steps over 120 chapters, without judging their times."""

import pytest

from novel_audio_pipeline.defs.schedules import chapters_to_narrate
from novel_audio_pipeline.narration.status import chapter_statuses
from novel_audio_pipeline_tests.browser.chromium import CHROMIUM
from novel_audio_pipeline_tests.scale.browsing import asked_alone, browse
from novel_audio_pipeline_tests.scale.daemon import covered_s, ticks
from novel_audio_pipeline_tests.scale.discovering import discover, tick
from novel_audio_pipeline_tests.scale.house import (
    fill_library,
    fill_records,
    house_in,
    look_back,
    up,
    write_sources,
)
from novel_audio_pipeline_tests.scale.measures import Measure, table
from novel_audio_pipeline_tests.scale.sources import Size
from novel_audio_pipeline_tests.trials.web import wait_for

SIZE = Size(novels=2, chapters=60, narrated=50)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    built = house_in(tmp_path_factory.mktemp("scale"), SIZE)
    write_sources(built)
    with built.instance() as instance:
        found = discover(built, instance)
    assert sum(found.pages) == SIZE.total - 25
    fill_records(built)
    fill_library(built)
    return built


@pytest.mark.slow
def test_records_inserted_in_bulk_are_those_that_dagster_would_have_written(house):
    with house.instance() as instance:
        assert look_back(house, instance) == {"chapters": 120, "narrated": 100, "runs": 4}
        wanted = chapters_to_narrate(instance)
        result, _ = tick(house, instance, None)
    assert wanted == {f"{novel}/{n:04d}" for novel in SIZE.ids() for n in range(51, 61)}
    assert result.asset_events == []


@pytest.mark.slow
def test_audio_written_in_bulk_is_complete(house):
    for novel in SIZE.ids():
        statuses = chapter_statuses(house.catalog.scripts(novel), house.library)
        assert [status.state for status in statuses] == ["complete"] * 50 + ["missing"] * 10


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian package chromium)")
def test_a_person_can_choose_a_novel_among_many_in_the_browser(house):
    with up(house) as running:
        sensor = "new_chapters_sensor"
        wait_for(lambda: ticks(running, sensor), timeout_s=120, what="the first look")
        first = ticks(running, sensor)[0]
        steps = browse(running.url, novel="truyen-002", chapters=SIZE.chapters)
        alone = asked_alone(running.url, steps)
    assert first.status == "SKIPPED"
    assert first.said == "2 new or changed sources read, 0 new or changed chapters recorded"
    assert all(step.seconds > 0 for step in steps)
    assert {"PartitionHealthQuery", "AssetPartitionDetailQuery"} <= alone.keys()


def test_time_that_runs_share_counts_once():
    assert covered_s([(0, 10), (5, 12), (20, 21), (6, 7)]) == 13


def test_a_budget_is_held_or_missed():
    within = Measure("a", 2.0, budget=2.0)
    over = Measure("b", 2.01, budget=2.0)
    enough = Measure("c", 8.0, unit="chapters/s", budget=8.0, at_least=True)
    few = Measure("d", 7.9, unit="chapters/s", budget=8.0, at_least=True)
    assert [one.holds for one in (within, over, enough, few)] == [True, False, True, False]
    assert "| b    | 2.01 s          | <= 2 s          | NO   |" in table(
        [within, over, enough, few]
    )
