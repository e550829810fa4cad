"""The streaming asset on a real instance: events, provenance, failures that stay small."""

import os

import dagster as dg
import pytest

from novel_audio_pipeline.defs.versions import narrated_digests, observed_digests

ONE = ["Một câu chuyện.", "“Ừ.”", "* * *"]
TWO = ["Chuyện thứ hai.", "Hết."]


def stale_chapters(house) -> dict[str, str]:
    """Return the status of each chapter's cached audio as the UI works it out."""
    from dagster._core.definitions.data_version import (  # noqa: PLC0415  (what the UI asks)
        CachingStaleStatusResolver,
    )
    from dagster._core.loader import LoadingContextForTest  # noqa: PLC0415

    graph = house.definitions.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(
        house.instance, graph, LoadingContextForTest(house.instance)
    )
    key = dg.AssetKey("cached_tts_audio")
    return {chapter: resolver.get_status(key, chapter).value for chapter in house.known()}


def test_complete_chapters_are_materialized_one_by_one_with_what_a_person_wants_to_see(house):
    house.write("so-do", ONE, TWO)
    house.tick()
    assert house.narrate("so-do/0001", "so-do/0002").success
    for asset in ("cached_tts_audio", "organized_audio"):
        assert house.materialized(asset) == {"so-do/0001", "so-do/0002"}
    seen = house.metadata("organized_audio", "so-do/0001")
    assert (seen["paragraphs"], seen["paragraphs_spoken"], seen["paragraphs_skipped"]) == (3, 2, 1)
    assert seen["audio_bytes"] > 1000
    assert str(seen["folder"]).endswith("chapter_001_Chương_1")
    assert house.metadata("cached_tts_audio", "so-do/0001")["entries_evicted"] == 2


def test_each_chapter_has_exactly_one_event_an_asset(house):
    house.write("so-do", ONE, TWO)
    house.tick()
    house.narrate("so-do/0001", "so-do/0002")
    for asset in ("cached_tts_audio", "organized_audio"):
        found = house.instance.fetch_materializations(dg.AssetKey(asset), limit=99)
        assert sorted(r.partition_key for r in found.records) == ["so-do/0001", "so-do/0002"]


def test_only_the_chapter_whose_text_changed_becomes_stale_and_narrating_it_mends_that(house):
    house.write("so-do", ONE, TWO)
    cursor = house.tick().cursor
    house.narrate("so-do/0001", "so-do/0002")
    assert stale_chapters(house) == {"so-do/0001": "FRESH", "so-do/0002": "FRESH"}
    house.asked()
    house.write("so-do", [*ONE, "Thêm."], TWO)
    house.tick(cursor)
    assert stale_chapters(house) == {"so-do/0001": "STALE", "so-do/0002": "FRESH"}
    house.narrate("so-do/0001")
    assert house.asked() == 1
    assert stale_chapters(house) == {"so-do/0001": "FRESH", "so-do/0002": "FRESH"}


def test_a_text_that_changed_unobserved_is_observed_by_the_run(house):
    house.write("so-do", ONE)
    house.tick()
    before = observed_digests(house.instance)["so-do/0001"]
    house.write("so-do", TWO)
    house.narrate("so-do/0001")
    after = observed_digests(house.instance)["so-do/0001"]
    assert after != before
    assert narrated_digests(house.instance)["so-do/0001"] == after
    assert stale_chapters(house) == {"so-do/0001": "FRESH"}


def test_running_a_chapter_again_asks_for_nothing(house):
    house.write("so-do", ONE)
    house.tick()
    house.narrate("so-do/0001")
    house.asked()
    assert house.narrate("so-do/0001").success
    assert house.asked() == 0


def test_one_bad_chapter_is_named_and_the_others_are_done(house):
    house.write("so-do", ONE, TWO, ["Chương này sắp mất."])
    house.tick()
    house.write("so-do", ONE, TWO)
    result = house.narrate("so-do/0001", "so-do/0003")
    assert not result.success
    assert house.materialized("organized_audio") == {"so-do/0001", "so-do/0002"}
    (failure,) = result.get_step_failure_events()
    assert "so-do/0003" in str(failure.step_failure_data.user_failure_data.description)
    assert "1 of 3" in str(failure.step_failure_data.user_failure_data.description)


def test_a_key_that_is_no_chapter_is_named_and_the_others_are_done(house):
    house.write("so-do", ONE)
    house.tick()
    house.instance.add_dynamic_partitions("chapters", ["hand made"])
    result = house.narrate("so-do/0001", "hand made")
    assert not result.success
    assert house.materialized("organized_audio") == {"so-do/0001"}


def test_a_backend_that_is_down_fails_the_run_with_what_to_do(house):
    house.environment["TTS_BACKEND_URL"] = "http://127.0.0.1:9"
    house.write("so-do", ONE)
    house.tick()
    result = house.narrate("so-do/0001")
    assert not result.success
    (failure,) = result.get_step_failure_events()
    assert "novel-audio backend" in str(failure.step_failure_data.user_failure_data.description)
    assert house.materialized("organized_audio") == set()


def test_a_backend_with_another_cache_life_is_refused(house):
    house.environment["TTS_DEFAULT_EXPIRY_HOURS"] = "3"
    house.write("so-do", ONE)
    house.tick()
    (failure,) = house.narrate("so-do/0001").get_step_failure_events()
    assert "TTS_DEFAULT_EXPIRY_HOURS" in str(
        failure.step_failure_data.user_failure_data.description
    )


def test_observing_selected_chapters_records_only_what_differs(house):
    house.write("so-do", ONE, TWO)
    house.tick()
    house.write("so-do", ONE, ["Khác."])
    job = dg.Definitions(
        assets=house.definitions.assets,
        jobs=[dg.define_asset_job("observe", selection="chapter_text")],
        resources=house.resources,
    ).resolve_job_def("observe")
    for key in house.known():
        assert job.execute_in_process(instance=house.instance, partition_key=key).success
    found = house.instance.fetch_observations(dg.AssetKey("chapter_text"), limit=99)
    assert [r.partition_key for r in found.records] == ["so-do/0002", "so-do/0002", "so-do/0001"]


def test_audio_that_cannot_be_drawn_hinders_nobody(house):
    house.write("so-do", ONE, TWO)
    house.tick()
    house.narrate("so-do/0001")
    wav = sorted((house.home / "library").rglob("*.wav"))[0]
    facts = wav.stat()
    wav.write_bytes(bytes(64) + wav.read_bytes()[64:])
    os.utime(wav, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert house.narrate("so-do/0001", "so-do/0002").success
    assert house.materialized("organized_audio") == {"so-do/0001", "so-do/0002"}
    assert "waveform" not in house.metadata("organized_audio", "so-do/0001")
    assert "waveform" in house.metadata("organized_audio", "so-do/0002")


@pytest.mark.parametrize("asset", ["cached_tts_audio", "organized_audio"])
def test_one_asset_is_not_made_without_the_other(house, asset):
    house.write("so-do", ONE)
    house.tick()
    with pytest.raises(dg.DagsterInvalidSubsetError):
        dg.define_asset_job("half", selection=asset).resolve(
            asset_graph=house.definitions.resolve_asset_graph()
        )
