"""Expiring in a folder whose other writers know no lock."""

import os
from datetime import timedelta

import pytest

from novel_audio_pipeline.tts_cache import removing
from novel_audio_pipeline.tts_cache.expiring import expire
from novel_audio_pipeline.tts_cache.removing import take_away
from novel_audio_pipeline_tests.tts_cache.entries import ID, NOW, TTL, WAV, make_cache, names, store


def plant(path, data: bytes, *, age: timedelta) -> None:
    """Write a file as the existing backends do: in place, without lock or record."""
    path.write_bytes(data)
    at = (NOW - age).timestamp()
    os.utime(path, (at, at))


def test_what_is_old_goes_and_what_is_young_stays(tmp_path):
    cache = make_cache(tmp_path)
    store(cache, ID, age=TTL)
    store(cache, "f" * 32, age=TTL - timedelta(seconds=1))
    removed = expire(cache, now=NOW, ttl=TTL, is_shared_with_others=True).removed
    assert [entry.file_id for entry in removed] == [ID]
    assert names(tmp_path) == {f"{'f' * 32}.wav", f"metadata/{'f' * 32}.json"}


def test_a_file_written_after_it_was_judged_gets_its_name_back(tmp_path):
    cache = make_cache(tmp_path)
    path = tmp_path / f"{ID}.wav"
    plant(path, b"old", age=TTL)
    judged = cache.find(ID)
    plant(path, b"new", age=timedelta(0))
    assert take_away(path, judged) is False
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == {path.name}


def test_a_file_written_while_the_old_one_was_taken_away_stays(tmp_path, monkeypatch):
    cache = make_cache(tmp_path)
    path = tmp_path / f"{ID}.wav"
    record = tmp_path / "metadata" / f"{ID}.json"
    plant(path, b"old", age=TTL)

    def taken_and_written_anew(taken, judged):
        done = take_away(taken, judged)
        plant(path, b"new", age=timedelta(0))
        record.write_bytes(b"{}")
        return done

    monkeypatch.setattr(removing, "take_away", taken_and_written_anew)
    assert expire(cache, now=NOW, ttl=TTL, is_shared_with_others=True).removed
    assert path.read_bytes() == b"new"
    assert record.exists()


def test_what_is_gone_already_was_not_taken(tmp_path):
    cache = make_cache(tmp_path)
    path = tmp_path / f"{ID}.wav"
    plant(path, b"old", age=TTL)
    judged = cache.find(ID)
    path.unlink()
    assert take_away(path, judged) is False


@pytest.mark.parametrize("age", [timedelta(0), TTL])
def test_what_a_dead_process_had_taken_is_given_back_and_judged(tmp_path, age):
    cache = make_cache(tmp_path)
    plant(tmp_path / f"{ID}.wav.expiring-0123456789ab", WAV, age=age)
    expire(cache, now=NOW, ttl=TTL)
    assert names(tmp_path) == (set() if age else {f"{ID}.wav"})


def test_what_a_dead_process_had_taken_does_not_replace_what_was_written_since(tmp_path):
    cache = make_cache(tmp_path)
    plant(tmp_path / f"{ID}.wav.expiring-0123456789ab", b"old", age=TTL)
    plant(tmp_path / f"{ID}.wav", b"new", age=timedelta(0))
    expire(cache, now=NOW, ttl=TTL)
    assert (tmp_path / f"{ID}.wav").read_bytes() == b"new"
    assert names(tmp_path) == {f"{ID}.wav"}


def refuse_links(*_arguments, **_options):
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("is_replaced", [False, True])
def test_without_hard_links_what_was_taken_is_given_back_too(tmp_path, monkeypatch, is_replaced):
    cache = make_cache(tmp_path)
    plant(tmp_path / f"{ID}.wav.expiring-0123456789ab", b"taken", age=timedelta(0))
    if is_replaced:
        plant(tmp_path / f"{ID}.wav", b"newer", age=timedelta(0))
    monkeypatch.setattr(os, "link", refuse_links)
    expire(cache, now=NOW, ttl=TTL)
    assert (tmp_path / f"{ID}.wav").read_bytes() == (b"newer" if is_replaced else b"taken")
    assert names(tmp_path) == {f"{ID}.wav"}


def test_what_cannot_be_given_back_stops_no_expiry(tmp_path, monkeypatch):
    cache = make_cache(tmp_path)
    taken = tmp_path / f"{ID}.wav.expiring-0123456789ab"
    plant(taken, b"taken", age=timedelta(0))
    (tmp_path / f"{ID}.wav.expiring-ffffffffffff").mkdir()
    store(cache, "f" * 32, age=TTL)
    monkeypatch.setattr(os, "link", refuse_links)
    monkeypatch.setattr(os, "rename", refuse_links)
    assert [e.file_id for e in expire(cache, now=NOW, ttl=TTL).removed] == ["f" * 32]
    assert taken.exists()
