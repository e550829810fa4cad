"""Trials: what is selected for a backfill is made, what fails is named, and only that is made again."""

from pathlib import Path

from novel_audio_pipeline_tests.trials.stopping import demand_spoken_once, wait_for_chapters
from novel_audio_pipeline_tests.trials.up import Up, running_up, write_novel
from novel_audio_pipeline_tests.trials.web import wait_for

CHAPTERS, PARAGRAPHS = 30, 2
BY_HAND = "khong phai chuong"
BACKFILL_TIMEOUT_S = 240.0


def select(root: Path) -> str:
    """A novel with vanished chapters and a wrong key is backfilled; then failed, range and missing."""
    with running_up(root) as up:
        keys = write_novel(up.home, "mot", chapters=CHAPTERS, paragraphs=PARAGRAPHS)
        others = write_novel(up.home, "hai", chapters=4, paragraphs=PARAGRAPHS)
        wait_for_chapters(up, [*keys, *others])
        up.add_by_hand(BY_HAND)
        write_novel(up.home, "mot", chapters=CHAPTERS - 2, paragraphs=PARAGRAPHS)
        first = up.backfill([*keys, BY_HAND])
        assert up.end_of_backfill(first, timeout_s=BACKFILL_TIMEOUT_S) == "COMPLETED_FAILED"
        assert set(up.chapters("materialized")) == set(keys[:-2])
        assert set(up.chapters("failed")) == {*keys[-2:], BY_HAND}
        named = _what_failed(up)
        for words in ("mot/0029", "mot/0030", f"{BY_HAND}: no chapter key looks like this"):
            assert words in named, f"{words!r} is not in the pages about failed runs: {named}"

        write_novel(up.home, "mot", chapters=CHAPTERS, paragraphs=PARAGRAPHS)
        again = up.reexecute_backfill(first)
        assert up.end_of_backfill(again, timeout_s=BACKFILL_TIMEOUT_S) == "COMPLETED_FAILED"
        assert up.chapters("failed") == [BY_HAND]
        assert set(up.chapters("materialized")) == set(keys)
        demand_spoken_once(up, CHAPTERS * PARAGRAPHS)
        rerun = up.runs(tag=("dagster/backfill", again))

        part = up.backfill(others[1:3])
        assert up.end_of_backfill(part, timeout_s=BACKFILL_TIMEOUT_S) == "COMPLETED_SUCCESS"
        assert set(up.chapters("materialized")) == {*keys, *others[1:3]}
        missing = [key for key in up.chapters("unmaterialized") if key != BY_HAND]
        assert missing == [others[0], others[3]]
        rest = up.backfill(missing)
        assert up.end_of_backfill(rest, timeout_s=BACKFILL_TIMEOUT_S) == "COMPLETED_SUCCESS"

        everything = up.backfill([*keys, *others])
        assert up.end_of_backfill(everything, timeout_s=BACKFILL_TIMEOUT_S) == "COMPLETED_SUCCESS"
        demand_spoken_once(up, (CHAPTERS + len(others)) * PARAGRAPHS)
        runs = up.runs(tag=("dagster/backfill", everything))
        seconds = sum((run.ended_at or 0) - (run.started_at or 0) for run in runs)
        return (
            f"{CHAPTERS - 2} chapters done, 3 partitions failed and named; re-executed from failure "
            f"in {len(rerun)} runs; all {len(keys) + len(others)} again in {len(runs)} runs of "
            f"{seconds:.1f} s together with no request"
        )


def _what_failed(up: Up) -> str:
    """Return the pages about failed runs, as soon as there is one for each of them."""
    folder = up.home.path / "reports" / "failures"

    def pages() -> list[Path]:
        return sorted(folder.glob("*.md"))

    failed = [run for run in up.runs() if run.status == "FAILURE"]
    wait_for(lambda: len(pages()) == len(failed), timeout_s=100, what="a page for each failed run")
    return "\n".join(page.read_text(encoding="utf-8") for page in pages())
