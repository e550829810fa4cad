"""What the orphan report leaves in peace while it may be under way, and what it tells at once."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest

from novel_audio_pipeline.library.layout import MANIFEST
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.library.record import ParagraphFailure
from novel_audio_pipeline.library.record_json import failure_to_json
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.storage.store import FileFacts
from novel_audio_pipeline.upkeep.ledger import DagsterLedger
from novel_audio_pipeline.upkeep.orphans import GRACE, is_settled
from novel_audio_pipeline_tests.library.making import MiniNarration, MiniScript
from novel_audio_pipeline_tests.upkeep.places import House, set_date

TEXTS = ["Một.", "-", "Ba.", "Bốn."]
KEY = "so-do/0001"
WHOLE = DagsterLedger((KEY,), {KEY: "version"})
GRACE_S = GRACE.total_seconds()


@pytest.fixture
def house(tmp_path) -> House:
    """A novel of one chapter, filed whole an hour ago."""
    built = House(tmp_path, datetime.now(UTC))
    built.write_novel("so-do", TEXTS)
    built.narrate(MiniScript(TEXTS))
    make_old(built)
    assert built.report(WHOLE).findings.empty
    return built


def make_old(house: House) -> None:
    for path in house.library_dir.rglob("*"):
        set_date(path, house.now - timedelta(hours=1))


def chapter(house: House) -> Path:
    (folder,) = house.library_dir.glob("so-do*/chapter_001*")
    return folder


def paragraph(house: House, number: int, suffix: str = ".wav") -> Path:
    folder = chapter(house) / f"paragraph_{number:03d}"
    return folder / f"{folder.name}{suffix}"


@pytest.mark.parametrize(
    ("age_s", "settled"),
    [
        pytest.param(0.0, False, id="new"),
        pytest.param(GRACE_S - 0.001, False, id="just short of the grace"),
        pytest.param(GRACE_S, True, id="at the grace"),
        pytest.param(0.001 - GRACE_S, False, id="dated a little after now"),
        pytest.param(-GRACE_S, True, id="dated long after now"),
    ],
)
def test_a_thing_is_settled_at_the_end_of_its_grace(age_s, settled):
    assert is_settled(pd.Series([age_s])).tolist() == [settled]


def remove_a_paragraph(house: House) -> None:
    paragraph(house, 3, "_metadata.json").unlink()
    paragraph(house, 3).unlink()


def remove_a_paragraph_with_its_folder(house: House) -> None:
    """Leave no date of the removal itself: the chapter's other files are what tells of work."""
    remove_a_paragraph(house)
    paragraph(house, 3).parent.rmdir()


def remove_a_paragraph_beside_one_just_written(house: House) -> None:
    remove_a_paragraph_with_its_folder(house)
    paragraph(house, 1).touch()


def remove_a_paragraph_below_a_manifest_just_written(house: House) -> None:
    remove_a_paragraph_with_its_folder(house)
    (chapter(house) / MANIFEST).touch()


def remove_a_record(house: House) -> None:
    paragraph(house, 3, "_metadata.json").unlink()


def make_a_novel(house: House) -> None:
    (house.library_dir / "tat-den_Tắt_Đèn").mkdir()


def make_a_twin_of_the_novel(house: House) -> None:
    (house.library_dir / "so-do_Old").mkdir()


def make_a_twin_of_the_chapter(house: House) -> None:
    (chapter(house).parent / "chapter_001_Old").mkdir()


def begin_a_chapter(house: House) -> None:
    house.write_novel("so-do", TEXTS, ["Hai."])
    (chapter(house).parent / "chapter_002").mkdir()


def put_a_record_into_the_cache(house: House) -> None:
    house.cache.prepare()
    (house.place.root / "metadata" / f"{'a' * 32}.json").write_text("{}")


def copy_something_into_the_cache(house: House) -> None:
    house.cache.prepare()
    (house.place.root / "notes.txt").write_text("mine")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (remove_a_paragraph, "paragraph_missing"),
        (remove_a_paragraph_beside_one_just_written, "paragraph_missing"),
        (remove_a_paragraph_below_a_manifest_just_written, "paragraph_missing"),
        (remove_a_record, "audio_without_record"),
        (make_a_novel, "novel_without_source"),
        (make_a_twin_of_the_novel, "twin_folders"),
        (make_a_twin_of_the_chapter, "twin_folders"),
        (begin_a_chapter, "chapter_incomplete"),
        (put_a_record_into_the_cache, "cache_record_without_audio"),
        (copy_something_into_the_cache, "cache_unknown"),
    ],
)
def test_what_may_be_under_way_is_told_when_a_quarter_of_an_hour_has_passed(
    house: House, change: Callable[[House], None], code: str
):
    change(house)
    assert code not in house.found(WHOLE)
    house.now += timedelta(minutes=14)
    assert code not in house.found(WHOLE)
    house.now += timedelta(minutes=2)
    assert code in house.found(WHOLE)


def test_an_entry_that_is_dated_a_little_in_the_future_is_none_to_tell_of(house):
    wav = house.store("a" * 32, age=timedelta(minutes=-14))
    assert "cache_dated_in_future" not in house.found(WHOLE)
    set_date(wav, house.now + timedelta(minutes=16))
    assert "cache_dated_in_future" in house.found(WHOLE)


def test_twins_and_orphans_are_told_when_their_novel_is_left_alone(house):
    house.narrate(MiniScript(["Năm."], novel_id="tat-den", novel_title="Tắt Đèn"))
    (house.library_dir / "so-do_Old").mkdir()
    make_old(house)
    assert set(house.found(WHOLE)) == {"novel_without_source", "twin_folders"}
    for wav in house.library_dir.rglob("paragraph_001.wav"):
        os.utime(wav, (time.time(),) * 2)
    assert house.report(WHOLE).findings.empty


def test_a_failure_that_was_written_down_is_told_at_once(house):
    text = MiniScript(TEXTS).text(1)
    for number, code in ((1, "expired_before_download"), (3, "wrong_audio")):
        failure = ParagraphFailure(text, "AnError", "why", house.now, code=code)
        paragraph(house, number, "_failure.json").write_bytes(
            failure_to_json(failure, storage_dir="x")
        )
    assert set(house.found(WHOLE)) == {"expired_before_download", "paragraph_failed"}


def test_a_wav_that_is_gone_while_its_record_stands_is_told_at_once(house):
    paragraph(house, 3).unlink()
    assert "record_without_audio" in house.found(WHOLE)


class KilledError(BaseException):
    """The process ends here."""


class StoreOfAKilledProcess(LocalFileStore):
    """A disk below a process that ends before it writes the manifest of a chapter."""

    def write(self, path: PurePosixPath, data: bytes) -> FileFacts:
        if path.name == MANIFEST:
            raise KilledError
        return super().write(path, data)


def test_a_chapter_that_is_made_shorter_has_lost_nothing_also_if_that_is_killed(house):
    shorter = TEXTS[:2]
    house.write_novel("so-do", shorter)
    library = AudioLibrary(StoreOfAKilledProcess(house.library_dir))
    with pytest.raises(KilledError):
        MiniNarration(library).narrate([MiniScript(shorter)])
    assert not paragraph(house, 3).exists()
    assert house.report(WHOLE).findings.empty
    house.now += timedelta(hours=1)
    assert house.report(WHOLE).findings.empty
    for suffix in (".wav", "_metadata.json"):
        paragraph(house, 1, suffix).unlink()
    house.now += timedelta(hours=1)
    findings = house.report(WHOLE).findings.set_index("code")
    assert findings.loc["paragraph_missing", "message"] == (
        "1 of 2 paragraphs that were filed are gone: 1"
    )
