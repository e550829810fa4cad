"""Trials: Dagster's own commands as ways in, each started, used for one chapter, and stopped."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from novel_audio_pipeline.settings import PROJECT_ROOT
from novel_audio_pipeline_tests.cli.homes import Home, new_home
from novel_audio_pipeline_tests.trials.up import TONE, Up, free_port, write_novel
from novel_audio_pipeline_tests.trials.web import wait_for

BIN = Path(sys.executable).parent
LAUNCH = ("launch", "--assets", "cached_tts_audio,organized_audio")


def environment(home: Home, **more: str) -> dict[str, str]:
    """Return what the README says that Dagster's own commands need."""
    records = home.path / "dagster"
    records.mkdir(exist_ok=True)
    return home.environ(
        DAGSTER_HOME=str(PROJECT_ROOT), NOVEL_AUDIO_DAGSTER_DIR=str(records), **TONE, **more
    )


def run(home: Home, *command: str) -> subprocess.CompletedProcess[str]:
    """Run one of Dagster's commands in the project's folder."""
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=PROJECT_ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@contextlib.contextmanager
def served_by(home: Home, command: Sequence[str]) -> Iterator[Up]:
    """Run ``dagster dev`` or ``dg dev`` until it is told to stop; fail if a process stays."""
    port = free_port()
    with (home.path / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:], "-p", str(port)],
            cwd=PROJECT_ROOT,
            env=environment(home),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    up = Up(f"http://127.0.0.1:{port}", home, process)
    try:
        wait_for(up.answers, timeout_s=120, what="the web UI answers")
        assert (why := up.location_error()) is None, why
        yield up
        up.stop(signal.SIGTERM)
    except BaseException:
        up.kill_everything()
        raise


def narrate_one_by(root: Path, command: Sequence[str]) -> str:
    """Start a server by a command, narrate one chapter in its UI, and stop it."""
    home = new_home(root)
    (key, _) = write_novel(home, "cua", chapters=2)
    with served_by(home, command) as up:
        found_s = wait_for(lambda: key in up.chapters(), timeout_s=100, what="the sensor")
        assert up.end_of(up.launch(key), timeout_s=120) == "SUCCESS"
        assert up.chapters("materialized") == [key]
        assert up.wavs(key) == 3
    return f"{' '.join(command)}: chapters found after {found_s:.0f} s, one narrated, all ended"


def launch_one(root: Path) -> str:
    """``dg launch`` narrates one chapter, and no other that needs it too."""
    home = new_home(root)
    keys = write_novel(home, "cua", chapters=2)
    found = home.run("narrate", **TONE)
    assert found.returncode == 0, found.stderr
    for wav in home.wavs():
        wav.unlink()
    done = run(home, "dg", *LAUNCH, "--partition", keys[1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert [wav.parts[-3][:11] for wav in home.wavs()] == ["chapter_002"] * 3
    return "dg launch narrated the one chapter that it was given"


def check_defs(root: Path) -> str:
    """``dg check defs`` and ``dg list defs`` load the code location."""
    home = new_home(root)
    checked = run(home, "dg", "check", "defs")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    listed = run(home, "dg", "list", "defs")
    assert "organized_audio" in listed.stdout, listed.stdout + listed.stderr
    return "dg check defs and dg list defs know all definitions"


def ways_in(root: Path) -> str:
    """``dagster dev``, ``dg dev``, ``dg launch``, ``dg check defs``: each does what it should."""
    told = []
    for name, trial in (
        ("dagster", lambda folder: narrate_one_by(folder, ("dagster", "dev"))),
        ("dg", lambda folder: narrate_one_by(folder, ("dg", "dev"))),
        ("launch", launch_one),
        ("check", check_defs),
    ):
        folder = root / name
        folder.mkdir()
        told.append(trial(folder))
    return "; ".join(told)
