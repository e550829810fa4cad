"""What is remembered of the cache's entries, and when it is not any more."""

import os

import pytest

from novel_audio_pipeline.tts_cache.remembered import Remembered
from novel_audio_pipeline_tests.tts_cache.entries import ID, make_cache, store

OTHERS = [f"{number:032x}" for number in range(3)]


@pytest.fixture
def cache(tmp_path):
    return make_cache(tmp_path)


def remembering(cache, *, limit: int = 10) -> Remembered[str]:
    store(cache)
    remembered = Remembered[str](cache, limit=limit)
    remembered.keep(ID, remembered.sight(ID), "read", weight=1)
    assert remembered.find(ID) == "read"
    return remembered


def test_what_was_read_is_given_back_as_long_as_the_files_are_the_same(cache):
    remembered = remembering(cache)
    assert remembered.find(ID) == "read"
    assert remembered.find(OTHERS[0]) is None


@pytest.mark.parametrize("which", [0, 1], ids=["wav", "record"])
def test_a_file_that_is_touched_replaced_or_gone_ends_it(cache, which):
    for change in (
        lambda path: os.utime(path, (5, 5)),
        lambda path: os.truncate(path, 3),
        lambda path: os.replace(path, f"{path}.x") or os.link(f"{path}.x", path),
        os.unlink,
    ):
        remembered = remembering(cache)
        change(cache.paths(ID)[which])
        assert remembered.find(ID) is None


def test_the_same_bytes_stored_anew_are_another_entry(cache):
    remembered = remembering(cache)
    store(cache)
    assert remembered.find(ID) is None


def test_what_changed_while_it_was_read_is_not_remembered(cache):
    remembered = remembering(cache)
    sight = remembered.sight(ID)
    os.truncate(cache.paths(ID)[0], 3)
    remembered.keep(ID, sight, "read before", weight=1)
    assert remembered.find(ID) is None


def test_an_entry_without_a_wav_or_a_record_has_no_sight(cache):
    store(cache)
    os.unlink(cache.paths(ID)[1])
    remembered = Remembered[str](cache, limit=10)
    assert remembered.sight(ID) is None
    assert remembered.sight(OTHERS[0]) is None


def test_what_was_asked_for_longest_ago_is_forgotten_first(cache):
    remembered = remembering(cache, limit=4)
    for file_id in OTHERS:
        store(cache, file_id)
        remembered.keep(file_id, remembered.sight(file_id), file_id, weight=1)
    assert remembered.find(ID) == "read"
    store(cache, "f" * 32)
    remembered.keep("f" * 32, remembered.sight("f" * 32), "new", weight=2)
    assert [remembered.find(file_id) for file_id in (*OTHERS, ID, "f" * 32)] == [
        None,
        None,
        OTHERS[2],
        "read",
        "new",
    ]


def test_what_is_too_heavy_by_itself_is_not_kept_and_leaves_no_weight(cache):
    remembered = remembering(cache, limit=4)
    remembered.keep(ID, remembered.sight(ID), "heavy", weight=5)
    assert remembered.find(ID) is None
    remembered.keep(ID, remembered.sight(ID), "light", weight=4)
    assert remembered.find(ID) == "light"
