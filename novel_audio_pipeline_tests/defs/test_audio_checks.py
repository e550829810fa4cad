"""What the checks on organized_audio say after runs, and of the whole library."""

from datetime import timedelta

import dagster as dg

from novel_audio_pipeline.defs import audio_checks
from novel_audio_pipeline.defs.audio_checks import library_sound
from novel_audio_pipeline_tests.defs.surroundings import RANGE_END, RANGE_START

ONE = ["Một câu chuyện.", "“Ừ.”", "* * *"]


def results(done: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str]]:
    return {
        check.check_name: (check.passed, check.severity.value)
        for check in done.get_asset_check_evaluations()
    }


def test_a_good_run_passes_every_check(house):
    house.write("so-do", ONE, ["Hai."])
    house.tick()
    done = house.narrate("so-do/0001", "so-do/0002")
    assert {name: passed for name, (passed, _) in results(done).items()} == {
        "every_paragraph_accounted_for": True,
        "audio_intact": True,
        "cache_emptied": True,
    }


def test_a_chapter_that_failed_is_named_also_by_the_runs_after_it(house, monkeypatch):
    monkeypatch.setattr(audio_checks, "_CLOCK_STEP", timedelta(0))
    house.write("so-do", ONE, ["Hai."], ["Ba."])
    house.tick()
    house.write("so-do", ONE, ["Hai."])
    failed = house.narrate("so-do/0002", "so-do/0003")
    assert results(failed)["every_paragraph_accounted_for"] == (False, "ERROR")
    house.narrate("so-do/0001")
    after = house.narrate("so-do/0001")
    (check,) = [
        c
        for c in after.get_asset_check_evaluations()
        if c.check_name == "every_paragraph_accounted_for"
    ]
    assert not check.passed
    assert check.metadata["chapters_short"].value == 1
    assert check.metadata["what_falls_short"].value.records[0].data["chapter"] == "so-do/0003"


def test_a_chapter_of_a_run_that_died_is_named_also_after_results_without_fault(house):
    house.write("so-do", ONE, ["Hai."], ["Ba."])
    house.tick()
    good = house.narrate("so-do/0001")
    assert results(good)["every_paragraph_accounted_for"][0]
    died = house.instance.create_run_for_job(
        house.definitions.resolve_job_def("narrate_job"),
        tags={RANGE_START: "so-do/0003", RANGE_END: "so-do/0003"},
        status=dg.DagsterRunStatus.STARTED,
    )
    house.instance.report_run_failed(died)
    after = house.narrate("so-do/0002")
    assert results(after)["every_paragraph_accounted_for"] == (False, "ERROR")
    assert results(house.narrate("so-do/0003"))["every_paragraph_accounted_for"][0]


def test_a_run_that_fails_while_this_one_looks_at_its_chapters_is_not_hidden(house, monkeypatch):
    house.write("so-do", ONE, ["Hai."])
    house.tick()
    assert results(house.narrate("so-do/0001"))["every_paragraph_accounted_for"][0]
    look = audio_checks.check_chapter

    def look_slowly(*args: object, **kwargs: object) -> object:
        died = house.instance.create_run_for_job(
            house.definitions.resolve_job_def("narrate_job"),
            tags={RANGE_START: "so-do/0002", RANGE_END: "so-do/0002"},
            status=dg.DagsterRunStatus.STARTED,
        )
        house.instance.report_run_failed(died)
        return look(*args, **kwargs)

    monkeypatch.setattr(audio_checks, "check_chapter", look_slowly)
    assert not results(house.narrate("so-do/0001"))["every_paragraph_accounted_for"][0]


def test_what_is_left_in_the_cache_is_a_warning_unless_it_was_to_be_left(house):
    house.environment["NOVEL_AUDIO_EVICT"] = "never"
    house.write("so-do", ONE)
    house.tick()
    assert results(house.narrate("so-do/0001"))["cache_emptied"] == (True, "WARN")


def test_executed_by_itself_a_check_reads_the_whole_library_and_asks_for_nothing(house):
    house.write("so-do", ONE, ["Hai."])
    house.tick()
    house.narrate("so-do/0001", "so-do/0002")
    house.asked()
    definitions = dg.Definitions(
        assets=house.definitions.assets,
        asset_checks=[library_sound],
        jobs=[dg.define_asset_job("check", selection=dg.AssetSelection.checks(library_sound))],
        resources=house.resources,
    )

    def executed() -> tuple[bool, str]:
        done = definitions.resolve_job_def("check").execute_in_process(
            instance=house.instance, raise_on_error=False
        )
        assert done.success
        return results(done)["library_sound"]

    assert executed() == (True, "WARN")
    wav = sorted((house.home / "library").rglob("*.wav"))[0]
    data = bytearray(wav.read_bytes())
    data[3000] ^= 1
    wav.write_bytes(data)
    assert executed() == (False, "ERROR")
    assert house.asked() == 0


def test_a_run_does_not_read_the_whole_library(house):
    house.write("so-do", ONE)
    house.tick()
    definitions = dg.Definitions.merge(
        house.definitions, dg.Definitions(asset_checks=[library_sound])
    )
    done = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=house.instance,
        tags={
            "dagster/asset_partition_range_start": "so-do/0001",
            "dagster/asset_partition_range_end": "so-do/0001",
        },
        raise_on_error=False,
    )
    assert done.success
    assert "library_sound" not in results(done)
