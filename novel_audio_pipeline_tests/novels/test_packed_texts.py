"""Texts packed are the same texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.novels.packed_texts import PackedTexts


@given(st.lists(st.text(alphabet=st.characters(), max_size=20), max_size=10))
def test_packed_texts_are_the_texts_whatever_characters_they_have(texts):
    packed = PackedTexts(texts)
    assert list(packed) == texts
    assert len(packed) == len(texts)
    assert packed == tuple(texts)
    assert packed == PackedTexts(texts)
    assert packed != (*texts, "more")
    assert packed[1:] == tuple(texts[1:])
    assert packed == texts


def test_packed_texts_are_equal_to_no_text_and_have_no_hash():
    packed = PackedTexts(["a", "b"])
    assert packed != "ab"
    with pytest.raises(TypeError, match="unhashable"):
        hash(packed)
