"""Links and copies: where they may be put, what is never touched, and how they are replaced."""

import errno
import os
import tempfile
import threading
from pathlib import Path

import pytest

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.reader_app.static_folder import Place, StaticFolder
from novel_audio_pipeline_tests.reader_app.houses import NOVEL, later

TEXTS = ["Trời mưa.", "-", "Ừ."]


def no_links(target: str, path: str) -> None:
    """Refuse as Windows does to a user without the right."""
    raise OSError(errno.EPERM, "A required privilege is not held by the client")


@pytest.fixture
def filled(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    return house


def test_a_folder_that_holds_audio_is_left_and_the_message_says_adopt(filled):
    filled.wav(1).parent.mkdir(parents=True)
    filled.wav(1).write_bytes(b"RIFF of the existing system")
    filled.old_row(1, row_id="own")
    before = filled.app.tables()
    (done,) = filled.publish()
    (finding,) = done.findings
    assert (done.state, finding.code) == ("not_published", "folder_in_the_way")
    assert "library adopt" in finding.advice
    assert filled.wav(1).read_bytes() == b"RIFF of the existing system"
    assert filled.app.tables() == before


def test_empty_folders_that_the_app_made_by_looking_give_way(filled):
    (filled.link() / "paragraph_001").mkdir(parents=True)
    (filled.link() / "paragraph_002" / "deep").mkdir(parents=True)
    (done,) = filled.publish()
    assert done.link == "linked"
    assert filled.wav(1).is_file()


def test_a_link_of_somebody_else_is_left(filled, tmp_path):
    other = tmp_path / "other-disk"
    other.mkdir()
    filled.link().parent.mkdir(parents=True)
    filled.link().symlink_to(other)
    (done,) = filled.publish()
    assert [finding.code for finding in done.findings] == ["link_in_the_way"]
    assert filled.link().resolve() == other
    assert list(other.iterdir()) == []


def test_nothing_is_written_through_a_linked_novel_folder(filled, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (filled.storage / "audio").mkdir()
    filled.link().parent.symlink_to(outside)
    (done,) = filled.publish()
    assert [finding.code for finding in done.findings] == ["link_in_the_way"]
    assert list(outside.iterdir()) == []
    assert filled.app.table("audio_cache") == []


def test_a_link_into_a_library_that_moved_is_replaced(filled):
    filled.publish()
    before = filled.link().readlink()
    (filled.root / "library").rename(filled.root / "elsewhere")
    place = filled.place
    moved = StaticFolder(filled.storage, library_dir=filled.root / "elsewhere")
    assert moved.standing(NOVEL, 1).value == "dangling"
    folder = next((filled.root / "elsewhere").glob("dd*/chapter*"))
    moved.put_link(NOVEL, 1, folder.relative_to(filled.root / "elsewhere"), now=later(0))
    assert filled.link().readlink() != before
    assert filled.wav(1).is_file()
    assert place.static_root == filled.storage


def test_the_place_always_leads_somewhere_while_the_link_is_replaced(filled):
    filled.publish()
    (one,) = (filled.root / "library").glob("dd*/chapter*")
    two = one.with_name("chapter_001_Hai")
    two.mkdir()
    static = StaticFolder(filled.storage, library_dir=filled.root / "library")
    missing = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            if not filled.link().exists():
                missing.append(1)

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(200):
        for folder in (two, one):
            static.put_link(NOVEL, 1, folder.relative_to(filled.root / "library"), now=later(0))
    stop.set()
    watcher.join()
    assert missing == []
    assert [path.name for path in filled.link().parent.iterdir()] == ["chapter_001"]


def test_what_a_dead_process_left_of_a_link_is_cleared(filled):
    filled.link().parent.mkdir(parents=True)
    left = filled.link().parent / ".chapter_001.other-host-77-0011aabb.tmp"
    left.symlink_to("nowhere")
    old = later(-3).timestamp()
    os.utime(left, (old, old), follow_symlinks=False)
    filled.publish()
    assert [path.name for path in filled.link().parent.iterdir()] == ["chapter_001"]


@pytest.mark.parametrize(
    ("library", "static"), [("s/audio", "s"), ("s/audio/library", "s"), ("s", "s/audio/deep/audio")]
)
def test_a_library_in_the_folder_that_is_played_from_is_refused(tmp_path, library, static):
    (tmp_path / static).mkdir(parents=True)
    (tmp_path / library).mkdir(parents=True, exist_ok=True)
    with pytest.raises(SettingError, match="library adopt"):
        StaticFolder(tmp_path / static, library_dir=tmp_path / library)


def test_the_audio_folder_itself_may_be_named_too(filled):
    (filled.storage / "audio").mkdir()
    by_name = StaticFolder(filled.storage / "audio", library_dir=filled.root / "library")
    assert by_name.chapter(NOVEL, 1) == filled.link()


def test_an_audio_folder_that_its_owner_has_moved_is_followed(filled, tmp_path):
    moved = tmp_path / "big-disk"
    moved.mkdir()
    (filled.storage / "audio").symlink_to(moved)
    filled.publish()
    assert [path.name for path in moved.iterdir()] == [NOVEL]
    assert filled.wav(1).is_file()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system, /dev/shm")  # noqa: S108 - another disk is wanted
def test_a_static_root_on_another_disk_is_linked_too(filled):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        static = StaticFolder(Path(other), library_dir=filled.root / "library")
        folder = next((filled.root / "library").glob("dd*/chapter*"))
        assert static.put_link(NOVEL, 1, folder.relative_to(filled.root / "library"), now=later(0))
        assert static.standing(NOVEL, 1) is Place.OURS
        assert not static.chapter(NOVEL, 1).readlink().is_absolute()


def test_a_static_root_that_is_not_there_is_refused(filled):
    with pytest.raises(SettingError, match="novel-app/storage"):
        StaticFolder(filled.root / "nothing", library_dir=filled.root / "library")


def test_without_the_right_to_make_links_the_audio_is_copied(filled):
    filled.symlink = no_links
    (done,) = filled.publish()
    assert done.link == "copied"
    assert not filled.link().is_symlink()
    assert (
        filled.wav(1).read_bytes()
        == next((filled.root / "library").glob("dd*/*/*/paragraph_001.wav")).read_bytes()
    )
    assert filled.app.is_complete(NOVEL, 1)
    assert filled.codes() == []
    (again,) = filled.publish()
    assert (again.changed, again.link) == (False, "kept")


def test_copies_follow_the_library(filled):
    filled.symlink = no_links
    filled.publish()
    filled.narrate(["Trời mưa.", "-", "Ừ, phải."])
    filled.execute("UPDATE paragraphs SET text = 'Ừ, phải.' WHERE id = 'c1p3'")
    before = filled.wav(3).read_bytes()
    filled.publish()
    assert filled.wav(3).read_bytes() != before
    assert filled.codes() == []
    filled.narrate(["Trời mưa."])
    filled.execute("DELETE FROM paragraphs WHERE paragraph_number > 1")
    filled.publish()
    assert [path.name for path in filled.link().rglob("*.wav")] == ["paragraph_001.wav"]


def test_a_copy_that_the_app_wrote_over_is_left(filled):
    filled.symlink = no_links
    filled.publish()
    filled.wav(1).write_bytes(b"spoken by the app")
    (done,) = filled.publish()
    assert [finding.code for finding in done.findings] == ["copy_changed"]
    assert filled.wav(1).read_bytes() == b"spoken by the app"
    (undone,) = filled.undo()
    assert filled.wav(1).read_bytes() == b"spoken by the app"
    assert [finding.code for finding in undone.findings] == ["copy_changed"]


def test_undoing_removes_every_copy(filled):
    filled.symlink = no_links
    filled.publish()
    filled.undo()
    assert list((filled.storage / "audio").iterdir()) == []
