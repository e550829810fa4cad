"""Orphans, both ways: every kind planted on a real disk is found, and nothing else is."""

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.library.record import ParagraphFailure
from novel_audio_pipeline.library.record_json import failure_to_json
from novel_audio_pipeline.upkeep.finding import KINDS
from novel_audio_pipeline.upkeep.known_library import KnownLibrary, one_below_another
from novel_audio_pipeline.upkeep.last_check import remember_check
from novel_audio_pipeline.upkeep.ledger import DagsterLedger
from novel_audio_pipeline.upkeep.library_index import LibraryIndex, read_index
from novel_audio_pipeline.upkeep.library_walk import NovelWalk, walk_library
from novel_audio_pipeline.upkeep.numbers_text import ranges_text
from novel_audio_pipeline_tests.library.making import MiniNarration, MiniScript
from novel_audio_pipeline_tests.upkeep.places import House

TEXTS = ["Một.", "-", "Ba.", "Bốn."]
KEY = "so-do/0001"
WHOLE = DagsterLedger((KEY,), {KEY: "version"})


@pytest.fixture
def house(tmp_path) -> House:
    """A novel of one chapter, filed whole."""
    built = House(tmp_path)
    built.write_novel("so-do", TEXTS)
    built.narrate(MiniScript(TEXTS))
    return built


def paragraph(house: House, number: int, suffix: str = ".wav") -> Path:
    (folder,) = house.library_dir.glob(f"so-do*/chapter_001*/paragraph_{number:03d}")
    return folder / f"{folder.name}{suffix}"


def chapter(house: House) -> Path:
    (folder,) = house.library_dir.glob("so-do*/chapter_001*")
    return folder


def where(house: House, path: Path) -> str:
    return path.relative_to(house.library_dir).as_posix()


def test_a_library_in_order_has_no_findings(house):
    report = house.report(WHOLE)
    assert report.findings.empty
    assert report.files == 3 * 2 + 1 + 2  # three with audio, one skipped, manifest and playlist


def test_each_wrong_paragraph_is_found_with_its_path(house):
    paragraph(house, 1).unlink()
    wav = paragraph(house, 3)
    wav.write_bytes(wav.read_bytes() + b"more")
    paragraph(house, 4, "_metadata.json").write_bytes(b"{")
    paragraph(house, 2).write_bytes(b"RIFF beside a skip")
    found = house.found(WHOLE)
    assert found == {
        "record_without_audio": [where(house, paragraph(house, 1))],
        "size_differs": [where(house, paragraph(house, 3))],
        "record_unreadable": [where(house, paragraph(house, 4, "_metadata.json"))],
        "audio_without_record": [where(house, paragraph(house, 2))],
        "chapter_incomplete": [where(house, chapter(house))],
    }


def test_a_wrong_digest_is_told_as_of_the_last_check_that_read_it_until_it_is_filed_anew(house):
    wav = paragraph(house, 1)
    facts = wav.stat()
    wav.write_bytes(wav.read_bytes()[:-1] + b"\x7f")
    os.utime(wav, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert house.report(WHOLE).findings.empty  # nothing that an hourly look can see
    findings = [
        Finding("digest_differs", "error", where(house, wav), "another digest", ""),
        Finding("manifest_stale", "warning", "x", "not kept", ""),
    ]
    remember_check(house.reports_dir, findings, at=house.now - timedelta(minutes=30))
    assert house.found(WHOLE) == {"digest_differs": [where(house, wav)]}
    os.utime(wav, (house.now.timestamp(), house.now.timestamp()))
    assert "digest_differs" not in house.found(WHOLE)


def test_audio_whose_record_is_gone_is_found(house):
    paragraph(house, 3, "_metadata.json").unlink()
    assert house.found(WHOLE)["audio_without_record"] == [where(house, paragraph(house, 3))]


def test_paragraphs_that_were_filed_and_are_gone_altogether_are_errors(house):
    for path in (paragraph(house, 3), paragraph(house, 3, "_metadata.json")):
        path.unlink()
    findings = house.report(WHOLE).findings.set_index("code")
    assert findings.loc["paragraph_missing", "message"].endswith("are gone: 3")
    assert findings.loc["paragraph_missing", "severity"] == "error"


def test_failures_are_told_and_what_expired_too_early_has_a_name_of_its_own(house):
    text = MiniScript(TEXTS).text(1)
    for number, code in ((1, "expired_before_download"), (3, "wrong_audio")):
        failure = ParagraphFailure(text, "AnError", f"why {number}", house.now, code=code)
        path = paragraph(house, number, "_failure.json")
        path.write_bytes(failure_to_json(failure, storage_dir="x"))
    findings = house.report(WHOLE).findings.set_index("code")
    assert findings.loc["expired_before_download", "message"] == (
        "so-do chapter 1 paragraph 1: why 1"
    )
    assert findings.loc["paragraph_failed", "message"].endswith("paragraph 3: why 3")


def test_what_no_source_has_is_found_with_its_size(house):
    other = MiniScript(["Năm."], novel_id="tat-den", novel_title="Tắt Đèn")
    second = MiniScript(["Sáu."], number=2)
    house.narrate(other)
    MiniNarration(house.library).narrate([MiniScript(TEXTS), second])
    house.write_novel("so-do", TEXTS[:2])
    report = house.report(WHOLE)
    found = report.findings.set_index("code")
    assert found.loc["novel_without_source", "path"] == "tat-den_Tắt_Đèn"
    assert found.loc["novel_without_source", "size_bytes"] == report.library_bytes["tat-den"] > 0
    assert "chapter_002" in found.loc["chapter_without_source", "path"]
    assert found.loc["paragraph_beyond_script", "message"] == (
        "the script has 2 paragraphs, and there are 3-4"
    )
    assert set(found["severity"]) == {"info"}


def test_a_source_without_audio_is_found_by_its_chapters(house):
    house.write_novel("so-do", TEXTS, ["Hai."], ["Ba."])
    found = house.report(WHOLE).findings.set_index("code")
    assert found.loc["source_without_audio", "message"] == (
        "2 of 3 chapters of so-do have no audio: 2-3"
    )


def test_a_source_that_cannot_be_read_makes_no_orphans_of_what_it_holds(house):
    (house.novels_dir / "so-do.txt").write_bytes(b"\x00\x01\x02" * 99)
    found = house.found(WHOLE)
    assert set(found) == {"source_unreadable"}
    (house.novels_dir / "so-do.txt").rename(house.novels_dir / "tat-den.txt")
    assert "novel_without_source" in house.found(WHOLE)


def test_two_folders_of_one_id_or_number_are_found(house):
    (house.library_dir / "so-do_Old").mkdir()
    (chapter(house).parent / "chapter_001_Old").mkdir()
    assert sorted(house.found(WHOLE)["twin_folders"]) == [
        "so-do_Old",
        "so-do_Số_Đỏ",
        "so-do_Số_Đỏ/chapter_001_Chương_một",
        "so-do_Số_Đỏ/chapter_001_Old",
    ]


def test_leftovers_and_strangers_are_told_apart(house):
    temporary = paragraph(house, 1).with_name(".paragraph_001.wav.host-77-0123abcd.tmp")
    temporary.write_bytes(b"RI")
    (house.library_dir / "notes.txt").write_text("mine")
    (house.library_dir / "link").symlink_to(house.novels_dir)
    (chapter(house) / "cover.jpg").write_bytes(b"x")
    (chapter(house).parent / "extras").mkdir()
    found = house.found(WHOLE)
    assert found["temporary_leftover"] == [where(house, temporary)]
    assert sorted(found["unknown_in_library"]) == [
        "link",
        "notes.txt",
        where(house, chapter(house) / "cover.jpg"),
        where(house, chapter(house).parent / "extras"),
    ]


def test_what_was_touched_in_the_last_quarter_of_an_hour_is_left_in_peace(house):
    paragraph(house, 1).unlink()
    paragraph(house, 3, "_metadata.json").write_bytes(b"{")
    temporary = paragraph(house, 1).with_name(".paragraph_001.wav.host-77-0123abcd.tmp")
    temporary.write_bytes(b"RI")
    house.now -= timedelta(hours=1) - timedelta(minutes=14)
    assert house.report(WHOLE).findings.empty
    house.now += timedelta(minutes=2)
    assert set(house.found(WHOLE)) == {
        "record_without_audio",
        "record_unreadable",
        "temporary_leftover",
        "chapter_incomplete",
    }


def test_every_disagreement_with_dagster_is_found(house):
    house.write_novel("so-do", TEXTS, ["Hai."])
    ledger = DagsterLedger(
        (KEY, "so-do/0009", "so-do/7", "tat-den/0001"), {"so-do/0002": "v", "tat-den/0001": "v"}
    )
    found = house.found(ledger)
    assert found["partition_key_invalid"] == ["so-do/7"]
    assert found["partition_without_chapter"] == ["so-do/0009", "tat-den/0001"]
    assert found["chapter_without_partition"] == ["so-do"]
    assert found["materialized_without_audio"] == ["so-do/0002"]
    assert found["audio_without_materialization"] == ["so-do"]


def test_the_caches_left_overs_are_found_by_what_they_are(house):
    hour, old = timedelta(hours=1), timedelta(hours=2, minutes=3)
    house.store("1" * 32, age=hour)
    house.store("2" * 32, age=old)
    house.store("3" * 32, age=hour).unlink()
    (house.place.root / "metadata" / f"{'1' * 32}.json").unlink()
    house.store("4" * 32, age=hour)
    house.store("5" * 32, age=timedelta(minutes=5))
    house.store("6" * 32, age=-hour)
    house.store("7" * 32, age=timedelta(hours=2, minutes=1))  # it may still be on its way out
    (house.place.root / "notes.txt").write_text("mine")
    dead = f".{'8' * 32}.wav.elsewhere-77-0123456789ab.tmp"
    (house.place.root / dead).write_bytes(b"R")
    os.utime(house.place.root / dead, (0, 0))
    assert house.found(WHOLE) == {
        "cache_audio_without_record": [f"{'1' * 32}.wav"],
        "cache_entry_overdue": [f"{'2' * 32}.wav"],
        "cache_record_without_audio": [f"metadata/{'3' * 32}.json"],
        "cache_entry_unclaimed": [f"{'4' * 32}.wav"],
        "cache_dated_in_future": [f"{'6' * 32}.wav"],
        "cache_unknown": ["notes.txt"],
        "cache_leftover": [dead],
    }


def test_reporting_deletes_nothing(house):
    house.store("2" * 32, age=timedelta(hours=9))
    paragraph(house, 1).unlink()
    before = sorted(p for p in house.root.rglob("*") if house.reports_dir not in p.parents)
    house.report(WHOLE)
    after = sorted(p for p in house.root.rglob("*") if house.reports_dir not in p.parents)
    assert [p for p in after if p != house.reports_dir] == before


def test_the_report_is_written_as_parquet_and_csv(house):
    paragraph(house, 1).unlink()
    report = house.report(WHOLE)
    parquet = pd.read_parquet(house.reports_dir / "orphans.parquet")
    csv = pd.read_csv(house.reports_dir / "orphans.csv")
    assert parquet["code"].tolist() == csv["code"].tolist() == report.findings["code"].tolist()
    assert set(parquet["severity"]) == {"error", "warning"}
    assert parquet["advice"].str.len().min() > 10


def test_a_second_look_reads_no_record_whose_file_is_the_same(house):
    house.report(WHOLE)
    for path in (paragraph(house, 3, "_metadata.json"), chapter(house) / "chapter_manifest.json"):
        facts = path.stat()
        path.write_bytes(b"{" * facts.st_size)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert house.report(WHOLE).findings.empty
    (house.reports_dir / "index" / "library_paragraphs.parquet").unlink()
    assert "record_unreadable" in house.found(WHOLE)


def test_a_record_that_changed_since_the_last_look_is_read_again(house):
    house.report(WHOLE)
    path = paragraph(house, 3, "_metadata.json")
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps(document | {"audioFileSize": 7}), encoding="utf-8")
    assert house.found(WHOLE)["size_differs"] == [where(house, paragraph(house, 3))]


@pytest.mark.parametrize("name", ["library_paragraphs", "library_chapters"])
@pytest.mark.parametrize("content", [b"", b"PAR1 torn", None])
def test_a_damaged_index_is_made_anew(house, name, content):
    house.report(WHOLE)
    path = house.reports_dir / "index" / f"{name}.parquet"
    if content is None:
        pd.DataFrame({"x": [1]}).to_parquet(path)
    else:
        path.write_bytes(content)
    (house.reports_dir / "index" / "sources.json").write_bytes(b"[]")
    assert house.report(WHOLE).findings.empty
    assert read_index(house.reports_dir) is not None


def test_numbers_are_written_as_ranges():
    assert ranges_text([3, 1, 2, 7]) == "1-3, 7"
    assert ranges_text([]) == ""
    assert ranges_text(range(1, 60, 2)).endswith("23 and 18 more")


def test_every_kind_of_finding_is_explained_in_the_docs():
    docs = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
    text = docs.read_text(encoding="utf-8")
    assert [code for code in KINDS if f"`{code}`" not in text] == []


def second_look(house: House) -> dict[str, bool]:
    """Return which chapters a look after the first one finds as they were, by their folder."""
    known = KnownLibrary(read_index(house.reports_dir), read_since_ns=None)
    walks = walk_library(house.library_dir, known=known.chapter)
    novels = [walk for walk in walks if isinstance(walk, NovelWalk)]
    return {chapter.folder: chapter.is_known for walk in novels for chapter in walk.chapters}


def test_a_second_look_lists_no_paragraphs_folder_that_has_the_date_it_had(house):
    house.report(WHOLE)
    assert second_look(house) == {where(house, chapter(house)): True}
    assert house.report(WHOLE).findings.empty


def test_an_index_that_is_read_in_several_chunks_is_the_same(house):
    house.report(WHOLE)
    index = read_index(house.reports_dir)
    assert index is not None
    rows = index.paragraphs
    chunked = LibraryIndex(index.built_at, index.chapters, pd.concat([rows[:2], rows[2:]]))
    known = KnownLibrary(chunked, read_since_ns=None)
    (folder,) = index.chapters["folder"]
    ids = known.columns(folder).file_ids
    assert one_below_another([known.columns(folder)]).file_ids.to_pylist() == ids.to_pylist()
    assert ids.to_pylist() == rows["file_ids"].tolist()


def test_an_empty_library_can_be_looked_at_again_and_again(tmp_path):
    house = House(tmp_path)
    house.write_novel("so-do", TEXTS)
    for _ in range(2):
        assert set(house.found()) == {"source_without_audio", "chapter_without_partition"}
    (house.library_dir / "so-do_Số_Đỏ" / "chapter_001").mkdir(parents=True)
    for _ in range(2):
        assert "chapter_incomplete" in house.found()


def test_a_folder_that_was_written_lately_is_listed_again(house):
    house.now -= timedelta(minutes=50)
    house.report(WHOLE)
    assert second_look(house) == {where(house, chapter(house)): False}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda wav: wav.write_bytes(b"RIFF"), "size_differs", id="cut in place"),
        pytest.param(lambda wav: wav.unlink(), "record_without_audio", id="removed"),
        pytest.param(
            lambda wav: wav.with_name("notes.txt").write_text("x"), "unknown_in_library", id="came"
        ),
        pytest.param(
            lambda wav: wav.with_name(f"{wav.stem}_metadata.json").unlink(),
            "audio_without_record",
            id="record removed",
        ),
        pytest.param(
            lambda wav: shutil.rmtree(wav.parent), "paragraph_missing", id="folder removed"
        ),
    ],
)
def test_what_changes_after_the_first_look_is_seen_by_the_second(house, change, code):
    house.report(WHOLE)
    change(paragraph(house, 3))
    assert code in house.found(WHOLE)
    assert code in house.found(WHOLE)  # and by the third, which has the index of the second


def test_a_chapter_with_a_failure_or_a_stranger_is_told_at_each_look(house):
    paragraph(house, 1, "_failure.json").write_bytes(b"{")
    paragraph(house, 3).with_name("notes.txt").write_text("x")
    for _ in range(3):
        assert {"paragraph_failed", "unknown_in_library"} <= set(house.found(WHOLE))
