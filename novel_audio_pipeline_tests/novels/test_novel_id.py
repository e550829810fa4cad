"""The id of a file: readable, safe, never empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.novels.novel_id import is_novel_id, novel_id_of_name


@pytest.mark.parametrize(
    ("name", "novel_id"),
    [
        ("Số đỏ", "so-do"),
        ("So\u0302\u0301 đo\u0309", "so-do"),
        ("ĐẸP", "dep"),
        ('The Clockmaker: "Who?" / A Tale*', "the-clockmaker-who-a-tale"),
        ("a__b..c", "a-b-c"),
        ("-- x --", "x"),
        ("x" * 100, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
        ("con tim", "con-tim"),
    ],
)
def test_a_name_becomes_a_slug(name, novel_id):
    assert novel_id_of_name(name) == novel_id


@pytest.mark.parametrize("name", ["", "???", "日本語", "con", "NUL", "Com1", "lpt9", "..."])
def test_a_name_without_letters_or_reserved_becomes_a_number(name):
    novel_id = novel_id_of_name(name)
    assert novel_id.startswith("novel-")
    assert len(novel_id) == len("novel-") + 8


def test_composed_and_decomposed_names_have_one_id():
    assert novel_id_of_name("Ấ日") == novel_id_of_name("A\u0302\u0301日")
    assert novel_id_of_name("が") == novel_id_of_name("か\u3099")


@given(st.text(max_size=80))
def test_every_name_has_a_valid_id(name):
    assert is_novel_id(novel_id_of_name(name))
