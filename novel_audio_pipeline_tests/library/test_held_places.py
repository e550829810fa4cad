"""Where audio stands, and which keys there are, for novels of any length."""

import gc
import tracemalloc
from collections.abc import Iterator
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.library.held_places import HeldPlaces
from novel_audio_pipeline.library.inventory import HeldAudio
from novel_audio_pipeline.library.layout import (
    aside_record_name,
    aside_wav_name,
    paragraph_folder_name,
    paragraph_number_of,
    record_name,
    wav_name,
)
from novel_audio_pipeline.library.packed_keys import PackedKeys, key_digest

NOVEL = PurePosixPath("so-do_Số Đỏ")
PARAGRAPHS = 3_000
MOST_BYTES_A_PARAGRAPH = 40


def standing(key: str, chapter: int, paragraph: int) -> HeldAudio:
    folder = NOVEL / f"chapter_{chapter:03d}_Một" / paragraph_folder_name(paragraph)
    wav, record = folder / wav_name(paragraph), folder / record_name(paragraph)
    return HeldAudio(wav, record, key, "0" * 64, 444, 1.0)


def order(audio: HeldAudio) -> tuple[bool, PurePosixPath, int]:
    """Sort as a library yields audio: chapter by chapter, each in order, then what is aside."""
    folder = audio.path.parent
    return folder.name == ".aside", folder.parent, paragraph_number_of(folder.name) or 0


def aside(key: str) -> HeldAudio:
    folder = NOVEL / ".aside"
    wav, record = folder / aside_wav_name(key), folder / aside_record_name(key)
    return HeldAudio(wav, record, key, "0" * 64, 444, 1.0)


@given(
    st.lists(
        st.one_of(
            st.builds(
                standing,
                st.sampled_from("abcdefgh"),
                st.integers(1, 12_000),
                st.integers(1, 99_999),
            ),
            st.builds(aside, st.sampled_from("abcdefgh")),
        ),
        max_size=12,
    )
)
def test_audio_is_found_by_key_where_it_stood_first(held):
    held = sorted(held, key=order)
    places = HeldPlaces(held)
    for key in "abcdefgh":
        first = next((audio for audio in held if audio.key == key), None)
        found = places.find(key)
        assert (found and (found.path, found.record_path, found.key)) == (
            first and (first.path, first.record_path, first.key)
        )


def test_where_audio_stands_takes_a_few_bytes_a_paragraph():
    def held() -> Iterator[HeldAudio]:
        for number in range(PARAGRAPHS):
            yield standing(f"{number:064x}", number // 100 + 1, number % 100 + 1)

    gc.collect()
    tracemalloc.start()
    try:
        places = HeldPlaces(held())
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert places.find(f"{5:064x}") is not None
    assert kept < PARAGRAPHS * MOST_BYTES_A_PARAGRAPH


@given(st.lists(st.text(max_size=5), max_size=30), st.text(max_size=5))
def test_packed_keys_are_a_set_that_knows_what_came_twice(keys, other):
    packed = PackedKeys(keys)
    assert all(key in packed for key in keys)
    assert (other in packed) == (other in keys)
    assert packed.repeated() == {key_digest(key) for key in keys if keys.count(key) > 1}
