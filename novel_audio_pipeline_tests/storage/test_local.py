"""The store on a disk: what it does when the system says no, and in which order it asks."""

import errno
import hashlib
import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.storage.calls import FileCalls
from novel_audio_pipeline.storage.local import LocalFileStore

NAME = PurePosixPath("novel/chapter/paragraph.wav")


class FailingCalls(FileCalls):
    """Fails one kind of call with one error."""

    def __init__(self, call: str, number: int, *, on: str = "") -> None:
        self.failures = 0

        def fail(path_or_descriptor: object, *rest: object) -> None:
            if on and on not in str(path_or_descriptor):
                return getattr(FileCalls, call)(self, path_or_descriptor, *rest)
            self.failures += 1
            raise OSError(number, os.strerror(number))

        setattr(self, call, fail)


class ShortCalls(FileCalls):
    """Writes and reads seven bytes at a time, as a signal or a full pipe makes it happen."""

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        return super().write(descriptor, data[:7])

    def read(self, descriptor: int, size: int) -> bytes:
        return super().read(descriptor, min(size, 7))


class LyingCalls(FileCalls):
    """Gives back other bytes than were written."""

    def read(self, descriptor: int, size: int) -> bytes:
        return super().read(descriptor, size).replace(b"a", b"b")


class RecordingCalls(FileCalls):
    """Remembers the calls that change something, with the last component of the path."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def create(self, path: str) -> int:
        self.made.append("create")
        return super().create(path)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        self.made.append("write")
        return super().write(descriptor, data)

    def sync_file(self, descriptor: int) -> None:
        self.made.append("sync_file")
        super().sync_file(descriptor)

    def read(self, descriptor: int, size: int) -> bytes:
        self.made.append("read")
        return super().read(descriptor, size)

    def replace(self, source: str, target: str) -> None:
        self.made.append(f"replace {Path(target).name}")
        super().replace(source, target)

    def mkdir(self, path: str) -> None:
        self.made.append(f"mkdir {Path(path).name}")
        super().mkdir(path)

    def sync_folder(self, path: str) -> None:
        self.made.append(f"sync {Path(path).name}")
        super().sync_folder(path)


def names(root: Path) -> list[str]:
    return sorted(str(found.relative_to(root)) for found in root.rglob("*") if found.is_file())


def test_the_order_of_a_write(tmp_path):
    calls = RecordingCalls()
    store = LocalFileStore(tmp_path / "library", calls=calls)
    store.write(NAME, b"x")
    assert calls.made == [
        "mkdir library",
        f"sync {tmp_path.name}",
        "mkdir novel",
        "sync library",
        "mkdir chapter",
        "sync novel",
        "create",
        "write",
        "sync_file",
        "read",
        "read",
        "replace paragraph.wav",
        "sync chapter",
    ]


def test_folders_of_an_earlier_process_are_synced_once_more(tmp_path):
    LocalFileStore(tmp_path / "library").write(NAME, b"x")
    calls = RecordingCalls()
    store = LocalFileStore(tmp_path / "library", calls=calls)
    store.write(NAME, b"y")
    assert [made for made in calls.made if made.startswith("sync ")] == [
        "sync library",
        "sync novel",
        "sync chapter",
    ]
    calls.made.clear()
    store.write(NAME, b"z")
    assert [made for made in calls.made if made.startswith("sync ")] == ["sync chapter"]


def test_few_bytes_at_a_time_are_all_the_bytes(tmp_path):
    store = LocalFileStore(tmp_path, calls=ShortCalls())
    store.write(NAME, b"0123456789" * 10)
    assert (tmp_path / NAME).read_bytes() == b"0123456789" * 10


def test_a_disk_that_gives_back_other_bytes_is_found_out(tmp_path):
    LocalFileStore(tmp_path).write(NAME, b"old")
    with pytest.raises(StorageError, match="gave back others"):
        LocalFileStore(tmp_path, calls=LyingCalls()).write(NAME, b"banana")
    assert (tmp_path / NAME).read_bytes() == b"old"
    assert names(tmp_path) == [str(NAME)]


@pytest.mark.parametrize("call", ["create", "write", "sync_file", "read", "close", "replace"])
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full .ENOSPC.. Free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "mounted read-only"),
        (errno.EACCES, "may not"),
        (errno.EIO, "input/output error"),
    ],
    ids=lambda value: errno.errorcode.get(value, "") if isinstance(value, int) else "",
)
def test_a_call_that_fails_is_explained_and_the_old_file_stands(tmp_path, call, number, words):
    LocalFileStore(tmp_path).write(NAME, b"old")
    calls = FailingCalls(call, number)
    with pytest.raises(StorageError, match=words) as caught:
        LocalFileStore(tmp_path, calls=calls).write(NAME, b"new")
    assert calls.failures
    assert str(tmp_path / NAME) in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert (tmp_path / NAME).read_bytes() == b"old"
    assert names(tmp_path) == [str(NAME)]


def test_a_write_whose_folder_cannot_be_synced_is_no_success(tmp_path):
    with pytest.raises(StorageError, match="EIO"):
        LocalFileStore(tmp_path, calls=FailingCalls("sync_folder", errno.EIO)).write(NAME, b"x")


@pytest.mark.parametrize("call", ["scan", "open", "lstat"])
def test_what_cannot_be_looked_at_is_an_error_and_not_nothing(tmp_path, call):
    LocalFileStore(tmp_path).write(NAME, b"old")
    store = LocalFileStore(tmp_path, calls=FailingCalls(call, errno.EACCES))
    look = {"scan": store.entries, "open": store.read, "lstat": store.facts}[call]
    with pytest.raises(StorageError, match="EACCES"):
        look(NAME if call != "scan" else NAME.parent)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP])
def test_where_there_are_no_hard_links_the_bytes_are_copied(tmp_path, number):
    store = LocalFileStore(tmp_path, calls=FailingCalls("link", number))
    store.write(NAME, b"speech")
    digest = hashlib.sha256(b"speech").hexdigest()
    assert store.link_or_copy(NAME, PurePosixPath("a/b"), sha256=digest)
    assert (tmp_path / "a/b").read_bytes() == b"speech"
    assert not (tmp_path / "a/b").samefile(tmp_path / NAME)
    assert store.link_or_copy(NAME, PurePosixPath("a/b"), sha256="0" * 64) is None


def test_a_link_takes_no_room(tmp_path):
    store = LocalFileStore(tmp_path)
    store.write(NAME, b"speech")
    store.link_or_copy(NAME, PurePosixPath("a/b"), sha256=hashlib.sha256(b"speech").hexdigest())
    assert (tmp_path / "a/b").samefile(tmp_path / NAME)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_link_that_fails_otherwise_is_an_error(tmp_path, number):
    store = LocalFileStore(tmp_path, calls=FailingCalls("link", number))
    store.write(NAME, b"speech")
    with pytest.raises(StorageError, match=errno.errorcode[number]):
        store.link_or_copy(NAME, PurePosixPath("b"), sha256=hashlib.sha256(b"speech").hexdigest())


def test_nothing_is_written_or_read_through_a_link(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"private")
    root = tmp_path / "root"
    root.mkdir()
    (root / "novel").symlink_to(outside)
    (root / "file").symlink_to(outside / "file")
    store = LocalFileStore(root)
    for use in (
        lambda: store.write(PurePosixPath("novel/file"), b"x"),
        lambda: store.read(PurePosixPath("novel/file")),
        lambda: store.entries(PurePosixPath("novel")),
        lambda: store.remove([PurePosixPath("novel/file")]),
        lambda: store.read(PurePosixPath("file")),
    ):
        with pytest.raises(StorageError, match="ELOOP"):
            use()
    assert store.facts(PurePosixPath("file")) is None
    assert [entry.kind for entry in store.entries(PurePosixPath())] == ["other", "other"]
    store.write(PurePosixPath("file"), b"ours")  # replaces the link, not what it points to
    assert names(outside) == ["file"]
    assert (outside / "file").read_bytes() == b"private"


def test_a_folder_removed_meanwhile_is_made_again(tmp_path):
    store = LocalFileStore(tmp_path / "library")
    store.write(NAME, b"x")
    shutil.rmtree(tmp_path / "library")
    store.write(NAME, b"y")
    assert store.read(NAME) == b"y"


def test_a_rename_that_changes_only_case_is_no_clash(tmp_path):
    store = LocalFileStore(tmp_path)
    store.write(PurePosixPath("so-do_a/x"), b"1")
    store.rename(PurePosixPath("so-do_a"), PurePosixPath("so-do_A"))
    assert store.read(PurePosixPath("so-do_A/x")) == b"1"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB."""
    target = tmp_path / "disk"
    target.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(target)]
    if shutil.which("mount") is None or os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only root can mount the small disk this needs: run the tests as root")
    if subprocess.run(options, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine mounts no tmpfs: run the tests where `mount -t tmpfs` works")
    yield target
    subprocess.run(["umount", str(target)], check=True)


def test_a_full_disk_leaves_the_old_file_and_no_rubbish(small_disk):
    store = LocalFileStore(small_disk / "library")
    store.write(NAME, b"old")
    with pytest.raises(StorageError, match=r"full .ENOSPC."):
        store.write(NAME, b"x" * 2_000_000)
    assert store.read(NAME) == b"old"
    assert names(small_disk / "library") == [str(NAME)]
    store.write(NAME, b"new")
    assert store.space().total_bytes == 1 << 20


def test_a_read_only_disk_is_named(small_disk):
    store = LocalFileStore(small_disk / "library")
    store.write(NAME, b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageError, match=r"read-only .EROFS."):
        store.write(NAME, b"new")
    assert store.read(NAME) == b"old"


class TidyNeighbour(FileCalls):
    """Before a new name comes to be in a folder that is still empty, someone removes the folder."""

    def __init__(self) -> None:
        self.removals = 0

    def create(self, path: str) -> int:
        self._tidy(path)
        return super().create(path)

    def link(self, source: str, target: str) -> None:
        self._tidy(target)
        super().link(source, target)

    def _tidy(self, path: str) -> None:
        folder = Path(path).parent
        if not self.removals and folder.name == "new":
            folder.rmdir()
            self.removals += 1


@pytest.mark.parametrize("how", ["write", "link"])
def test_a_folder_that_someone_removes_while_it_is_empty_is_made_again(tmp_path, how):
    calls = TidyNeighbour()
    store = LocalFileStore(tmp_path, calls=calls)
    store.write(PurePosixPath("a"), b"speech")
    target = PurePosixPath("new/b")
    if how == "write":
        store.write(target, b"speech")
    else:
        sha256 = hashlib.sha256(b"speech").hexdigest()
        assert store.link_or_copy(PurePosixPath("a"), target, sha256=sha256) is not None
    assert calls.removals == 1
    assert store.read(target) == b"speech"
