"""What every store of files promises, asked of each of them."""

import hashlib
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.storage.memory import MemoryFileStore
from novel_audio_pipeline.storage.store import Entry, FileStore
from novel_audio_pipeline.storage.temporary import Owner

ME = Owner(host="here", pid=4_000_000_000)  # no system gives such a number


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "local":
        return LocalFileStore(tmp_path / "new" / "library", owner=ME)
    return MemoryFileStore(owner=ME)


def path(text: str) -> PurePosixPath:
    return PurePosixPath(text)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "data", [b"", b"x", bytes(range(256)) * 9000], ids=["empty", "byte", "2 MB"]
)
def test_what_is_written_is_read(store, data):
    facts = store.write(path("novel/chapter/file.wav"), data)
    assert store.read(path("novel/chapter/file.wav")) == data
    assert facts == store.facts(path("novel/chapter/file.wav"))
    assert facts.size_bytes == len(data)


def test_writing_again_replaces(store):
    store.write(path("a/b"), b"old and longer")
    store.write(path("a/b"), b"new")
    assert store.read(path("a/b")) == b"new"
    assert [entry.name for entry in store.entries(path("a"))] == ["b"]


def test_what_is_not_there_is_none(store):
    assert store.read(path("a/b")) is None
    assert store.facts(path("a/b")) is None
    assert store.entries(path("a")) is None
    assert store.entries(path("")) is None


def test_the_root_is_made_once(store):
    store.make_folder(path(""))
    store.write(path("a"), b"x")
    store.make_folder(path(""))
    assert [entry.name for entry in store.entries(path(""))] == ["a"]


def test_a_folder_is_made_with_those_above_it(store):
    store.make_folder(path("a/b/c"))
    store.make_folder(path("a/b"))
    assert store.entries(path("a/b")) == [Entry("c", "folder")]
    store.write(path("x"), b"1")
    with pytest.raises(StorageError, match="ENOTDIR"):
        store.make_folder(path("x/y"))


def test_a_folder_has_no_facts_and_cannot_be_read(store):
    store.write(path("a/b"), b"x")
    assert store.facts(path("a")) is None
    with pytest.raises(StorageError, match="EISDIR"):
        store.read(path("a"))


def test_entries_are_ordered_and_tell_files_from_folders(store):
    for name in ("n/2.txt", "n/10.txt", "n/c/x"):
        store.write(path(name), b"12345")
    found = store.entries(path("n"))
    assert [(entry.name, entry.kind) for entry in found] == [
        ("10.txt", "file"),
        ("2.txt", "file"),
        ("c", "folder"),
    ]
    assert found[0].facts == store.facts(path("n/10.txt"))
    assert found[2] == Entry("c", "folder")
    assert [entry.name for entry in store.entries(path(""))] == ["n"]


def test_a_file_where_a_folder_is_needed_is_named(store):
    store.write(path("a"), b"x")
    with pytest.raises(StorageError, match="ENOTDIR"):
        store.write(path("a/b"), b"x")
    with pytest.raises(StorageError, match="ENOTDIR"):
        store.entries(path("a"))


def test_a_folder_where_a_file_is_needed_is_named(store):
    store.write(path("a/b"), b"x")
    with pytest.raises(StorageError, match="EISDIR"):
        store.write(path("a"), b"x")
    assert [entry.name for entry in store.entries(path(""))] == ["a"]


@pytest.mark.parametrize("bad", ["/etc/passwd", "../x", "a/../../x", "a/..", "a/b\0c"], ids=repr)
def test_a_path_out_of_the_root_is_refused(store, bad):
    for use in (
        store.read,
        store.facts,
        store.entries,
        store.remove_folder,
        lambda p: store.write(p, b"x"),
        lambda p: store.remove([p]),
        lambda p: store.rename(p, path("x")),
        lambda p: store.rename(path("x"), p),
        lambda p: store.link_or_copy(path("x"), p, sha256=sha256(b"")),
        lambda p: store.link_or_copy(p, path("x"), sha256=sha256(b"")),
    ):
        with pytest.raises(ValueError, match="below its root"):
            use(path(bad))


def test_a_copy_holds_the_bytes_and_leaves_the_source(store):
    store.write(path("a/one"), b"speech")
    facts = store.link_or_copy(path("a/one"), path("b/c/two"), sha256=sha256(b"speech"))
    assert facts == store.facts(path("b/c/two"))
    assert store.read(path("a/one")) == store.read(path("b/c/two")) == b"speech"


def test_a_copy_replaces_its_target_also_if_both_are_one_file(store):
    store.write(path("one"), b"speech")
    store.write(path("two"), b"other")
    for _ in range(2):
        assert store.link_or_copy(path("one"), path("two"), sha256=sha256(b"speech"))
    assert store.read(path("two")) == b"speech"
    assert [entry.name for entry in store.entries(path(""))] == ["one", "two"]


def test_writing_the_copy_anew_does_not_change_its_source(store):
    store.write(path("one"), b"speech")
    store.link_or_copy(path("one"), path("two"), sha256=sha256(b"speech"))
    store.write(path("two"), b"other")
    assert store.read(path("one")) == b"speech"


def test_a_source_that_is_gone_or_other_is_not_copied(store):
    store.write(path("one"), b"damaged")
    store.write(path("two"), b"kept")
    assert store.link_or_copy(path("one"), path("two"), sha256=sha256(b"speech")) is None
    assert store.link_or_copy(path("none"), path("two"), sha256=sha256(b"speech")) is None
    assert store.read(path("two")) == b"kept"
    assert [entry.name for entry in store.entries(path(""))] == ["one", "two"]


def test_a_folder_is_renamed_with_all_it_holds(store):
    store.write(path("old/c/x"), b"1")
    store.write(path("old/y"), b"2")
    store.rename(path("old"), path("new"))
    assert store.entries(path("old")) is None
    assert (store.read(path("new/c/x")), store.read(path("new/y"))) == (b"1", b"2")
    store.write(path("new/c/z"), b"3")
    store.write(path("old/c/x"), b"4")
    assert store.read(path("new/c/x")) == b"1"


def test_nothing_is_renamed_over_something_or_from_nothing(store):
    store.write(path("one/x"), b"1")
    store.write(path("two/x"), b"2")
    with pytest.raises(StorageError, match="EEXIST"):
        store.rename(path("one"), path("two"))
    with pytest.raises(StorageError, match="ENOENT"):
        store.rename(path("none"), path("three"))
    assert (store.read(path("one/x")), store.read(path("two/x"))) == (b"1", b"2")


def test_removing_passes_over_what_is_gone(store):
    store.write(path("a/x"), b"1")
    store.write(path("a/y"), b"2")
    store.remove([path("a/x"), path("a/none"), path("none/x")])
    assert [entry.name for entry in store.entries(path("a"))] == ["y"]


def test_only_an_empty_folder_is_removed(store):
    store.write(path("a/x"), b"1")
    assert not store.remove_folder(path("a"))
    store.remove([path("a/x")])
    assert store.remove_folder(path("a"))
    assert store.remove_folder(path("a"))
    store.write(path("a/x"), b"2")
    assert store.read(path("a/x")) == b"2"


def test_there_is_room(store):
    assert 0 < store.space().free_bytes <= store.space().total_bytes


def test_temporary_files_of_the_dead_are_cleared_and_nothing_else(store):
    dead, elsewhere = f".w.here-{ME.pid}-0123abcd.tmp", f".w.there-{ME.pid}-0123abcd.tmp"
    for name in (dead, elsewhere, "w.wav", ".hidden.tmp"):
        store.write(path("a") / name, b"x")
    now = datetime.now(UTC)
    assert store.clear_temporaries(path("a"), now=now) == [dead]
    later = now + timedelta(hours=2, seconds=1)
    assert store.clear_temporaries(path("a"), now=later) == [elsewhere]
    assert [entry.name for entry in store.entries(path("a"))] == [".hidden.tmp", "w.wav"]
    assert store.clear_temporaries(path("none"), now=now) == []


def test_a_file_written_by_many_threads_at_once_is_whole(store):
    versions = [bytes([number]) * 50_000 for number in range(8)]
    seen: list[bytes] = []

    def use(data: bytes) -> None:
        for _ in range(5):
            store.write(path("a/b/x"), data)
            seen.append(store.read(path("a/b/x")))

    threads = [threading.Thread(target=use, args=(data,)) for data in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 40
    assert set(seen) <= set(versions)
    assert [entry.name for entry in store.entries(path("a/b"))] == ["x"]


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_any_name_is_refused_or_stays_in_the_root(name, tmp_path_factory):
    outer = tmp_path_factory.getbasetemp() / "names"
    store = LocalFileStore(outer / "root")
    with suppress(ValueError, StorageError):
        store.write(PurePosixPath("f") / name, b"x")
    assert {found.name for found in outer.iterdir()} <= {"root"} if outer.exists() else True
