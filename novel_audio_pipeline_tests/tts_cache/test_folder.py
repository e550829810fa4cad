"""The cache folder on a real disk: storing, reading, removing, expiring, and what is left alone."""

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.writing import temporary_name
from novel_audio_pipeline_tests.tts_cache.entries import (
    ID,
    NOW,
    TTL,
    WAV,
    make_cache,
    make_metadata,
    names,
    store,
)

OTHER = "f" * 32
BOTH = {f"{ID}.wav", f"metadata/{ID}.json"}


def test_what_is_stored_is_found_and_read_whole(tmp_path):
    cache = make_cache(tmp_path)
    store(cache)
    (entry,) = cache.entries()
    assert (entry.file_id, entry.stored_at, entry.size_bytes) == (ID, NOW, len(WAV))
    opened = cache.open(ID)
    assert opened is not None
    with opened.file as file:
        assert file.read() == WAV
    assert opened.sha256() == hashlib.sha256(WAV).hexdigest()
    assert names(tmp_path) == BOTH


def test_the_record_has_the_existing_fields_first_and_no_path(tmp_path):
    store(make_cache(tmp_path))
    text = (tmp_path / "metadata" / f"{ID}.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert list(document)[:12] == [
        "file_id", "file_path", "file_name", "text", "speaker_id", "model",
        "created_at", "expires_at", "expiry_hours", "file_size", "file_size_mb", "request_id",
    ]  # fmt: skip
    assert document["file_path"] == f"{ID}.wav"
    assert document["created_at"] == "2026-05-04T12:00:00.123456Z"
    assert document["expires_at"] == "2026-05-04T14:00:00.123456Z"
    assert "Ừ." in text
    assert str(tmp_path) not in text


def test_a_removed_entry_is_gone_and_removing_it_again_says_so(tmp_path):
    cache = make_cache(tmp_path)
    store(cache, age=timedelta(hours=50))
    assert cache.remove(ID) is True
    assert names(tmp_path) == set()
    assert cache.remove(ID) is False


def test_what_was_opened_is_read_to_its_end_after_its_removal(tmp_path):
    cache = make_cache(tmp_path)
    store(cache)
    opened = cache.open(ID)
    assert opened is not None
    cache.remove(ID)
    with opened.file as file:
        assert file.read() == WAV


@pytest.mark.parametrize(
    "file_id",
    ["", "..", "../" + "a" * 29, "A" * 32, "a" * 31, "a" * 33, "a" * 300, "a\0", "a" * 32 + "\n"],
)
def test_a_name_that_is_no_id_never_becomes_a_path(tmp_path, file_id):
    cache = make_cache(tmp_path)
    for call in (cache.find, cache.open, cache.metadata, cache.remove):
        with pytest.raises(ValueError, match="32 lowercase hex digits"):
            call(file_id)


@pytest.mark.parametrize(
    ("age", "left"),
    [
        (timedelta(hours=1, minutes=59), BOTH),
        (TTL - timedelta(microseconds=1), BOTH),
        (TTL, set()),
        (timedelta(days=900), set()),
    ],
)
def test_two_hours_are_two_hours(tmp_path, age, left):
    cache = make_cache(tmp_path)
    store(cache, age=age)
    removed = cache.expire(now=NOW, ttl=TTL)
    assert names(tmp_path) == left
    assert [entry.file_id for entry in removed] == ([] if left else [ID])


@pytest.mark.parametrize(
    "record", [None, b"", b"{", b"[1]", b'{"expires_at": "2099-01-01T00:00:00"}']
)
def test_expiry_needs_no_record_and_believes_none(tmp_path, record):
    cache = make_cache(tmp_path)
    store(cache, age=TTL)
    store(cache, OTHER, age=TTL - timedelta(seconds=1))
    for file_id in (ID, OTHER):
        path = tmp_path / "metadata" / f"{file_id}.json"
        if record is None:
            path.unlink()
        else:
            path.write_bytes(record)
    assert [entry.file_id for entry in cache.expire(now=NOW, ttl=TTL)] == [ID]
    assert cache.find(OTHER) is not None


def test_nothing_but_ids_is_ever_touched(tmp_path):
    cache = make_cache(tmp_path)
    old = (NOW - timedelta(days=30)).timestamp()
    outside = tmp_path.parent / f"{tmp_path.name}-outside.wav"
    outside.write_bytes(b"precious")
    kept = ["book.wav", f"{ID}.mp3", f"{'A' * 32}.wav", f"metadata/{'x' * 32}.json",
            "metadata/notes.txt", f"sub/{ID}.wav", ".hidden", "a.tmp"]  # fmt: skip
    for name in kept:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"precious")
        os.utime(tmp_path / name, (old, old))
    (tmp_path / f"{OTHER}.wav").mkdir()
    (tmp_path / f"{ID}.wav").symlink_to(outside)
    assert cache.expire(now=NOW, ttl=TTL) == []
    assert cache.remove(ID) is False
    assert cache.remove(OTHER) is False
    assert cache.open(ID) is None
    assert list(cache.entries()) == []
    assert names(tmp_path) == {*kept, f"{ID}.wav"}
    assert outside.read_bytes() == b"precious"


def test_a_metadata_folder_that_is_a_link_is_left_alone(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f"{ID}.json").write_text("{}")
    os.utime(outside / f"{ID}.json", (1, 1))
    root = tmp_path / "cache"
    root.mkdir()
    (root / "metadata").symlink_to(outside)
    cache = CacheFolder(root)
    (root / f"{ID}.wav").write_bytes(WAV)
    os.utime(root / f"{ID}.wav", (1, 1))
    assert len(cache.expire(now=NOW, ttl=TTL)) == 1
    assert (outside / f"{ID}.json").exists()


def test_an_entry_dated_in_the_future_goes_after_two_hours_of_being_watched(tmp_path):
    store(make_cache(tmp_path), age=timedelta(days=-365))
    for minutes, left in ((0, 1), (60, 1), (119, 1), (120, 0)):
        CacheFolder(tmp_path).expire(now=NOW + timedelta(minutes=minutes), ttl=TTL)
        assert len(list(CacheFolder(tmp_path).entries())) == left


def test_a_clock_set_back_does_not_make_entries_young(tmp_path):
    store(make_cache(tmp_path))
    clock = [timedelta(minutes=m) for m in (0, 60)] + [
        timedelta(minutes=m - 600) for m in (61, 181)
    ]
    for moved in clock:
        CacheFolder(tmp_path).expire(now=NOW + moved, ttl=TTL)
    assert names(tmp_path) == set()


def test_a_record_without_audio_goes_by_its_own_age(tmp_path):
    cache = make_cache(tmp_path)
    for file_id, age in ((ID, TTL), (OTHER, timedelta(minutes=5))):
        store(cache, file_id, age=age)
        (tmp_path / f"{file_id}.wav").unlink()
    cache.expire(now=NOW, ttl=TTL)
    assert names(tmp_path) == {f"metadata/{OTHER}.json"}


def test_leftovers_go_when_their_writer_is_dead_or_two_hours_passed(tmp_path):
    cache = make_cache(tmp_path)
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                           capture_output=True, text=True, check=True)  # fmt: skip
    alive = temporary_name(f"{ID}.wav")
    dead = temporary_name(f"{ID}.wav").replace(f"-{os.getpid()}-", f"-{int(child.stdout)}-")
    elsewhere = f".{ID}.wav.another-host-{int(child.stdout)}-0123456789ab.tmp"
    old = f".{OTHER}.wav.another-host-1-0123456789ab.tmp"
    for name, age in ((alive, 1), (dead, 1), (elsewhere, 1), (old, 2 * 3600)):
        (tmp_path / name).write_bytes(b"half")
        at = NOW.timestamp() - age
        os.utime(tmp_path / name, (at, at))
    cache.expire(now=NOW, ttl=TTL)
    assert names(tmp_path) == {alive, elsewhere}


@pytest.mark.parametrize(
    ("error", "is_told"), [(PermissionError(13, "no"), True), (FileNotFoundError(2, "gone"), False)]
)
def test_a_leftover_that_does_not_go_is_told_in_our_words(tmp_path, monkeypatch, error, is_told):
    cache = make_cache(tmp_path)
    old = tmp_path / f".{OTHER}.wav.another-host-1-0123456789ab.tmp"
    old.write_bytes(b"half")
    os.utime(old, (0, 0))

    def refuse(path):
        raise error

    monkeypatch.setattr(os, "unlink", refuse)
    if not is_told:
        cache.expire(now=NOW, ttl=TTL)
        return
    with pytest.raises(StorageError, match=re.escape(str(old))):
        cache.expire(now=NOW, ttl=TTL)


def test_an_unreadable_or_missing_folder_is_an_error_and_not_empty(tmp_path):
    for root in (tmp_path / "missing", tmp_path / "file"):
        (tmp_path / "file").write_text("x")
        with pytest.raises(StorageError):
            list(CacheFolder(root).entries())
        with pytest.raises(StorageError):
            CacheFolder(root).expire(now=NOW, ttl=TTL)


def test_a_store_that_fails_leaves_nothing_half_and_what_stood_there(tmp_path):
    cache = make_cache(tmp_path)
    store(cache)
    metadata = make_metadata(wav=b"other")
    (tmp_path / "metadata" / f"{ID}.json").unlink()
    (tmp_path / "metadata" / f"{ID}.json").mkdir()  # the rename to it fails
    with pytest.raises(StorageError, match="cannot store"):
        cache.store(b"other", metadata)
    assert (tmp_path / f"{ID}.wav").read_bytes() == WAV
    assert not [name for name in names(tmp_path) if name.endswith(".tmp")]


def test_a_file_that_was_cut_short_is_not_served(tmp_path):
    cache = make_cache(tmp_path)
    store(cache)
    os.truncate(tmp_path / f"{ID}.wav", 5)
    at_ns = int(NOW.timestamp()) * 10**9 + NOW.microsecond * 1000
    os.utime(tmp_path / f"{ID}.wav", ns=(at_ns, at_ns))
    assert cache.open(ID) is None
    (tmp_path / f"{ID}.wav").write_bytes(b"")
    assert cache.open(ID) is None


def test_the_digest_of_foreign_audio_is_of_its_bytes_whatever_a_record_says(tmp_path):
    cache = make_cache(tmp_path)
    store(cache)
    (tmp_path / f"{ID}.wav").write_bytes(b"replaced by someone")
    opened = cache.open(ID)
    assert opened is not None
    with opened.file as file:
        assert opened.sha256() == hashlib.sha256(b"replaced by someone").hexdigest()
        assert file.read() == b"replaced by someone"


def test_pages_hold_every_entry_once_in_order(tmp_path):
    cache = make_cache(tmp_path)
    ids = [f"{number * 7919 % 1000:032x}" for number in range(25)]
    for file_id in ids:
        store(cache, file_id)
    seen: list[str] = []
    while page := cache.page(after=seen[-1] if seen else "", limit=4):
        assert len(page) <= 4
        seen += [entry.file_id for entry in page]
    assert seen == sorted(ids)


def test_storing_and_expiring_at_once_removes_nothing_young(tmp_path):
    cache = make_cache(tmp_path)
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            cache.expire(now=NOW, ttl=TTL)

    def work(number: int) -> None:
        file_id = f"{number:032x}"
        for _ in range(10):
            store(cache, file_id, age=TTL)
            store(cache, file_id)
            assert cache.open(file_id).file.close() is None

    with ThreadPoolExecutor(5) as pool:
        sweeper = pool.submit(sweep)
        try:
            for done in [pool.submit(work, number) for number in range(4)]:
                done.result()
        finally:
            stop.set()
        sweeper.result()
    assert len(list(cache.entries())) == 4


class WrittenMeanwhile(CacheFolder):
    """A cache in which a file is being written, by another program, when leftovers are looked for."""

    def _remove_stray_records(self, *arguments, **named):
        is_written = threading.Event()
        self.writer = threading.Thread(target=self._write, args=(is_written,))
        self.writer.start()
        assert is_written.wait(10)

    def _write(self, is_written: threading.Event) -> None:
        temporary = self.root / temporary_name(f"{ID}.wav")
        with CacheFolder(self.root).locked():
            temporary.write_bytes(WAV)
            os.utime(temporary, (1, 1))
            is_written.set()
            time.sleep(0.3)
            with contextlib.suppress(FileNotFoundError):
                temporary.replace(self.root / f"{ID}.wav")


def test_what_is_being_written_is_no_leftover_whatever_its_date(tmp_path):
    cache = WrittenMeanwhile(tmp_path)
    cache.prepare()
    cache.expire(now=NOW, ttl=TTL)
    cache.writer.join()
    assert cache.find(ID) is not None


class RenewedMeanwhile(CacheFolder):
    """A cache whose entry is stored anew after it was judged and before it is removed."""

    locks = 0

    @contextlib.contextmanager
    def locked(self):
        with super().locked():
            self.locks += 1
            if self.locks == 2:  # the first is for looking, the second for removing
                store(CacheFolderWithoutLock(self.root))
            yield


class CacheFolderWithoutLock(CacheFolder):
    """A writer in a process that has no lock."""

    @contextlib.contextmanager
    def locked(self):
        yield


def test_an_entry_stored_anew_after_it_was_judged_stays(tmp_path):
    store(make_cache(tmp_path), age=TTL)
    assert RenewedMeanwhile(tmp_path).expire(now=NOW, ttl=TTL) == []
    assert names(tmp_path) == BOTH


@pytest.mark.parametrize("change", ["store", "remove", "expire"])
def test_a_lock_held_by_another_process_is_waited_for(tmp_path, change):
    cache = make_cache(tmp_path)
    store(cache, age=TTL)
    script = (
        "import sys, time, pathlib; from novel_audio_pipeline.tts_cache.folder import CacheFolder\n"
        "with CacheFolder(pathlib.Path(sys.argv[1])).locked():\n"
        "    print('held', flush=True); time.sleep(0.5); print(time.time(), flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)],
                          stdout=subprocess.PIPE, text=True) as child:  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        if change == "store":
            store(cache)
        elif change == "remove":
            cache.remove(ID)
        else:
            cache.expire(now=NOW, ttl=TTL)
        assert time.time() >= float(child.stdout.readline())
