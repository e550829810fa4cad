"""The sensor that finds chapters: what a tick records, and what it leaves alone."""

import dagster as dg
import pytest

from novel_audio_pipeline.defs import sensors
from novel_audio_pipeline.defs.resources import clock
from novel_audio_pipeline.defs.sensor_memory import GONE_FOR
from novel_audio_pipeline.errors import SettingError


def test_new_chapters_become_partitions_and_are_observed(house):
    house.write("so-do", ["Một."], ["Hai."])
    house.write("tat-den", ["Ba."])
    result = house.tick()
    assert house.known() == ["so-do/0001", "so-do/0002", "tat-den/0001"]
    assert len(result.asset_events) == 3


def test_an_unchanged_folder_costs_no_reading(house):
    house.write("so-do", ["Một."])
    cursor = house.tick().cursor
    again = house.tick(cursor)
    assert again.asset_events == []
    assert "No source has changed" in str(again.skip_reason.skip_message)


def test_a_tick_that_is_repeated_does_no_harm(house):
    house.write("so-do", ["Một."])
    house.tick()
    again = house.tick()
    assert again.asset_events == []
    assert house.known() == ["so-do/0001"]


def test_only_the_changed_chapter_is_observed_again(house):
    house.write("so-do", ["Một."], ["Hai."])
    cursor = house.tick().cursor
    house.write("so-do", ["Một."], ["Khác."])
    (event,) = house.tick(cursor).asset_events
    assert event.partition == "so-do/0002"


def test_another_voice_changes_every_chapter(house):
    house.write("so-do", ["Một."], ["Hai."])
    cursor = house.tick().cursor
    house.environment["NOVEL_AUDIO_SPEED"] = "1.5"
    assert len(house.tick(cursor).asset_events) == 2


def test_many_texts_are_observed_in_pages_and_none_is_left_out(house, monkeypatch):
    monkeypatch.setattr(sensors, "OBSERVATIONS_AT_ONCE", 3)
    house.write("a", ["1."], ["2."])
    house.write("b", ["3."], ["4."])
    house.write("c", ["5."])
    cursor, pages = None, []
    for _ in range(3):
        result = house.tick(cursor)
        cursor = result.cursor
        pages.append([str(event.partition) for event in result.asset_events])
    assert pages == [["a/0001", "a/0002", "b/0001"], ["b/0002", "c/0001"], []]


def test_many_chapters_are_partitions_at_once_and_each_source_is_read_once_for_that(
    house, monkeypatch
):
    monkeypatch.setattr(sensors, "OBSERVATIONS_AT_ONCE", 1)
    for name in ("a", "b", "c"):
        house.write(name, ["1."], ["2."])
    first = house.tick()
    assert house.known() == ["a/0001", "a/0002", "b/0001", "b/0002", "c/0001", "c/0002"]
    assert "3 new or changed sources read" in str(first.skip_reason.skip_message)
    assert "6 chapters are new" in str(first.skip_reason.skip_message)
    second = house.tick(first.cursor)
    assert "1 new or changed sources read" in str(second.skip_reason.skip_message)


def test_more_partitions_than_one_tick_adds_come_in_the_ticks_after_it(house, monkeypatch):
    monkeypatch.setattr(sensors, "OBSERVATIONS_AT_ONCE", 1)
    monkeypatch.setattr(sensors, "PARTITIONS_AT_ONCE", 2)
    house.write("a", ["1."], ["2."], ["3."])
    house.write("b", ["4."])
    cursor, known = None, []
    for _ in range(4):
        cursor = house.tick(cursor).cursor
        known.append(len(house.known()))
    assert known == [2, 4, 4, 4]
    assert house.known() == ["a/0001", "a/0002", "a/0003", "b/0001"]


def test_a_source_that_cannot_be_read_is_named_and_the_others_are_found(house):
    house.write("so-do", ["Một."])
    (house.home / "novels" / "bad.epub").write_bytes(b"this is no zip")
    result = house.tick()
    assert house.known() == ["so-do/0001"]
    assert "bad.epub" in str(result.skip_reason.skip_message)


def test_a_source_is_looked_at_until_its_problem_is_gone(house):
    house.write("a", ["Một."])
    house.write("b", ["Hai."])
    for name in ("a", "b"):
        settings = house.home / "novels" / f"{name}.toml"
        settings.write_text(settings.read_text() + 'id = "same"\n')
    cursor = house.tick().cursor
    assert house.known() == []
    (house.home / "novels" / "b.txt").unlink()
    house.tick(cursor)
    assert house.known() == ["same/0001"]


def test_a_folder_that_is_gone_is_an_error_and_not_an_empty_library(house):
    house.write("so-do", ["Một."])
    house.tick()
    (house.home / "novels").rename(house.home / "elsewhere")
    with pytest.raises(SettingError):
        house.tick()
    assert house.known() == ["so-do/0001"]


def test_a_novel_that_was_taken_away_stops_being_partitions_and_its_audio_stays(house, monkeypatch):
    house.write("a", ["Một."])
    house.write("b", ["Hai."])
    cursor = house.tick().cursor
    house.narrate("b/0001")
    wavs = sorted((house.home / "library").rglob("*.wav"))
    (house.home / "novels" / "b.txt").unlink()
    cursor = house.tick(cursor).cursor
    assert house.known() == ["a/0001", "b/0001"]
    monkeypatch.setattr(sensors, "clock", lambda: clock() + GONE_FOR)
    run = house.instance.create_run_for_job(
        house.definitions.resolve_job_def("narrate_job"), status=dg.DagsterRunStatus.STARTED
    )
    busy = house.tick(cursor)
    assert run.run_id in str(busy.skip_reason.skip_message)
    assert house.known() == ["a/0001", "b/0001"]
    house.instance.report_run_failed(run)
    house.tick(cursor)
    assert house.known() == ["a/0001"]
    assert sorted((house.home / "library").rglob("*.wav")) == wavs
