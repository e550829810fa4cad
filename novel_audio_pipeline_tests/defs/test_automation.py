"""What asks for narrations by itself: the nightly schedule, automation, and what tells of failures."""

import sys
from datetime import UTC, datetime

import dagster as dg
import pytest

from novel_audio_pipeline.defs import automation
from novel_audio_pipeline.defs.assets import chapter_text
from novel_audio_pipeline.defs.automation import WhileFewAreUnderWay
from novel_audio_pipeline.defs.failures import failed_runs_sensor
from novel_audio_pipeline.defs.partitions import CHAPTERS_PER_RUN, chapters
from novel_audio_pipeline.defs.resources import FailureNotifier
from novel_audio_pipeline.defs.schedules import narrate_new_chapters_schedule
from novel_audio_pipeline.errors import UnavailableError

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def night(house) -> list[tuple[str, ...]] | str:
    """Evaluate the schedule; return the ranges asked for, or why none."""
    context = dg.build_schedule_context(
        instance=house.instance, scheduled_execution_time=datetime(2026, 5, 4, 1, tzinfo=UTC)
    )
    data = narrate_new_chapters_schedule.evaluate_tick(context)  # as the daemon does
    requests = data.run_requests or []
    assert len({request.run_key for request in requests}) == len(requests)
    return [tuple(request.tags[name] for name in RANGE) for request in requests] or str(
        data.skip_message
    )


def test_the_night_asks_for_what_was_never_made(house):
    house.write("a", ["Một."], ["Hai."])
    house.write("b", ["Ba."])
    house.tick()
    assert night(house) == [("a/0001", "b/0001")]


def test_a_night_with_more_chapters_than_one_run_takes_asks_for_several_runs(house):
    house.write("a", *(["Một."] for _ in range(CHAPTERS_PER_RUN + 1)))
    house.tick()
    assert night(house) == [("a/0001", "a/0025"), ("a/0026", "a/0026")]


def test_the_night_asks_for_what_changed_or_failed_and_leaves_the_rest(house):
    house.write("a", ["Một."], ["Hai."], ["Ba."])
    cursor = house.tick().cursor
    house.narrate("a/0001", "a/0003")
    assert night(house) == "Every chapter has the audio of its present text."
    house.write("a", ["Một."], ["Khác."], ["Ba."])
    house.tick(cursor)
    house.environment["TTS_BACKEND_URL"] = "http://127.0.0.1:9"
    assert not house.narrate("a/0002").success
    assert night(house) == [("a/0002", "a/0002")]


def test_the_night_does_not_ask_for_what_is_being_narrated(house):
    house.write("a", ["Một."])
    house.tick()
    run = house.instance.create_run_for_job(
        house.definitions.resolve_job_def("narrate_job"), status=dg.DagsterRunStatus.STARTED
    )
    assert run.run_id in night(house)


def test_automation_asks_for_new_and_changed_chapters_and_for_nothing_else(house):
    def evaluate(cursor: object) -> tuple[object, set[str]]:
        result = dg.evaluate_automation_conditions(
            defs=house.definitions, instance=house.instance, cursor=cursor
        )
        both = [
            result.get_requested_partitions(dg.AssetKey(name))
            for name in ("cached_tts_audio", "organized_audio")
        ]
        assert both[0] == both[1]
        return result.cursor, both[0]

    house.write("a", ["Một."], ["Hai."])
    looks = house.tick().cursor
    state, asked = evaluate(None)
    assert asked == set(), "what was there before is backfilled by hand"
    house.narrate("a/0001", "a/0002")
    state, asked = evaluate(state)
    assert asked == set()
    house.write("a", ["Một."], ["Khác."], ["Mới."])
    house.tick(looks)
    state, asked = evaluate(state)
    assert asked == {"a/0002", "a/0003"}
    state, asked = evaluate(state)
    assert asked == set()


def test_automation_waits_for_the_text_of_a_chapter_that_is_a_partition_already(house):
    def evaluate(cursor: object) -> tuple[object, set[str]]:
        result = dg.evaluate_automation_conditions(
            defs=house.definitions, instance=house.instance, cursor=cursor
        )
        return result.cursor, result.get_requested_partitions(dg.AssetKey("organized_audio"))

    house.write("a", ["Một."])
    looks = house.tick().cursor
    state, _ = evaluate(None)
    house.instance.add_dynamic_partitions("chapters", ["a/0002"])
    state, asked = evaluate(state)
    assert asked == set()
    house.write("a", ["Một."], ["Hai."])
    house.tick(looks)
    state, asked = evaluate(state)
    assert asked == {"a/0002"}


def test_automation_asks_for_few_at_a_time_and_for_the_others_when_there_is_room(house):
    condition = WhileFewAreUnderWay(2)
    narrow = automation.CACHED_AUDIO_CONDITION.replace("WhileFewAreUnderWay", condition)
    spec = dg.AssetSpec(
        "cached_tts_audio",
        deps=["chapter_text"],
        partitions_def=chapters,
        automation_condition=narrow,
    )

    @dg.multi_asset(specs=[spec], name="speak")
    def speak() -> None:
        """Never run."""

    definitions = dg.Definitions(assets=[chapter_text, speak], resources=house.resources)

    def evaluate(cursor: object) -> tuple[object, set[str]]:
        result = dg.evaluate_automation_conditions(
            defs=definitions, instance=house.instance, cursor=cursor
        )
        return result.cursor, result.get_requested_partitions(dg.AssetKey("cached_tts_audio"))

    looks = house.tick().cursor
    state, _ = evaluate(None)
    house.write("a", *([f"Câu {number}."] for number in range(1, 6)))
    house.tick(looks)
    state, asked = evaluate(state)
    assert asked == {"a/0001", "a/0002"}
    house.narrate("a/0001", "a/0002")
    state, asked = evaluate(state)
    assert asked == {"a/0003", "a/0004"}
    house.narrate("a/0003", "a/0004")
    _, asked = evaluate(state)
    assert asked == {"a/0005"}


def test_a_failed_run_leaves_a_page_that_says_what_why_and_what_to_do(house):
    told = house.home / "told"
    teller = house.home / "tell.py"
    teller.write_text(f"import sys; open({str(told)!r}, 'wb').write(sys.stdin.buffer.read())")
    house.environment["NOVEL_AUDIO_NOTIFY_COMMAND"] = f"'{sys.executable}' '{teller}'"
    house.environment["TTS_BACKEND_URL"] = "http://127.0.0.1:9"
    house.write("a", ["Một."])
    house.tick()
    result = house.narrate("a/0001")
    (failure,) = [e for e in result.all_events if e.event_type is dg.DagsterEventType.RUN_FAILURE]
    context = dg.build_run_status_sensor_context(
        sensor_name="failed_runs_sensor",
        dagster_event=failure,
        dagster_instance=house.instance,
        dagster_run=house.instance.get_run_by_id(result.run_id),
    ).for_run_failure()
    failed_runs_sensor(context, failure_notifier=FailureNotifier(environment=house.environment))
    (page,) = (house.home / "reports" / "failures").iterdir()
    text = page.read_text(encoding="utf-8")
    assert result.run_id in text
    assert "a/0001" in text
    assert "http://127.0.0.1:9" in text
    assert "novel-audio narrate" in text
    assert told.read_text(encoding="utf-8") == text

    teller.write_text("raise SystemExit('no such address')")
    notifier = FailureNotifier(environment=house.environment)
    failed_runs_sensor(context, failure_notifier=notifier)  # which fails for that no tick
    with pytest.raises(UnavailableError, match="no such address"):
        notifier.notify(result.run_id, text)
    assert page.read_text(encoding="utf-8") == text
