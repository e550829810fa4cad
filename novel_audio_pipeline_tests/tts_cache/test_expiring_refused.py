"""What the disk refuses while the cache is expired: it is told, and holds nothing else up."""

import os
import re
from datetime import timedelta

import pytest

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.tts_cache import expiring
from novel_audio_pipeline.tts_cache.expiring import expire
from novel_audio_pipeline_tests.tts_cache.entries import (
    ID,
    NOW,
    TTL,
    make_cache,
    names,
    store,
)

OTHER = "f" * 32
BOTH = {f"{ID}.wav", f"metadata/{ID}.json"}


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
    refused = expire(cache, now=NOW, ttl=TTL).refused
    assert (str(old) in refused) == is_told


@pytest.mark.parametrize("name", ["{}.wav", "metadata/{}.json"])
def test_a_file_that_does_not_go_is_told_and_holds_nothing_up(tmp_path, monkeypatch, name):
    cache = make_cache(tmp_path)
    ids = [f"{number:032x}" for number in range(60)]  # more than are confirmed at once
    for number, file_id in enumerate(ids):
        store(cache, file_id, age=TTL + timedelta(seconds=100 - number))
    stray = tmp_path / "metadata" / f"{OTHER}.json"
    stray.write_text("{}")
    os.utime(stray, (1, 1))
    stuck = name.format(ids[20])
    unlink = os.unlink

    def refuse(path, **named):
        if str(path) == str(tmp_path / stuck):
            raise PermissionError(1, "Operation not permitted")
        unlink(path, **named)

    monkeypatch.setattr(os, "unlink", refuse)
    done = expire(cache, now=NOW, ttl=TTL)
    assert done.refused.endswith(f"{tmp_path / stuck}: Operation not permitted")
    assert len(done.removed) == (59 if "wav" in stuck else 60)
    assert names(tmp_path) == {stuck} | ({f"metadata/{ids[20]}.json"} if "wav" in stuck else set())


def test_a_file_that_is_still_there_after_it_went_is_told(tmp_path, monkeypatch):
    cache = make_cache(tmp_path)
    store(cache, ID, age=TTL)
    monkeypatch.setattr(os, "unlink", lambda _path: None)
    assert "is still there after it was removed" in expire(cache, now=NOW, ttl=TTL).refused
    assert names(tmp_path) == BOTH


def test_a_disk_too_full_for_the_watch_is_cleared_all_the_same(tmp_path, monkeypatch):
    cache = make_cache(tmp_path)
    store(cache, ID, age=TTL)

    def full(*_files, dated):
        raise StorageError("No space left on device")

    monkeypatch.setattr(expiring, "write_whole", full)
    done = expire(cache, now=NOW, ttl=TTL)
    assert done.refused == "No space left on device"
    assert names(tmp_path) == set()


def test_many_refusals_are_told_by_the_first_and_their_number(tmp_path, monkeypatch):
    cache = make_cache(tmp_path)
    for number in range(3):
        store(cache, f"{number:032x}", age=TTL + timedelta(seconds=3 - number))

    def refuse(path):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "unlink", refuse)
    done = expire(cache, now=NOW, ttl=TTL)
    assert done.removed == []
    assert re.search(r"0{32}\.wav: Operation not permitted; and 2 more$", done.refused)
