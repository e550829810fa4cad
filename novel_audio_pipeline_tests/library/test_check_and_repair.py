"""Checking and repairing: every kind of damage is named, nothing is written, nothing destroyed."""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.library.check import check_library
from novel_audio_pipeline.library.finding import CODES, Finding
from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.library.record import ParagraphFailure
from novel_audio_pipeline.library.repair import REPAIRABLE, repair_library
from novel_audio_pipeline.storage.calls import FileCalls
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.storage.store import Entry
from novel_audio_pipeline_tests.library.making import (
    NOW,
    MiniNarration,
    MiniScript,
    anything,
    audio_facts,
    open_chapter,
    speech,
)

ONE = MiniScript(["a", "b", "-"])
TWO = MiniScript(["c"], number=2, title="Hai")
CHAPTER = "so-do_Số_Đỏ/chapter_001_Chương_một"
AWAY = ".repair-aside/20260301T123000Z"


@pytest.fixture
def library(tmp_path: Path) -> AudioLibrary:
    library = open_library(tmp_path / "library")
    MiniNarration(library).narrate([ONE, TWO])
    return library


def root_of(library: AudioLibrary) -> Path:
    assert isinstance(library.store, LocalFileStore)
    return library.store.root


def checked(library: AudioLibrary, share: float = 1.0) -> list[Finding]:
    before = state_of(root_of(library))
    findings = list(check_library(library, read_share=share, seed=1))
    assert state_of(root_of(library)) == before, "a check never writes"
    assert {finding.code for finding in findings} <= set(CODES)
    return findings


def codes(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings}


def state_of(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(root)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in root.rglob("*")
        if ".locks" not in path.parts
    }


def test_a_good_library_has_no_findings(library):
    assert checked(library) == []


def test_an_absent_library_has_no_findings(tmp_path):
    assert list(check_library(open_library(tmp_path / "none"))) == []
    assert not (tmp_path / "none").exists()


def wav(number: int) -> str:
    return f"{CHAPTER}/paragraph_00{number}/paragraph_00{number}.wav"


def record(number: int) -> str:
    return f"{CHAPTER}/paragraph_00{number}/paragraph_00{number}_metadata.json"


def flip(path: Path) -> None:
    data = path.read_bytes()
    times = path.stat().st_mtime_ns
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    os.utime(path, ns=(times, times))


def copy_to(name: str) -> Callable[[Path], None]:
    return lambda path: shutil.copy(path, path.parent / name)


# What is done to which file; what the check says of it; by names, sizes and dates alone, or not.
DAMAGE = [
    pytest.param(wav(1), Path.unlink, "record_without_audio", True, id="wav removed"),
    pytest.param(wav(1), lambda p: p.write_bytes(b"x"), "size_differs", True, id="wav cut"),
    pytest.param(wav(1), flip, "digest_differs", False, id="a bit flipped, date kept"),
    pytest.param(record(1), lambda p: p.write_bytes(b"{"), "record_unreadable", True, id="record cut"),
    pytest.param(record(1), Path.unlink, "audio_without_record", True, id="record removed"),
    pytest.param(wav(1), copy_to("../paragraph_003/paragraph_003.wav"), "audio_beside_skip", True, id="wav at a skip"),
    pytest.param(f"{CHAPTER}/chapter_manifest.json", Path.unlink, "manifest_missing", True, id="no manifest"),
    pytest.param(f"{CHAPTER}/chapter_manifest.json", lambda p: p.write_bytes(b"[]"), "manifest_missing", True, id="manifest damaged"),
    pytest.param(wav(1), Path.touch, "manifest_stale", True, id="wav touched"),
    pytest.param(f"{CHAPTER}/chapter.m3u8", Path.unlink, "playlist_missing", True, id="no playlist"),
    pytest.param(wav(1), copy_to(".x.elsewhere-1-0123abcd.tmp"), "temporary_leftover", True, id="temporary"),
    pytest.param(wav(1), copy_to("notes.txt"), "unknown_in_library", True, id="foreign file"),
    pytest.param(wav(1), copy_to("../../../notes.txt"), "unknown_in_library", True, id="foreign file in the novel"),
    pytest.param(wav(1), lambda p: (p.parent / "link").symlink_to("/etc"), "link_in_library", True, id="link"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "damage", "code", "is_seen_by_names"), DAMAGE)
def test_damage_is_named(library, path, damage, code, is_seen_by_names):
    damage(root_of(library) / path)
    assert code in codes(checked(library))
    assert (code in codes(checked(library, 0.0))) is is_seen_by_names


@pytest.mark.parametrize(("path", "damage", "code", "is_seen_by_names"), DAMAGE)
def test_a_repair_and_a_rerun_leave_a_good_library_and_destroy_nothing(
    library, path, damage, code, is_seen_by_names
):
    damage(root_of(library) / path)
    kept = contents(root_of(library))
    findings = checked(library)
    repairs = list(repair_library(library, findings, now=NOW))
    assert all(repair.done for repair in repairs), repairs
    assert {repair.finding for repair in repairs} == {f for f in findings if f.code in REPAIRABLE}
    left = codes(checked(library)) & set(REPAIRABLE)
    assert not left
    assert kept <= contents(root_of(library))
    MiniNarration(library).narrate([ONE, TWO])
    assert codes(checked(library)) <= {
        "put_away",
        "unknown_in_library",
        "link_in_library",
        "temporary_leftover",
    }


def contents(root: Path) -> set[bytes]:
    return {
        path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith("chapter") and ".locks" not in path.parts
    }


def test_wrong_audio_is_put_away_with_its_record(library):
    flip(root_of(library) / wav(1))
    list(repair_library(library, checked(library), now=NOW))
    away = root_of(library) / AWAY / CHAPTER / "paragraph_001"
    assert sorted(path.name for path in away.iterdir()) == [
        "paragraph_001.wav",
        "paragraph_001_metadata.json",
    ]
    narration = MiniNarration(library)
    narration.narrate([ONE, TWO])
    assert narration.spoken == ["a"]


def test_a_rebuilt_manifest_is_as_good_as_the_lost_one(library):
    manifest = root_of(library) / CHAPTER / "chapter_manifest.json"
    manifest.unlink()
    list(repair_library(library, checked(library), now=NOW))
    chapter = library.chapter_inventory("so-do", 1)
    assert chapter.settled
    assert (chapter.manifest.title, chapter.manifest.complete) == ("Chương một", False)
    assert codes(checked(library)) == {"chapter_incomplete"}  # whose script it is, nobody knows


def test_a_rebuilt_manifest_of_a_complete_chapter_stays_complete(library):
    (root_of(library) / wav(1)).touch()
    list(repair_library(library, checked(library), now=NOW))
    manifest = library.chapter_inventory("so-do", 1).manifest
    assert (manifest.complete, manifest.script_digest) == (True, ONE.digest)


def test_only_what_the_check_named_is_repaired(library):
    flip(root_of(library) / wav(1))
    findings = checked(library)
    flip(root_of(library) / wav(2))
    list(repair_library(library, findings, now=NOW))
    assert {finding.path for finding in checked(library) if finding.severity == "error"} == {wav(2)}


def test_what_is_mended_meanwhile_is_left(library):
    flip(root_of(library) / wav(1))
    findings = checked(library)
    flip(root_of(library) / wav(1))
    (repair,) = repair_library(library, findings, now=NOW)
    assert (repair.done, repair.message) == (False, "it is not so any more")


def test_a_chapter_that_is_open_is_left(library):
    flip(root_of(library) / wav(1))
    findings = checked(library)
    with open_chapter(library, ONE):
        repairs = list(repair_library(library, findings, now=NOW))
    assert [repair.message for repair in repairs] == ["the chapter is being narrated"]
    assert (root_of(library) / wav(1)).exists()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"RIFF0000WAVEnonsense", "audio_does_not_decode", id="no wav"),
        pytest.param(encode_wav(np.zeros(900, np.int16), 8000), "audio_is_silent", id="silent"),
    ],
)
def test_audio_that_is_none_is_found_by_reading_it(library, data, code):
    good = ONE.record(1)
    with open_chapter(library, ONE) as folder:
        wrong = replace(good, audio=audio_facts("a", wav=data))
        folder.commit_audio(wrong, data, wanted=anything)
        folder.finish(
            script_digest=ONE.digest, paragraphs=3, as_scripted=ONE.stands, wanted=anything
        )
    assert codes(checked(library)) == {code}
    assert codes(checked(library, 0.0)) == set()


def test_failures_incomplete_chapters_and_doubts_are_named(library):
    with open_chapter(library, ONE) as folder:
        folder.commit_failure(ParagraphFailure(ONE.text(1), "E", "it was busy", NOW))
        doubtful = replace(ONE.record(2), warnings=("implausible_duration",))
        folder.commit_audio(doubtful, speech("b"), wanted=anything)
        wants = MiniScript(["x", "b", "-"]).stands
        folder.finish(script_digest="d", paragraphs=3, as_scripted=wants, wanted=anything)
    found = {finding.code: finding.message for finding in checked(library)}
    assert found == {
        "paragraph_failed": "it was busy",
        "chapter_incomplete": "not as its script wants: 1 failed",
        "doubtful_audio": "its record warns: implausible_duration",
    }


def test_a_record_moved_by_hand_is_named(library):
    root = root_of(library)
    shutil.copy(root / record(1), root / record(2))
    shutil.copy(root / wav(1), root / wav(2))
    assert "record_of_other_place" in codes(checked(library))


def test_what_waits_aside_is_told_and_half_a_pair_is_put_away(library):
    with open_chapter(library, ONE) as folder:
        folder.commit_skip(MiniScript(["-"]).record(1), wanted=anything)
    aside = root_of(library) / "so-do_Số_Đỏ" / ".aside"
    assert "aside_waiting" in codes(checked(library))
    next(aside.glob("*.json")).unlink()
    findings = checked(library)
    assert "aside_unreadable" in codes(findings)
    list(repair_library(library, findings, now=NOW))
    assert list(aside.iterdir()) == []


def test_twins_are_put_away_once_their_audio_stands_in_the_first(library):
    root = root_of(library)
    twin = root / "so-do_Số_Đỏ" / "chapter_002_Two"
    shutil.copytree(root / "so-do_Số_Đỏ" / "chapter_002_Hai", twin)
    shutil.copytree(root / "so-do_Số_Đỏ", root / "so-do")
    findings = [finding for finding in checked(library) if finding.code == "twin_folders"]
    assert [finding.path for finding in findings] == [
        "so-do_Số_Đỏ",
        "so-do/chapter_002_Two",
    ]
    assert all(repair.done for repair in repair_library(library, findings, now=NOW))
    assert codes(checked(library)) == {"put_away"}


def test_a_twin_with_audio_of_its_own_stays_until_the_novel_is_narrated(library):
    root = root_of(library)
    (root / "so-do" / "chapter_002").mkdir(parents=True)
    shutil.rmtree(root / "so-do" / "chapter_002")
    shutil.move(root / "so-do_Số_Đỏ" / "chapter_002_Hai", root / "so-do" / "chapter_002_Hai")
    (root / "so-do_Số_Đỏ" / "chapter_009").mkdir()
    findings = [finding for finding in checked(library) if finding.code == "twin_folders"]
    (repair,) = repair_library(library, findings, now=NOW)
    assert (repair.done, "stand nowhere else" in repair.message) == (False, True)
    narration = MiniNarration(library)
    narration.narrate([ONE, TWO])
    assert narration.spoken == []
    (repair,) = repair_library(library, findings, now=NOW)
    assert repair.done


class HalfUnreadableCalls(FileCalls):
    def scan(self, path: str) -> list[Entry]:
        if "chapter_001" in path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().scan(path)


def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_checked(library):
    (root_of(library) / "so-do_Số_Đỏ/chapter_002_Hai/chapter.m3u8").unlink()
    broken = AudioLibrary(LocalFileStore(root_of(library), calls=HalfUnreadableCalls()))
    found = {finding.code: finding.path for finding in check_library(broken)}
    assert found == {
        "folder_unreadable": CHAPTER,
        "playlist_missing": "so-do_Số_Đỏ/chapter_002_Hai/chapter.m3u8",
    }


def test_a_share_reads_some_and_the_same_ones_for_a_seed(tmp_path):
    library = open_library(tmp_path)
    script = MiniScript([f"text {number}" for number in range(60)])
    MiniNarration(library).narrate([script])
    for path in tmp_path.rglob("*.wav"):
        flip(path)
    found = [
        {f.path for f in check_library(library, read_share=0.25, seed=seed)} for seed in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]
    assert 5 <= len(found[0]) <= 28
    with pytest.raises(ValueError, match="0 to 1"):
        list(check_library(library, read_share=1.5))


def test_only_the_novels_asked_for_are_checked(library):
    MiniNarration(library).narrate([MiniScript(["x"], novel_id="other")])
    for path in root_of(library).rglob("*.m3u8"):
        path.unlink()
    found = {f.path.split("_")[0] for f in check_library(library, novel_ids=["other"])}
    assert found == {"other"}
