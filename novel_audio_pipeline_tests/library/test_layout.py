"""Names in the library, over all of Unicode."""

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from novel_audio_pipeline.library.layout import (
    MAX_COMPONENT_BYTES,
    MAX_PATH_UNITS,
    chapter_folder_name,
    chapter_number_of,
    novel_folder_name,
    novel_id_of,
    paragraph_folder_name,
    paragraph_number_of,
    record_name,
    title_for_name,
    utf16_units,
)
from novel_audio_pipeline.storage.temporary import Owner, temporary_name

ANY_TITLE = st.text(st.characters(codec=None), max_size=300)
NOVEL_IDS = st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True)
NUMBERS = st.integers(1, 99_999)
FORBIDDEN = set('<>:"/\\|?*')


@given(novel_id=NOVEL_IDS, number=NUMBERS, novel=ANY_TITLE, chapter=ANY_TITLE, paragraph=NUMBERS)
@example(novel_id="a" * 64, number=99_999, novel="𝒜" * 999, chapter="Ở" * 999, paragraph=99_999)
def test_every_path_fits_on_every_system(novel_id, number, novel, chapter, paragraph):
    record = temporary_name(record_name(paragraph), Owner("a" * 12, 4_194_304))
    path = (
        PurePosixPath(novel_folder_name(novel_id, novel))
        / chapter_folder_name(novel_id, number, chapter)
        / paragraph_folder_name(paragraph)
        / record
    )
    assert utf16_units(str(path)) <= MAX_PATH_UNITS
    assert all(len(part.encode()) <= MAX_COMPONENT_BYTES for part in path.parts)
    assert len(path.parts) == 4


@given(novel_id=NOVEL_IDS, title=ANY_TITLE)
@example(novel_id="con", title="...")
@example(novel_id="lpt1", title="")
def test_every_novel_folder_is_found_by_its_id_and_takes_any_file_system(novel_id, title):
    name = novel_folder_name(novel_id, title)
    assert novel_id_of(name) == novel_id
    check_name(name)


@given(number=NUMBERS, title=ANY_TITLE)
def test_every_chapter_folder_is_found_by_its_number(number, title):
    name = chapter_folder_name("so-do", number, title)
    assert chapter_number_of(name) == number
    check_name(name)


def check_name(name: str) -> None:
    assert not set(name) & FORBIDDEN
    assert all(unicodedata.category(c)[0] not in "CZ" for c in name)
    assert not name.endswith((".", " "))
    assert unicodedata.is_normalized("NFC", name)
    assert name.partition(".")[0] not in ("con", "prn", "aux", "nul", "lpt1")


@given(title=ANY_TITLE, units=st.integers(0, 60))
def test_a_cut_title_is_a_beginning_and_the_same_when_cut_again(title, units):
    short = title_for_name(title, max_units=units)
    assert utf16_units(short) <= units
    assert title_for_name(title, max_units=2000).startswith(short)
    assert title_for_name(short, max_units=units) == short


@given(number=NUMBERS)
def test_a_paragraph_folder_is_known_by_its_number(number):
    assert paragraph_number_of(paragraph_folder_name(number)) == number


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Khởi đầu / “mở màn”", "Khởi_đầu_“mở_màn”"),
        ("../../etc/passwd", "etc_passwd"),
        ("Số Đỏ", "Số_Đỏ"),
        (unicodedata.normalize("NFD", "Số Đỏ"), "Số_Đỏ"),
        ("a\u202eb\u200bc\x07d", "abcd"),
        ("a\u00a0\u3000\n\tb", "a_b"),
        ("What? Who: me...", "What_Who_me"),
        ("...", ""),
        ("___", ""),
        ("  . ", ""),
        ("<b>", "b"),
        ("\ud800x", "x"),
        ("第一章", "第一章"),
    ],
)
def test_titles_as_people_write_them(title, name):
    assert title_for_name(title, max_units=60) == name


@pytest.mark.parametrize(
    ("title", "units", "name"),
    [
        pytest.param("abc", 2, "ab", id="letters"),
        pytest.param("ab\u0323\u0309c", 2, "a", id="a letter is not torn from its marks"),
        pytest.param("a👍🏽", 4, "a", id="a thumb keeps its skin"),
        pytest.param("a👍", 2, "a", id="half an emoji is none"),
        pytest.param("🇻🇳🇬🇧", 6, "🇻🇳", id="a flag is whole"),
        pytest.param("नमस्ते", 3, "नम", id="a consonant keeps its sign"),
        pytest.param("ab cd", 3, "ab", id="no trailing separator"),
        pytest.param("x" + "\u0301" * 50, 9, "", id="one character that is too long"),
    ],
)
def test_where_a_title_is_cut(title, units, name):
    assert title_for_name(title, max_units=units) == name


@pytest.mark.parametrize(
    ("folder", "number"),
    [
        ("chapter_001", 1),
        ("chapter_1_Old", 1),
        ("chapter_0001_", 1),
        ("chapter_1000_x", 1000),
        ("chapter_000", None),
        ("chapter_", None),
        ("chapter_001x", None),
        ("chapter_١", None),
        ("Chapter_001", None),
        (".aside", None),
    ],
)
def test_which_chapter_a_folder_is(folder, number):
    assert chapter_number_of(folder) == number


@pytest.mark.parametrize(
    ("folder", "novel_id"),
    [
        ("so-do_Số_Đỏ", "so-do"),
        ("so-do", "so-do"),
        ("so-do_", "so-do"),
        ("con_", "con"),
        ("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"),
        ("So-do_x", None),
        (".locks", None),
        ("_x", None),
        ("a" * 65, None),
    ],
)
def test_whose_a_folder_is(folder, novel_id):
    assert novel_id_of(folder) == novel_id


@pytest.mark.parametrize("name", ["paragraph_1", "paragraph_0001", "paragraph_000", "paragraph_x"])
def test_only_our_padding_is_a_paragraph(name):
    assert paragraph_number_of(name) is None


@pytest.mark.parametrize("novel_id", ["", "a" * 65, "So-do", "../x", "a_b", "số"])
def test_an_id_that_is_none_makes_no_name(novel_id):
    with pytest.raises(ValueError, match="novel_id"):
        novel_folder_name(novel_id, "x")
    with pytest.raises(ValueError, match="novel_id"):
        chapter_folder_name(novel_id, 1, "x")


def test_numbers_count_from_one():
    with pytest.raises(ValueError, match="from 1"):
        chapter_folder_name("so-do", 0, "x")
    with pytest.raises(ValueError, match="from 1"):
        paragraph_folder_name(0)


def test_two_titles_that_become_one_are_still_two_novels_and_two_chapters():
    assert novel_folder_name("a", "x?") != novel_folder_name("b", "x*")
    assert chapter_folder_name("a", 1, "x?") != chapter_folder_name("a", 2, "x*")
