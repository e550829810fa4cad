"""The asset, its job and its sensor: a chapter organized anew is published anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from novel_audio_pipeline.defs.assets import chapter_text, narrate_chapters
from novel_audio_pipeline.defs.jobs import narrate_job
from novel_audio_pipeline.defs.reader_app_assets import publish_chapters
from novel_audio_pipeline.defs.reader_app_automation import (
    JOB,
    publish_to_reader_app_job,
    reader_app_publishing_sensor,
)
from novel_audio_pipeline.defs.reader_app_resource import ReaderAppResource
from novel_audio_pipeline.reader_app.undo import undo
from novel_audio_pipeline_tests.defs.surroundings import (
    RANGE_END,
    RANGE_START,
    Surroundings,
    surroundings,
)
from novel_audio_pipeline_tests.reader_app.houses import NOVEL, House, new_house

FIRST, SECOND = f"{NOVEL}/0001", f"{NOVEL}/0002"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Town:
    """A reader app, and the pipeline that narrates from its database and publishes into it."""

    app: House
    pipeline: Surroundings

    @property
    def resource(self) -> ReaderAppResource:
        return ReaderAppResource(environment=self.pipeline.environment)

    def publish(self, first: str, last: str | None = None) -> dg.ExecuteInProcessResult:
        definitions = dg.Definitions(
            assets=[chapter_text, narrate_chapters, publish_chapters],
            jobs=[narrate_job, publish_to_reader_app_job],
            resources={**self.pipeline.resources, "reader_app": self.resource},
            executor=dg.in_process_executor,
        )
        return definitions.resolve_job_def(JOB).execute_in_process(
            instance=self.pipeline.instance,
            tags={RANGE_START: first, RANGE_END: last or first},
            raise_on_error=False,
            run_config=QUIET,
        )

    def tick(self, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(
            instance=self.pipeline.instance,
            cursor=cursor,
            resources={"reader_app": self.resource},
        )
        result = reader_app_publishing_sensor(context)
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        return result

    def listed(self, number: int) -> list[int]:
        files = self.app.app.chapter(NOVEL, number)["audioFiles"]
        return [file["paragraphNumber"] for file in files]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    app = new_house(tmp_path / "town")
    app.script(["Trời mưa.", "* * *", "Ừ."], ["Hết chuyện rồi."])
    with surroundings(tmp_path) as pipeline:
        pipeline.environment |= {
            "NOVEL_AUDIO_READER_DATABASE": str(app.database),
            "NOVEL_AUDIO_READER_STATIC_ROOT": str(app.storage),
            "NOVEL_AUDIO_VOICE_VI": "vi",
        }
        pipeline.tick()
        assert pipeline.known() == [FIRST, SECOND]
        yield Town(app, pipeline)


def asked(result: dg.SensorResult | dg.SkipReason) -> list[tuple[str, str]]:
    assert isinstance(result, dg.SensorResult), result
    return [(r.tags[RANGE_START], r.tags[RANGE_END]) for r in result.run_requests or ()]


def test_what_is_organized_is_asked_for_once_published_and_played(town):
    assert "No chapter" in str(town.tick().skip_message)
    town.pipeline.narrate(FIRST, SECOND)
    tick = town.tick()
    assert asked(tick) == [(FIRST, SECOND)]
    assert town.publish(FIRST, SECOND).success
    assert (town.listed(1), town.listed(2)) == ([1, 3], [1])
    assert town.pipeline.materialized("reader_app_audio") == {FIRST, SECOND}
    assert town.pipeline.metadata("reader_app_audio", FIRST)["paragraphs_playable"] == 2
    assert "No chapter" in str(town.tick(tick.cursor).skip_message)
    with town.resource.place().opened(writable=True) as place:
        assert list(undo(place, None))
    told = town.tick(tick.cursor)
    assert "No chapter" in str(told.skip_message), "what was undone is not published by itself"


def test_a_chapter_that_is_organized_anew_is_published_anew_and_no_other(town):
    town.pipeline.narrate(FIRST, SECOND)
    cursor = town.tick().cursor
    town.publish(FIRST, SECOND)
    before = town.app.app.table("audio_cache")
    town.app.execute("UPDATE paragraphs SET text = 'Hết chuyện thật.' WHERE id = 'c2p1'")
    town.pipeline.tick()
    town.pipeline.narrate(SECOND)
    assert asked(town.tick(cursor)) == [(SECOND, SECOND)]
    town.publish(SECOND)
    after = town.app.app.table("audio_cache")
    assert after[:2] == before[:2]
    assert after[2]["tts_file_id"] != before[2]["tts_file_id"]


def test_publishing_is_off_until_both_settings_are_set(town):
    town.pipeline.narrate(FIRST)
    for name in ("NOVEL_AUDIO_READER_DATABASE", "NOVEL_AUDIO_READER_STATIC_ROOT"):
        value = town.pipeline.environment.pop(name)
        assert name in str(town.tick().skip_message)
        assert not town.publish(FIRST).success
        town.pipeline.environment[name] = value
    assert asked(town.tick()) == [(FIRST, FIRST)]


def test_two_batches_are_never_under_way_at_once(town):
    town.pipeline.narrate(FIRST)
    job = dg.Definitions(
        assets=[publish_chapters],
        jobs=[publish_to_reader_app_job],
        resources={"reader_app": town.resource},
    ).resolve_job_def(JOB)
    run = town.pipeline.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert run.run_id in str(town.tick().skip_message)


def test_a_chapter_whose_text_differs_is_named_and_the_others_are_published(town):
    town.pipeline.narrate(FIRST, SECOND)
    town.app.execute("UPDATE paragraphs SET text = 'Khác.' WHERE id = 'c1p3'")
    result = town.publish(FIRST, SECOND)
    assert not result.success
    assert town.pipeline.materialized("reader_app_audio") == {SECOND}
    assert town.listed(1) == [1]
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    told = str(failure.step_failure_data.error)
    assert f"{FIRST}/3" in told
    assert "another text" in told


def test_a_novel_that_the_app_has_not_is_no_failure(town):
    town.pipeline.narrate(FIRST)
    town.app.execute("DELETE FROM novels")
    assert town.publish(FIRST).success
    assert town.pipeline.materialized("reader_app_audio") == set()


def test_the_check_fails_when_what_was_published_does_not_play(town):
    town.pipeline.narrate(FIRST)

    def verdict(result: dg.ExecuteInProcessResult) -> bool:
        (evaluation,) = result.get_asset_check_evaluations()
        return evaluation.passed

    assert verdict(town.publish(FIRST))
    town.app.link().unlink()
    town.app.link().mkdir()
    (town.app.link() / "notes.txt").write_text("somebody put a folder here")
    result = town.publish(FIRST)
    assert not verdict(result)
    assert not result.success
