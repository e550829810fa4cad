"""Trial: a hundred narrations wait in the queue, and the cache still keeps its two hours."""

import os
import subprocess
import time
from pathlib import Path

from novel_audio_pipeline.settings import PROJECT_ROOT
from novel_audio_pipeline_tests.cli.homes import Home
from novel_audio_pipeline_tests.trials.stopping import wait_for_chapters
from novel_audio_pipeline_tests.trials.up import Up, running_up, write_novel
from novel_audio_pipeline_tests.trials.web import wait_for
from novel_audio_pipeline_tests.tts_backend.serving import start_child

RUNS = 100
LIFE_S = 2 * 3600.0
GONE_WITHIN_S = 120.0
EXPIRES_IN_S = 20.0


def starve(root: Path) -> str:
    """100 narrations are queued; an entry of a backend that clears nothing goes in time."""
    told = []
    for at_once in (1, 4):
        folder = root / str(at_once)
        folder.mkdir(parents=True)
        told.append(f"{at_once} at once: {_starve(folder, at_once)}")
    return "; ".join(told)


def _starve(root: Path, at_once: int) -> str:
    backend_root = root / "backend"
    backend_root.mkdir()
    backend = start_child(backend_root, env={"TTS_ENGINE": "tone", "TTS_TONE_REAL_TIME": "1"})
    cache = root / "cache"  # upkeep looks here; nobody else clears it
    cache.mkdir()
    try:
        with running_up(root, TTS_BACKEND_URL=backend.url, TTS_STORAGE_DIR=str(cache)) as up:
            set_narrations(up.home, at_once)
            keys = write_novel(up.home, "doi", chapters=RUNS, paragraphs=100)
            wait_for_chapters(up, keys)
            for key in keys:
                up.launch(key)
            wait_for(lambda: _started(up) > at_once, timeout_s=120, what="narrations start")
            entry = cache / f"{1:032x}.wav"
            entry.write_bytes(b"RIFF" * 1000)
            expires_at = time.time() + EXPIRES_IN_S
            os.utime(entry, (expires_at - LIFE_S,) * 2)
            wait_for(
                lambda: not entry.exists(), timeout_s=GONE_WITHIN_S + EXPIRES_IN_S, what="it goes"
            )
            late_s = time.time() - expires_at
            waiting = len([r for r in up.runs() if r.job == "__ASSET_JOB" and r.status == "QUEUED"])
            started = _started(up)
            assert waiting > RUNS // 2, f"only {waiting} runs were waiting"
            return f"gone {late_s:.0f} s after its time, {waiting} runs queued, {started} started"
    finally:
        backend.process.terminate()
        backend.process.wait(30)


def set_narrations(home: Home, at_once: int) -> None:
    """Let so many narrations speak at once, as the documents say."""
    subprocess.run(
        ["make", "narrations", f"AT_ONCE={at_once}"],
        cwd=PROJECT_ROOT,
        env=home.environ(),
        check=True,
        capture_output=True,
    )


def _started(up: Up) -> int:
    return len([r for r in up.runs() if r.job == "__ASSET_JOB" and r.status == "STARTED"])
