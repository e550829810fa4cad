"""Expiring in a cache folder on a real disk: what goes, when, and what is left alone."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.tts_cache import removing
from novel_audio_pipeline.tts_cache.expiring import expire
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.writing import temporary_name
from novel_audio_pipeline_tests.tts_cache.entries import (
    ID,
    NOW,
    TTL,
    WAV,
    make_cache,
    names,
    store,
)

OTHER = "f" * 32
BOTH = {f"{ID}.wav", f"metadata/{ID}.json"}


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
    removed = expire(cache, now=NOW, ttl=TTL).removed
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
    assert [entry.file_id for entry in expire(cache, now=NOW, ttl=TTL).removed] == [ID]
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
    assert expire(cache, now=NOW, ttl=TTL).removed == []
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
    assert len(expire(cache, now=NOW, ttl=TTL).removed) == 1
    assert (outside / f"{ID}.json").exists()


def test_leftovers_behind_a_metadata_folder_that_is_a_link_are_left_alone(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    leftover = outside / f".{OTHER}.json.another-host-1-0123456789ab.tmp"
    leftover.write_bytes(b"half")
    os.utime(leftover, (0, 0))
    root = tmp_path / "cache"
    root.mkdir()
    (root / "metadata").symlink_to(outside)
    expire(CacheFolder(root), now=NOW, ttl=TTL)
    assert leftover.exists()


def test_an_entry_dated_in_the_future_goes_after_two_hours_of_being_watched(tmp_path):
    store(make_cache(tmp_path), age=timedelta(days=-365))
    for minutes, left in ((0, 1), (60, 1), (119, 1), (120, 0)):
        expire(CacheFolder(tmp_path), now=NOW + timedelta(minutes=minutes), ttl=TTL)
        assert len(list(CacheFolder(tmp_path).entries())) == left


def test_a_clock_set_back_does_not_make_entries_young(tmp_path):
    store(make_cache(tmp_path))
    clock = [timedelta(minutes=m) for m in (0, 60)] + [
        timedelta(minutes=m - 600) for m in (61, 181)
    ]
    for moved in clock:
        expire(CacheFolder(tmp_path), now=NOW + moved, ttl=TTL)
    assert names(tmp_path) == set()


def test_a_record_without_audio_goes_by_its_own_age(tmp_path):
    cache = make_cache(tmp_path)
    for file_id, age in ((ID, TTL), (OTHER, timedelta(minutes=5))):
        store(cache, file_id, age=age)
        (tmp_path / f"{file_id}.wav").unlink()
    expire(cache, now=NOW, ttl=TTL)
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
    expire(cache, now=NOW, ttl=TTL)
    assert names(tmp_path) == {alive, elsewhere}


def test_an_unreadable_or_missing_folder_is_an_error_and_not_empty(tmp_path):
    for root in (tmp_path / "missing", tmp_path / "file"):
        (tmp_path / "file").write_text("x")
        with pytest.raises(StorageError):
            list(CacheFolder(root).entries())
        with pytest.raises(StorageError):
            expire(CacheFolder(root), now=NOW, ttl=TTL)


def test_storing_and_expiring_at_once_removes_nothing_young(tmp_path):
    cache = make_cache(tmp_path)
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            expire(cache, now=NOW, ttl=TTL)

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

    writer = None

    def has_own_records(self):
        if self.writer is None:  # asked once the entries are gone
            is_written = threading.Event()
            self.writer = threading.Thread(target=self._write, args=(is_written,))
            self.writer.start()
            assert is_written.wait(10)
        return super().has_own_records()

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
    expire(cache, now=NOW, ttl=TTL)
    cache.writer.join()
    assert cache.find(ID) is not None


class RenewedMeanwhile(CacheFolder):
    """A cache whose entry is stored anew after it was judged and before it is removed."""

    locks = 0

    @contextlib.contextmanager
    def locked(self):
        with super().locked():
            self.locks += 1
            if self.locks == 3:  # for tidying, for keeping the watch, for removing
                store(CacheFolderWithoutLock(self.root))
            yield


class CacheFolderWithoutLock(CacheFolder):
    """A writer in a process that has no lock."""

    @contextlib.contextmanager
    def locked(self):
        yield


def test_an_entry_stored_anew_after_it_was_judged_stays(tmp_path):
    store(make_cache(tmp_path), age=TTL)
    assert expire(RenewedMeanwhile(tmp_path), now=NOW, ttl=TTL).removed == []
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
            expire(cache, now=NOW, ttl=TTL)
        assert time.time() >= float(child.stdout.readline())


@pytest.mark.parametrize("age", [timedelta(0), TTL])
def test_what_was_seen_before_is_judged_and_looked_at_again(tmp_path, age):
    cache = make_cache(tmp_path)
    store(cache, age=TTL)
    watch = cache.watch().look(cache.entries(), now=NOW)
    store(cache, age=age)
    store(cache, OTHER, age=TTL)
    went = expire(cache, now=NOW, ttl=TTL, watch=watch).removed
    assert [entry.file_id for entry in went] == ([ID] if age else [])
    assert cache.find(OTHER) is not None


def test_many_go_with_their_records_oldest_first(tmp_path):
    cache = make_cache(tmp_path)
    ids = [f"{number * 7919 % 10007:032x}" for number in range(1100)]  # more than two batches
    for number, file_id in enumerate(ids):
        store(cache, file_id, age=TTL + timedelta(seconds=2000 - number))
    store(cache, OTHER)
    assert [entry.file_id for entry in expire(cache, now=NOW, ttl=TTL).removed] == ids
    assert names(tmp_path) == {f"{OTHER}.wav", f"metadata/{OTHER}.json"}


@pytest.mark.parametrize("end", [KeyboardInterrupt, MemoryError])
def test_the_lock_is_held_until_the_last_record_is_removed(tmp_path, monkeypatch, end):
    cache = make_cache(tmp_path)
    ids = [f"{number:032x}" for number in range(60)]
    for number, file_id in enumerate(ids):
        store(cache, file_id, age=TTL + timedelta(seconds=100 - number))
    is_looked, is_stored = threading.Event(), threading.Event()
    unlink, look = os.unlink, removing.look

    def slow_look(file_id, path):
        found = look(file_id, path)
        if file_id == ids[49]:
            is_looked.set()
            is_stored.wait(0.5)
        return found

    def interrupted(path, **named):
        if str(path).endswith(f"{ids[55]}.wav"):
            is_looked.wait(5)
            raise end
        unlink(path, **named)

    def write() -> None:
        is_looked.wait(5)
        store(cache, ids[49])
        is_stored.set()

    monkeypatch.setattr(removing, "look", slow_look)
    monkeypatch.setattr(os, "unlink", interrupted)
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(write)
        with pytest.raises(end):
            expire(cache, now=NOW, ttl=TTL)
        written.result()
    assert {f"{ids[49]}.wav", f"metadata/{ids[49]}.json"} <= names(tmp_path)
    assert not {f"metadata/{file_id}.json" for file_id in ids[:49]} & names(tmp_path)
