"""Trials: a worker, the daemon, or everything is killed in the middle of a backfill."""

from pathlib import Path

import psutil

from novel_audio_pipeline_tests.cli.homes import new_home
from novel_audio_pipeline_tests.trials.stopping import SLOW, demand_spoken_once, wait_for_chapters
from novel_audio_pipeline_tests.trials.up import TONE, Up, running_up, start_up, write_novel
from novel_audio_pipeline_tests.trials.web import wait_for

CHAPTERS, PARAGRAPHS = 40, 3
BACKFILL_TIMEOUT_S = 600.0


def worker_of(up: Up) -> psutil.Process:
    """Return the process that narrates: the child of a code server with the run's work in it."""
    return up.named("--multiprocessing-fork")


def kill_the_worker_of_a_run(up: Up, name: str = "chet", paragraphs: int = 20) -> str:
    """Kill a run's process; the daemon starts it again, and only the rest is spoken."""
    spoken_before = sum(up.made().values())
    (key,) = write_novel(up.home, name, chapters=1, paragraphs=paragraphs)
    wait_for_chapters(up, [key])
    up.launch(key)
    wait_for(lambda: up.wavs(key) >= 3, timeout_s=60, what="the first paragraphs are filed")
    worker_of(up).kill()
    took_s = wait_for(
        lambda: key in up.chapters("materialized"), timeout_s=180, what="the run is started again"
    )
    demand_spoken_once(up, spoken_before + paragraphs)
    return f"made whole by a second run {took_s:.0f} s after the kill"


def kill_the_worker(root: Path) -> str:
    """The worker of a backfill's run is killed by SIGKILL."""
    with running_up(root, **SLOW) as up:
        backfill_id, keys = _half_done_backfill(up)
        worker_of(up).kill()
        return _ends_well(up, backfill_id, keys)


def kill_the_daemon(root: Path) -> str:
    """The daemon is killed: ``up`` ends with a sentence, and goes on when it is started again."""
    home = new_home(root)
    up = start_up(home, **TONE | SLOW)
    try:
        backfill_id, keys = _half_done_backfill(up)
        up.named("dagster._daemon").kill()
        status = up.process.wait(60)
        assert status == 3, status
        assert "Dagster daemon ended by itself" in up.say()
        wait_for(lambda: not up.family(), timeout_s=60, what="all processes end")
        up = start_up(home, **TONE | SLOW)
        told = _ends_well(up, backfill_id, keys)
    except BaseException:
        up.kill_everything()
        raise
    assert up.stop() == 0
    return told


def kill_everything(root: Path) -> str:
    """Every process is killed at once, as by a power cut; then ``up`` is started again."""
    home = new_home(root)
    up = start_up(home, **TONE | SLOW)
    try:
        backfill_id, keys = _half_done_backfill(up)
        dead = [run.run_id for run in up.runs() if run.status == "STARTED"]
        assert dead
        up.kill_everything()
        up = start_up(home, **TONE | SLOW)
        for run_id in dead:
            assert f"run {run_id} was left by a process that is gone; it is ended" in up.say()
            assert up.run(run_id).status == "FAILURE"
        told = _ends_well(up, backfill_id, keys)
    except BaseException:
        up.kill_everything()
        raise
    assert up.stop() == 0
    return told


def _half_done_backfill(up: Up) -> tuple[str, list[str]]:
    keys = write_novel(up.home, "chet", chapters=CHAPTERS, paragraphs=PARAGRAPHS)
    wait_for_chapters(up, keys)
    backfill_id = up.backfill(keys)
    wait_for(lambda: len(up.chapters("materialized")) >= 3, timeout_s=120, what="chapters")
    return backfill_id, keys


def _ends_well(up: Up, backfill_id: str, keys: list[str]) -> str:
    """Wait until the backfill has gone on to its end with nothing spoken twice."""
    before = len(up.chapters("materialized"))
    took_s = wait_for(
        lambda: len(up.chapters("materialized")) == len(keys),
        timeout_s=BACKFILL_TIMEOUT_S,
        what="the backfill goes on",
    )
    status = up.end_of_backfill(backfill_id, timeout_s=120)
    assert status == "COMPLETED_SUCCESS", status
    demand_spoken_once(up, len(keys) * PARAGRAPHS)
    return f"{before} of {len(keys)} chapters stood, all {took_s:.0f} s later; {status}"
