"""The cache folder on a real disk: storing, reading, removing, expiring, and what is left alone."""

import hashlib
import json
import os
from datetime import timedelta

import pytest

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline_tests.tts_cache.entries import (
    ID,
    NOW,
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
