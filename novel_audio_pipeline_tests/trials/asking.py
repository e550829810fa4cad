"""Trials: what narrates by itself, in the real daemon: the automation sensor, the nightly schedule."""

from pathlib import Path

from novel_audio_pipeline.defs.automation import AUTOMATED_AT_ONCE
from novel_audio_pipeline_tests.cli.homes import new_home
from novel_audio_pipeline_tests.trials.doors import served_by
from novel_audio_pipeline_tests.trials.stopping import wait_for_chapters
from novel_audio_pipeline_tests.trials.up import Up, running_up, write_novel
from novel_audio_pipeline_tests.trials.web import wait_for

SENSOR = "narration_automation_sensor"
MINUTE_NIGHTS = """load_from:
  - python_module:
      module_name: novel_audio_pipeline_tests.trials.minute_nights
      location_name: novel_audio_pipeline
"""


def automate(root: Path) -> str:
    """Automation narrates what is new or changed, a limited number at a time, and nothing else."""
    with running_up(root) as up:
        old = write_novel(up.home, "cu", chapters=2)
        wait_for_chapters(up, old)
        assert up.end_of_backfill(up.backfill(old[:1]), timeout_s=120) == "COMPLETED_SUCCESS"
        up.turn_on_sensor(SENSOR)
        wait_for(lambda: len(_looks(up)) >= 2, timeout_s=200, what="automation looks twice")
        assert set(up.chapters("materialized")) == set(old[:1]), (
            "what was there before is not asked for"
        )

        changed = write_novel(up.home, "cu", chapters=1, paragraphs=4)
        write_novel(up.home, "cu", chapters=2, paragraphs=4)
        new = write_novel(up.home, "moi", chapters=2)
        wait_for(
            lambda: set(new) <= set(up.chapters("materialized")) and not up.stale(changed),
            timeout_s=300,
            what="new and changed chapters are narrated",
        )
        few = len(up.backfills()) + len(up.runs())

        many = write_novel(up.home, "nhieu", chapters=AUTOMATED_AT_ONCE + 30, paragraphs=1)
        most = 0

        def all_made() -> bool:
            nonlocal most
            made = set(up.chapters("materialized"))
            most = max(most, len(up.under_way() - made))
            return set(many) <= made

        took_s = wait_for(all_made, timeout_s=800, what="many chapters, in two rounds")
        assert 0 < most <= AUTOMATED_AT_ONCE, f"{most} chapters were under way at once"
        return f"new and changed ones were asked for ({few} runs and backfills), {len(many)} in {took_s:.0f} s, at most {most} at once"


def _looks(up: Up) -> list[dict[str, object]]:
    ticks = up.ticks(SENSOR)
    failed = [tick["error"] for tick in ticks if tick["status"] == "FAILURE"]
    assert not failed, failed
    return [tick for tick in ticks if tick["status"] in ("SKIPPED", "SUCCESS")]


def night(root: Path) -> str:
    """The nightly schedule, every minute here, narrates what is new, changed or failed."""
    home = new_home(root)
    workspace = home.path / "workspace.yaml"
    workspace.write_text(MINUTE_NIGHTS, encoding="utf-8")
    with served_by(home, ("dagster", "dev", "-w", str(workspace))) as up:
        keys = write_novel(up.home, "dem", chapters=30, paragraphs=1)
        wait_for_chapters(up, keys)
        up.turn_on_schedule("narrate_new_chapters_schedule")
        took_s = wait_for(
            lambda: set(keys) <= set(up.chapters("materialized")), timeout_s=200, what="a night"
        )
        runs = len(up.runs(job="narrate_job"))
        write_novel(up.home, "dem", chapters=30, paragraphs=2)
        wait_for(lambda: up.stale(keys[:1]), timeout_s=100, what="the change is seen")
        wait_for(lambda: not up.stale(keys), timeout_s=200, what="the next night")
        return (
            f"30 new chapters after {took_s:.0f} s in {runs} runs, 30 changed ones the next night"
        )
