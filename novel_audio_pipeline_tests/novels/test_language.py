"""The language of a novel: its text knows best."""

import subprocess
import sys

import pytest

from novel_audio_pipeline.novels.language import novel_language, primary_tag
from novel_audio_pipeline.novels.model import Chapter


def language(*paragraphs, stated=""):
    return novel_language([Chapter(1, "", paragraphs)], stated=stated)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Anh ấy đi về nhà lúc chín giờ tối.", "vi"),
        ("It was a dark and stormy night; the rain fell in torrents.", "en"),
        ("Il était une fois un roi qui avait trois filles.", "fr"),
    ],
)
def test_a_sentence_is_enough_to_overrule_the_metadata(text, expected):
    assert language(text, stated="de") == expected


def test_a_vietnamese_novel_needs_no_model():
    script = """
import sys
from novel_audio_pipeline.novels.language import novel_language
from novel_audio_pipeline.novels.model import Chapter
text = "Trời mưa rất to, và trong nhà không có một ai cả; chỉ có ngọn đèn dầu cháy lặng lẽ bên cửa sổ. "
print(novel_language([Chapter(1, "", [text * 3])]), "py3langid" in sys.modules)
print(novel_language([Chapter(1, "", ["It was a dark and stormy night. " * 9])]), "py3langid" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["vi False", "en True"]


def test_english_about_vietnamese_people_is_english():
    text = (
        "Nguyễn Thị Hạnh and Trần Đức Thuận walked along the river until the lamps were lit, and "
        "neither of them said a word about the letter that had come from the north that morning."
    )
    assert language(text) == "en"


def test_letters_with_a_dot_below_are_not_vietnamese_alone():
    yoruba = (
        "Ọmọ náà ń lọ sí ọjà pẹ̀lú ẹ̀gbọ́n rẹ̀, wọ́n sì ra ẹja, ẹran àti ọ̀gẹ̀dẹ̀. Nígbà tí wọ́n dé ilé, "
        "ìyá wọn ti se oúnjẹ, gbogbo ẹbí sì jókòó láti jẹun pọ̀."
    )
    assert language(yoruba, stated="yo") != "vi"


def test_vietnamese_without_accents_is_vietnamese():
    text = (
        "Anh ay di ve nha luc chin gio toi, troi mua rat to va khong co ai o nha ca. "
        "Co ay hoi anh ve chuyen hom qua nhung anh khong tra loi, chi ngoi im ben cua so."
    )
    assert language(text, stated="en-US") == "vi"


@pytest.mark.parametrize("text", ["Ừ.", "No!", "Hello", "Minh va Lan", "* * *", ""])
def test_a_text_too_short_to_tell_leaves_it_to_the_metadata(text):
    assert language(text, stated="vi-VN") == "vi"
    assert language(text, stated="en") == "en"


def test_nothing_known_is_undetermined():
    assert language("12 * 34") == "und"


def test_a_foreign_quotation_at_the_beginning_does_not_decide():
    chapters = [
        Chapter(1, "", ("All happy families are alike.",)),
        *(Chapter(n, "", ("Trời mưa rất to, đường về nhà xa lắm. " * 20,)) for n in (2, 3)),
    ]
    assert novel_language(chapters, stated="en") == "vi"


@pytest.mark.parametrize(
    ("tag", "primary"),
    [
        ("en-US", "en"),
        ("vi_VN", "vi"),
        ("VIE", "vi"),
        ("und", ""),
        ("", ""),
        ("Vietnamese", ""),
        ("x", ""),
    ],
)
def test_a_tag_is_shortened_to_its_language(tag, primary):
    assert primary_tag(tag) == primary
