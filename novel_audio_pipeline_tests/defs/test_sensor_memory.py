"""When a chapter counts as taken away: not at once, not by a failed read, not by an empty folder."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.defs.sensor_memory import GONE_FOR, SensorMemory
from novel_audio_pipeline.novels.model import ChapterKey

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LATER = NOW + GONE_FOR


def keys(novel: str, *numbers: int) -> list[ChapterKey]:
    return [ChapterKey(novel, number) for number in numbers]


def texts(novel: str, *numbers: int) -> list[str]:
    return [str(key) for key in keys(novel, *numbers)]


def memory_of(**sources: list[ChapterKey]) -> SensorMemory:
    memory = SensorMemory()
    for source, chapters in sources.items():
        memory.record(source, chapters)
    return memory


def test_a_chapter_is_gone_when_it_was_in_no_source_for_ten_minutes():
    memory = memory_of(a=keys("a", 1))
    known = [*texts("a", 1, 2), *texts("b", 1)]
    assert memory.gone(known, ["a"], now=NOW) == []
    assert memory.gone(known, ["a"], now=LATER - timedelta(seconds=1)) == []
    assert memory.gone(known, ["a"], now=LATER) == [*texts("a", 2), *texts("b", 1)]


def test_what_comes_back_starts_anew():
    memory = memory_of(a=keys("a", 1))
    memory.gone(texts("a", 1, 2), ["a"], now=NOW)
    memory.record("a", keys("a", 1, 2))
    assert memory.gone(texts("a", 1, 2), ["a"], now=NOW + timedelta(minutes=5)) == []
    memory.record("a", keys("a", 1))
    assert memory.gone(texts("a", 1, 2), ["a"], now=LATER) == []


def test_a_chapter_unseen_for_one_tick_stays_though_another_of_its_novel_is_gone():
    memory = memory_of(a=keys("a", 1, 2, 3))
    known = texts("a", 1, 2, 3, 4)
    memory.gone(known, ["a"], now=NOW)
    memory.record("a", keys("a", 1))  # while its file is being saved
    assert memory.gone(known, ["a"], now=LATER) == texts("a", 4)
    memory = SensorMemory.parse(memory.cursor())
    assert memory.gone(known, ["a"], now=LATER + GONE_FOR) == texts("a", 2, 3, 4)


def test_a_key_that_names_no_chapter_is_left_to_whoever_added_it():
    memory = memory_of(a=keys("a", 1))
    known = [*texts("a", 1), "a/7", "khong phai chuong"]
    memory.gone(known, ["a"], now=NOW)
    assert memory.gone(known, ["a"], now=LATER) == []


def test_a_source_that_was_not_read_keeps_everything():
    memory = memory_of(a=keys("a", 1))
    known = [*texts("a", 1), *texts("b", 1)]
    memory.gone(known, ["a"], now=NOW)
    assert memory.gone(known, ["a", "broken"], now=LATER) == []


def test_a_folder_without_any_source_keeps_everything():
    memory = memory_of(a=keys("a", 1))
    memory.forget_sources([])
    memory.gone(texts("a", 1), [], now=NOW)
    assert memory.gone(texts("a", 1), [], now=LATER) == []


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,3}", fullmatch=True),
        st.sets(st.integers(1, 40), max_size=20),
        max_size=4,
    ),
    st.dictionaries(st.integers(1, 40), st.sampled_from([NOW, LATER]), min_size=1),
)
def test_a_cursor_keeps_what_was_remembered(novels, missing):
    memory = SensorMemory(looks={"x": "1"}, missing_since={"n": missing})
    memory.record("x", [k for novel, numbers in novels.items() for k in keys(novel, *numbers)])
    assert SensorMemory.parse(memory.cursor()) == memory


def test_a_cursor_stays_small_when_very_many_chapters_are_missing():
    memory = memory_of(a=keys("a", 1))
    memory.gone(texts("b", *range(1, 100_001)), ["a"], now=NOW)
    assert len(memory.cursor()) < 200


def test_the_time_begins_anew_after_a_cursor_that_dated_whole_novels():
    older = {"looks": {}, "chapters": {"a": {"a": "1"}}, "gone_since": {"a": NOW.isoformat()}}
    memory = SensorMemory.parse(json.dumps(older))
    assert memory.gone(texts("a", 1, 2), ["a"], now=LATER) == []
    assert memory.gone(texts("a", 1, 2), ["a"], now=LATER + GONE_FOR) == texts("a", 2)


def test_a_cursor_of_an_older_version_is_begun_anew():
    assert SensorMemory.parse('{"novels/a.txt": "0123"}') == SensorMemory()
    assert SensorMemory.parse(None) == SensorMemory()
