"""The short form of the sweeps; ``python -m novel_audio_pipeline_tests.sweeps all`` is the long one."""

import hashlib
from pathlib import Path

import pytest

from novel_audio_pipeline_tests.sweeps.mutants import MUTANTS, sweep_mutants
from novel_audio_pipeline_tests.sweeps.replay import Disk, Step
from novel_audio_pipeline_tests.sweeps.scenario import LibraryScenario
from novel_audio_pipeline_tests.sweeps.sweeps import Sweeper


@pytest.mark.parametrize(
    ("sweep", "stride", "least"),
    [("kill", 53, 30), ("fail", 301, 20), ("corrupt", 5, 10), ("forget", 53, 40)],
)
def test_nothing_is_lost_whatever_goes_wrong(sweep, stride, least):
    result = getattr(Sweeper(LibraryScenario(), stride=stride, most=5), sweep)()
    assert result.violations == []
    assert sum(result.swept.values()) >= least


@pytest.mark.parametrize("name", ["a file is not synced", "the record goes before the WAV"])
def test_a_broken_protocol_is_caught(name):
    (verdict,) = sweep_mutants([mutant for mutant in MUTANTS if mutant.name == name])
    assert verdict.caught, verdict.evidence


def step(name: str, *paths: Path, data: bytes = b"", failed: bool = False) -> Step:
    return Step(name, tuple(map(str, paths)), data, failed)


def lost(root: Path, *steps: Step) -> dict[str, dict[str, bytes | None]]:
    disk = Disk(root)
    for one in steps:
        disk.apply(one)
    return dict(disk.power_lost())


def test_the_replay_knows_what_a_sync_makes_durable(tmp_path):
    file, final = tmp_path / "t", tmp_path / "f"
    made = [step("create", file), step("write", file, data=b"speech")]
    rename = step("replace", file, final)
    found = lost(tmp_path, *made, rename)
    assert found["all unsynced lost"] == {}
    assert found["names kept, bytes lost"] == {"f": b""}
    assert found["all kept"] == {"f": b"speech"}
    synced = [*made, step("sync_file", file), rename]
    assert lost(tmp_path, *synced)["names kept, bytes lost"] == {"f": b"speech"}
    assert lost(tmp_path, *synced, step("sync_folder", tmp_path)) == {
        "all unsynced lost": {"f": b"speech"},
        "names kept, bytes lost": {"f": b"speech"},
        "all kept": {"f": b"speech"},
    }


def test_the_replay_never_makes_a_failed_sync_good(tmp_path):
    file = tmp_path / "f"
    steps = [
        step("create", file),
        step("write", file, data=b"speech"),
        step("sync_file", file, failed=True),
        step("sync_file", file),
        step("sync_folder", tmp_path),
    ]
    assert lost(tmp_path, *steps)["all unsynced lost"] == {"f": b""}


def test_the_replay_loses_a_folder_that_is_not_synced_in_the_one_above(tmp_path):
    folder, file = tmp_path / "d", tmp_path / "d" / "f"
    steps = [
        step("mkdir", folder),
        step("create", file),
        step("write", file, data=b"x"),
        step("sync_file", file),
        step("sync_folder", folder),
    ]
    assert lost(tmp_path, *steps)["all unsynced lost"] == {}
    assert lost(tmp_path, *steps, step("sync_folder", tmp_path))["all unsynced lost"] == {
        "d": None,
        "d/f": b"x",
    }


def test_the_replay_of_a_stage_is_what_lies_on_the_disk(tmp_path):
    scenario = LibraryScenario()
    sweeper = Sweeper(scenario)
    for stage, before in sweeper.stages():
        root = tmp_path / str(stage)
        steps = sweeper.traced(stage, before, root)
        disk = Disk(before)
        for one in steps:
            disk.apply(one)
        tree = dict(disk.power_lost())["all unsynced lost"]
        files = {name: digest(data) for name, data in tree.items() if data is not None}
        assert files == {
            str(path.relative_to(root)): digest(path.read_bytes())
            for path in root.rglob("*")
            if path.is_file()
        }


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
