"""What other hands did to a library: damage, copies, twins, strangers; a rerun mends it."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.library.inventory import Standing
from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.storage.calls import FileCalls
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.storage.temporary import this_process
from novel_audio_pipeline_tests.library.making import (
    FOLDER,
    TEXTS,
    MiniScript,
    files,
    narrated,
    sounds,
)


@pytest.fixture
def disk(tmp_path: Path) -> AudioLibrary:
    return open_library(tmp_path / "library")


@pytest.mark.parametrize(
    ("name", "damage", "standing"),
    [
        pytest.param("001.wav", Path.unlink, Standing.MISSING, id="wav removed"),
        pytest.param("001.wav", lambda p: p.write_bytes(b"x"), Standing.DAMAGED, id="wav cut"),
        pytest.param(
            "001.wav",
            lambda p: p.write_bytes(p.read_bytes()[:-1] + b"?"),
            Standing.DAMAGED,
            id="one byte of the wav",
        ),
        pytest.param("001.wav", Path.touch, Standing.INTACT, id="only a new date"),
        pytest.param("001_metadata.json", Path.unlink, Standing.NOTHING, id="record removed"),
        pytest.param(
            "001_metadata.json", lambda p: p.write_bytes(b"{"), Standing.UNREADABLE, id="record cut"
        ),
    ],
)
def test_what_other_hands_did_is_seen_and_mended_by_a_rerun(disk, name, damage, standing):
    script = MiniScript(["a", "b"])
    narrated(disk, script)
    damage(disk.store.root / FOLDER / "paragraph_001" / f"paragraph_{name}")
    held = disk.chapter_inventory("so-do", 1)
    assert held.paragraphs[1].standing is standing
    assert not held.settled
    assert narrated(disk, script).spoken == ([] if standing is Standing.INTACT else ["a"])
    assert disk.chapter_inventory("so-do", 1).settled


def test_a_copied_library_is_hashed_once_and_kept(disk, tmp_path):
    script = MiniScript(TEXTS)
    narrated(disk, script)
    shutil.copytree(disk.store.root, tmp_path / "copy", copy_function=shutil.copyfile)
    copy = open_library(tmp_path / "copy")
    assert not copy.chapter_inventory("so-do", 1).settled
    assert narrated(copy, script).spoken == []
    assert copy.chapter_inventory("so-do", 1).settled


def test_a_manifest_that_is_lost_or_damaged_is_made_again(disk):
    script = MiniScript(TEXTS)
    narrated(disk, script)
    manifest = disk.store.root / FOLDER / "chapter_manifest.json"
    good = manifest.read_bytes()
    manifest.write_bytes(good[:-9])
    assert disk.chapter_inventory("so-do", 1).manifest is None
    assert narrated(disk, script).spoken == []
    manifest.unlink()
    assert narrated(disk, script).spoken == []
    assert disk.chapter_inventory("so-do", 1).settled


def test_temporary_files_of_dead_processes_are_cleared(disk):
    script = MiniScript(["a"])
    narrated(disk, script)
    name = f".x.{this_process().host}-2147483647-0123abcd.tmp"
    for folder in (FOLDER, FOLDER / "paragraph_001"):
        (disk.store.root / folder / name).write_bytes(b"x")
    assert len(disk.chapter_inventory("so-do", 1).leftovers) == 2
    narrated(disk, script)
    assert not any(".tmp" in found for found in files(disk))


def test_files_of_other_hands_stay(disk):
    script = MiniScript(["a", "b"])
    narrated(disk, script)
    notes = disk.store.root / FOLDER / "paragraph_002" / "notes.txt"
    notes.write_text("mine")
    shorter = MiniScript(["a"])
    narrated(disk, shorter)
    assert notes.read_text() == "mine"
    assert disk.chapter_inventory("so-do", 1).settled


def test_two_folders_of_one_novel_are_both_drawn_from(disk):
    narrated(disk, MiniScript(["a", "b"]), MiniScript(["c"], number=2))
    root = disk.store.root
    (root / "so-do_Twin" / "chapter_002").mkdir(parents=True)
    shutil.move(root / FOLDER.parent / "chapter_002_Chương_một", root / "so-do_Twin/chapter_002_x")
    shutil.copytree(root / FOLDER, root / FOLDER.parent / "chapter_001_twin")
    assert len(disk.twins("so-do")) == 2
    assert {a.path for a in disk.held("so-do")} == {a.path for a in disk.inventory("so-do").held()}
    again = narrated(disk, MiniScript(["a", "b"]), MiniScript(["c"], number=2))
    assert again.spoken == []
    assert sounds(disk, MiniScript(["c"], number=2)) == ["c"]


def test_a_novel_folder_is_found_whatever_its_title(disk):
    narrated(disk, MiniScript(["a"]))
    (disk.store.root / FOLDER.parent).rename(disk.store.root / "so-do_renamed by hand: x")
    assert narrated(disk, MiniScript(["a"])).spoken == []
    assert files(disk)[0].startswith("so-do_Số_Đỏ/")


class UnreadableCalls(FileCalls):
    def scan(self, path: str) -> list:
        if "paragraph_001" in path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return super().scan(path)


def test_a_folder_that_cannot_be_read_is_an_error_and_not_an_empty_one(disk):
    narrated(disk, MiniScript(["a"]))
    library = AudioLibrary(LocalFileStore(disk.store.root, calls=UnreadableCalls()))
    with pytest.raises(StorageError, match="EACCES"):
        library.inventory("so-do")
    with pytest.raises(StorageError, match="EACCES"):
        library.chapter_inventory("so-do", 1)
