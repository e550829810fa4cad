"""Keys and lookups of the model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.errors import NotFoundError
from novel_audio_pipeline.novels.model import Chapter, ChapterKey, Novel

KEYS = st.builds(
    ChapterKey,
    st.text(alphabet="abcxyz0189-", min_size=1, max_size=64),
    st.integers(min_value=1, max_value=999_999_999),
)


@given(KEYS)
def test_a_chapter_key_is_read_back_as_it_was_written(key):
    assert ChapterKey.parse(str(key)) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "so-do",
        "so-do/7",
        "so-do/0000",
        "so-do/00007",
        "Số/0001",
        "a/b/0001",
        "../0001",
        " a/0001",
    ],
)
def test_what_is_no_chapter_key_is_refused(text):
    with pytest.raises(ValueError, match=r"0007|numbered from 1"):
        ChapterKey.parse(text)


def test_a_chapter_is_found_by_its_number_and_not_by_its_place():
    novel = Novel("n", "N", "", "en", "n.db", (Chapter(2, "b", ("x",)), Chapter(5, "e", ("y",))))
    assert novel.chapter(5).title == "e"
    with pytest.raises(NotFoundError, match="2 to 5"):
        novel.chapter(1)
