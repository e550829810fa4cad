"""The short form of the sweeps; ``python -m novel_audio_pipeline_tests.sweeps all`` is the long one."""

import hashlib
import shutil
import sys
from pathlib import Path

import pytest

import novel_audio_pipeline
from novel_audio_pipeline.storage.calls import FileCalls
from novel_audio_pipeline_tests.sweeps.memory import measured
from novel_audio_pipeline_tests.sweeps.mutants import MUTANTS, sweep_mutants
from novel_audio_pipeline_tests.sweeps.narration_scenario import NarrationScenario
from novel_audio_pipeline_tests.sweeps.random_kills import measured_duration, random_kills
from novel_audio_pipeline_tests.sweeps.replay import Disk, Step
from novel_audio_pipeline_tests.sweeps.scenario import LibraryScenario
from novel_audio_pipeline_tests.sweeps.strace_sample import SYSTEM_CALLS, compared
from novel_audio_pipeline_tests.sweeps.sweeps import Sweeper
from novel_audio_pipeline_tests.sweeps.swept_calls import COUNTED


@pytest.mark.parametrize(
    ("sweep", "stride", "least"),
    [("kill", 53, 30), ("fail", 301, 20), ("corrupt", 5, 10), ("forget", 53, 40)],
)
def test_nothing_is_lost_whatever_goes_wrong(sweep, stride, least):
    result = getattr(Sweeper(LibraryScenario(), stride=stride, most=5), sweep)()
    assert result.violations == []
    assert sum(result.swept.values()) >= least


@pytest.mark.parametrize(
    ("sweep", "stride", "least"),
    [("kill", 67, 15), ("fail", 401, 10), ("corrupt", 7, 4), ("forget", 67, 20)],
)
def test_nothing_is_lost_of_a_whole_narration_whatever_goes_wrong(sweep, stride, least):
    result = getattr(Sweeper(NarrationScenario(), stride=stride, most=5), sweep)()
    assert result.violations == []
    assert sum(result.swept.values()) >= least


def test_every_call_of_the_layer_is_counted():
    assert set(COUNTED) == {name for name in vars(FileCalls) if not name.startswith("_")}
    assert set(SYSTEM_CALLS) == set(COUNTED) - {"lstat", "disk_usage"}


@pytest.mark.skipif(shutil.which("strace") is None, reason="install strace to run it")
def test_the_layer_sees_every_call_below_the_root_that_strace_sees():
    comparison = compared()
    assert comparison.counted == comparison.seen
    assert comparison.seen["fdatasync"] > 20


@pytest.mark.slow
def test_what_is_killed_at_a_random_time_is_completed_by_the_next_run():
    for done in random_kills(3, seed=7, jobs=2, duration=measured_duration()):
        assert done.violations == ()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell; run it elsewhere")
def test_ten_times_as_many_paragraphs_need_hardly_more_memory():
    few, many = measured(100), measured(1_000)
    assert many.peak_bytes <= 1.1 * few.peak_bytes


@pytest.mark.parametrize(
    "name",
    [
        "a file is not synced",
        "the record goes before the WAV",
        "narration evicts before it commits",
        "what a killed narration left in the cache stays there",
    ],
)
def test_a_broken_protocol_is_caught(name):
    (verdict,) = sweep_mutants([mutant for mutant in MUTANTS if mutant.name == name])
    assert verdict.caught, verdict.evidence


def test_every_mutant_can_be_planted():
    root = Path(novel_audio_pipeline.__path__[0]).parent
    for mutant in MUTANTS:
        for path, old, _ in mutant.edits:
            found = (root / path).read_text(encoding="utf-8").count(old)
            assert found == 1, f"'{mutant.name}': its place in {path} is found {found} times"


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


def test_the_replay_knows_that_two_names_are_one_file(tmp_path):
    file, other = tmp_path / "f", tmp_path / "g"
    file.write_bytes(b"speech")
    other.hardlink_to(file)
    # A rename of one name to the other does nothing, so there are two names to remove.
    steps = [step("replace", file, other), step("unlink", file), step("sync_folder", tmp_path)]
    assert lost(tmp_path, *steps)["all unsynced lost"] == {"g": b"speech"}


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
