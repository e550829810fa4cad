"""A disk that is not mounted leaves a folder that is missing or empty: nothing is orphaned by that."""

import shutil

import pytest

from novel_audio_pipeline.errors import SettingError, StorageError
from novel_audio_pipeline.upkeep.ledger import DagsterLedger
from novel_audio_pipeline_tests.library.making import MiniScript
from novel_audio_pipeline_tests.upkeep.places import House

TEXTS = ["Một.", "-", "Ba."]
KEY = "so-do/0001"
WHOLE = DagsterLedger((KEY,), {KEY: "version"})


@pytest.fixture
def house(tmp_path) -> House:
    """A novel of one chapter, filed whole, and a report of it."""
    built = House(tmp_path)
    built.write_novel("so-do", TEXTS)
    built.narrate(MiniScript(TEXTS))
    assert built.report(WHOLE).findings.empty
    return built


def reports(house: House) -> dict[str, bytes]:
    """Return everything that reports have written, by path."""
    return {
        path.relative_to(house.reports_dir).as_posix(): path.read_bytes()
        for path in house.reports_dir.rglob("*")
        if path.is_file()
    }


def empty(house: House) -> None:
    """Put a folder in the library's place, as the system leaves it where a disk was mounted."""
    house.library_dir.rename(house.root / "the disk")
    for name in ("lost+found", ".locks"):
        (house.library_dir / name).mkdir(parents=True)
    (house.library_dir / "notes.txt").write_text("mine")


def test_a_library_that_is_missing_is_an_error_and_not_a_thousand_orphans(house):
    before = reports(house)
    house.library_dir.rename(house.root / "the disk")
    with pytest.raises(StorageError, match=r"there is no library at .* 1 chapters .* mount it"):
        house.report(WHOLE)
    assert reports(house) == before


def test_a_library_without_any_novel_is_one_that_is_missing(house):
    before = reports(house)
    empty(house)
    with pytest.raises(StorageError, match=r"the library .* is empty.* 1 chapters .* mount it"):
        house.report(WHOLE)
    assert reports(house) == before
    shutil.rmtree(house.library_dir)
    (house.root / "the disk").rename(house.library_dir)
    assert house.report(WHOLE).findings.empty


def test_a_library_that_nothing_was_ever_filed_in_may_be_empty_or_missing(tmp_path):
    house = House(tmp_path)
    house.write_novel("so-do", TEXTS)
    never = DagsterLedger((KEY,), {})
    assert set(house.found(never)) == {"source_without_audio"}
    house.library_dir.mkdir()
    assert set(house.found(never)) == {"source_without_audio"}


@pytest.mark.parametrize("key", ["partition", "source"])
def test_a_chapter_was_filed_if_it_is_still_a_partition_or_in_a_source(house, key):
    empty(house)
    if key == "partition":
        (house.novels_dir / "so-do.txt").rename(house.novels_dir / "tat-den.txt")
    ledger = DagsterLedger((KEY,) if key == "partition" else (), {KEY: "version"})
    with pytest.raises(StorageError, match="is empty"):
        house.report(ledger)


def test_a_novel_that_was_removed_with_its_audio_is_not_missed(house):
    house.write_novel("tat-den", ["Năm."])
    (house.novels_dir / "so-do.txt").unlink()
    empty(house)
    ledger = DagsterLedger(("tat-den/0001",), {KEY: "version"})
    assert set(house.found(ledger)) == {"source_without_audio", "unknown_in_library"}


def test_a_novels_folder_that_is_gone_is_an_error_and_makes_no_orphans(house):
    before = reports(house)
    house.novels_dir.rename(house.root / "elsewhere")
    with pytest.raises(SettingError, match="novels"):
        house.report(WHOLE)
    assert reports(house) == before


@pytest.mark.parametrize(
    ("ledger", "has_audio"),
    [
        pytest.param(WHOLE, True, id="with audio"),
        pytest.param(DagsterLedger((KEY,), {}), False, id="without audio"),
    ],
)
def test_a_novels_folder_without_any_source_is_one_that_is_missing(house, ledger, has_audio):
    if not has_audio:
        shutil.rmtree(house.library_dir)
    before = reports(house)
    for path in house.novels_dir.iterdir():
        path.unlink()
    (house.novels_dir / "lost+found").mkdir()
    with pytest.raises(StorageError, match=r"no novel in .*novels.* mount it.*Remove a novel"):
        house.report(ledger)
    assert reports(house) == before


def test_a_library_of_which_dagster_knows_no_chapter_needs_no_sources(house):
    for path in house.novels_dir.iterdir():
        path.unlink()
    assert set(house.found(DagsterLedger((), {}))) == {"novel_without_source"}


def test_a_source_that_cannot_be_read_is_one_all_the_same(house):
    (house.novels_dir / "so-do.txt").write_bytes(b"\x00\x01\x02" * 99)
    assert set(house.found(WHOLE)) == {"source_unreadable"}


def test_the_last_novel_is_removed_with_its_partitions_and_its_audio(house):
    for path in house.novels_dir.iterdir():
        path.unlink()
    without_partitions = DagsterLedger((), {KEY: "version"})
    assert set(house.found(without_partitions)) == {"novel_without_source"}
    for path in house.library_dir.glob("so-do*"):
        path.rename(house.root / path.name)
    assert house.report(without_partitions).findings.empty
