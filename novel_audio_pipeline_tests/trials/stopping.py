"""Trials: a run is terminated, a backfill is canceled, ``up`` is stopped or killed. Nothing is lost."""

import signal
import time
from pathlib import Path

from novel_audio_pipeline_tests.cli.homes import new_home
from novel_audio_pipeline_tests.trials.up import TONE, Up, running_up, start_up, write_novel
from novel_audio_pipeline_tests.trials.web import BACKFILL_OVER, wait_for

SLOW = {"TTS_TONE_REAL_TIME": "8"}  # half a second a paragraph, one after the other
FOUND_TIMEOUT_S = 100.0  # two rounds of the sensor
CANCELED_WITHIN_S = 10.0


def wait_for_chapters(up: Up, keys: list[str]) -> None:
    """Wait until the sensor has found the chapters."""
    wait_for(
        lambda: set(keys) <= set(up.chapters()),
        timeout_s=FOUND_TIMEOUT_S,
        what="the sensor finds the chapters",
    )


def demand_spoken_once(up: Up, paragraphs: int) -> None:
    """Fail if the backend's log does not name so many paragraphs, each once."""
    made = up.made()
    twice = {file_id: count for file_id, count in made.items() if count > 1}
    assert not twice, f"spoken more than once: {twice}"
    assert len(made) == paragraphs, f"{len(made)} paragraphs were spoken instead of {paragraphs}"


def terminate_a_run(up: Up, name: str = "dung-lai", paragraphs: int = 30) -> str:
    """Terminate a run in its middle, look at what stands, and run it again."""
    spoken_before = sum(up.made().values())
    (key,) = write_novel(up.home, name, chapters=1, paragraphs=paragraphs)
    wait_for_chapters(up, [key])
    run_id = up.launch(key)
    wait_for(lambda: up.wavs(key) >= 3, timeout_s=60, what="the first paragraphs are filed")
    up.terminate(run_id)
    started = time.monotonic()
    status = up.end_of(run_id, timeout_s=60)
    took_s = time.monotonic() - started
    assert status == "CANCELED"
    assert took_s < CANCELED_WITHIN_S, f"it took {took_s:.1f} s"
    kept = up.wavs(key)
    assert 3 <= kept < paragraphs
    assert up.end_of(up.launch(key), timeout_s=120) == "SUCCESS"
    assert up.wavs(key) == paragraphs
    demand_spoken_once(up, spoken_before + paragraphs)
    return f"CANCELED {took_s:.1f} s after Terminate with {kept} of {paragraphs} paragraphs filed"


def terminate(root: Path) -> str:
    """A run is terminated in the UI; a second run does only the rest."""
    with running_up(root, **SLOW) as up:
        return terminate_a_run(up)


def cancel_a_backfill(root: Path) -> str:
    """A backfill is canceled in the UI; another one does only the rest."""
    with running_up(root, **SLOW) as up:
        keys = write_novel(up.home, "dai", chapters=60, paragraphs=3)
        wait_for_chapters(up, keys)
        backfill_id = up.backfill(keys)
        wait_for(lambda: len(up.chapters("materialized")) >= 3, timeout_s=120, what="chapters")
        up.cancel_backfill(backfill_id)
        started = time.monotonic()
        wait_for(
            lambda: not [r for r in up.runs() if r.status in ("QUEUED", "STARTED", "CANCELING")],
            timeout_s=90,
            what="the runs of the backfill end",
        )
        runs_over_s = time.monotonic() - started
        wait_for(
            lambda: up.backfills()[backfill_id] in BACKFILL_OVER, timeout_s=120, what="its end"
        )
        over_s = time.monotonic() - started
        assert up.backfills()[backfill_id] == "CANCELED"
        kept = len(up.chapters("materialized"))
        assert 3 <= kept < len(keys)
        left = sorted(set(keys) - set(up.chapters("materialized")))
        status = up.end_of_backfill(up.backfill(left), timeout_s=400)
        assert status == "COMPLETED_SUCCESS", status
        demand_spoken_once(up, 3 * len(keys))
        return (
            f"its runs were over after {runs_over_s:.0f} s, it was CANCELED after {over_s:.0f} s, "
            f"{kept} of {len(keys)} chapters stood"
        )


def stop_up_with(root: Path, how: signal.Signals) -> str:
    """Stop ``up`` in the middle of a run; start it again and let it go on."""
    home = new_home(root)
    up = start_up(home, **TONE | SLOW)
    try:
        (key,) = write_novel(home, "giua", chapters=1, paragraphs=30)
        wait_for_chapters(up, [key])
        up.launch(key)
        wait_for(lambda: up.wavs(key) >= 3, timeout_s=60, what="the first paragraphs are filed")
        members = len(up.family())
        started = time.monotonic()
        status = up.stop(how)
        took_s = time.monotonic() - started
        assert status == (-how if how is signal.SIGKILL else 0), status
        kept = up.wavs(key)
        assert 3 <= kept < 30
        up = start_up(home, **TONE | SLOW)
        wait_for(
            lambda: key in up.chapters("materialized"),
            timeout_s=180,
            what="the run is started again",
        )
        demand_spoken_once(up, 30)
    except BaseException:
        up.kill_everything()
        raise
    assert up.stop() == 0
    return f"{members} processes were gone after {took_s:.1f} s, {kept} of 30 paragraphs stood"


def stop_up(root: Path) -> str:
    """``up`` is stopped by each signal, and killed, while a run narrates; nothing stays behind."""
    told = []
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        told.append(f"{how.name}: {stop_up_with(root / how.name, how)}")
    return "; ".join(told)
