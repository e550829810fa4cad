"""Which lines open a chapter or a part, and which are prose."""

import pytest

from novel_audio_pipeline.novels.headings import (
    TitleKind,
    is_bare_chapter_mark,
    is_chapter_heading,
    is_part_heading,
    numeral,
    title_kind,
)


@pytest.mark.parametrize(
    "line",
    [
        "Chương 5",
        "CHƯƠNG 12",
        "Chương 5: Người khách lạ",
        "Chương 5 - người khách lạ",
        "Chương V. Đêm mưa",
        "Chương thứ nhất",
        "Chương Mười Hai",
        "Chương kết",
        "Chương cuối: Về nhà",
        "Chương 3 Đi đâu?",
        "Chu\u031bo\u031bng 7",
        "== Chương 8 ==",
        "Hồi 1",
        "Hồi thứ ba",
        "Hồi 26: Bến Lo",
        "Thứ 5 chương",
        "Mở đầu",
        "Ngoại truyện 2",
        "Chapter Three",
        "CHAPTER XIV.",
        "Chapter 1: The Cyclone",
        "Chapter I The Cyclone",
        "Chapter Twenty-One",
        "Letter 4",
        "STAVE ONE",
        "Prologue",
        "EPILOGUE",
    ],
)
def test_a_line_with_a_chapters_word_and_number_opens_a_chapter(line):
    assert is_chapter_heading(line)


@pytest.mark.parametrize(
    "line",
    [
        "Chương 5 này rất hay.",
        "Chương 5 này rất hay",
        "Chương trình bắt đầu",
        "Chương 5 Lan đọc xong rồi.",
        "Hồi đầu Lan không tin!",
        "Hồi ấy tôi còn nhỏ",
        "Thứ Hai, trời mưa.",
        "Thứ hai là ngày đầu tuần",
        "Chapter houses were built of stone",
        "Chapter 5 was the best of them.",
        "Letters came every day",
        "Letter I wrote to her",
        "The chapter ended.",
        "I",
        "Chapter",
        "",
    ],
)
def test_a_line_of_prose_opens_nothing(line):
    assert not is_chapter_heading(line)


@pytest.mark.parametrize(
    "line", ["Phần thứ nhất", "PHẦN II", "Quyển 3: Biển", "Part One", "BOOK I. INSCRIPTIONS"]
)
def test_a_part_is_known(line):
    assert is_part_heading(line)


@pytest.mark.parametrize(
    "line", ["Phần lớn mọi người", "Part of me", "Book one was lost.", "Tập trung"]
)
def test_prose_is_no_part(line):
    assert not is_part_heading(line)


@pytest.mark.parametrize(
    ("line", "number"),
    [("I", 1), ("IV", 4), ("IX.", 9), ("XLII", 42), ("XC", 90), ("C", 100), ("12", 12), ("3.", 3)],
)
def test_a_bare_numeral_has_a_value(line, number):
    assert numeral(line) == number


@pytest.mark.parametrize("line", ["", "i", "IIII", "VX", "I am", "1a", "12345", "."])
def test_what_is_no_numeral_has_none(line):
    assert numeral(line) is None


def test_a_mark_is_bare_without_a_title():
    assert is_bare_chapter_mark("Chương 1")
    assert is_bare_chapter_mark("XII")
    assert not is_bare_chapter_mark("Chương 1: Mưa")
    assert not is_bare_chapter_mark("Mưa")


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Mục lục", TitleKind.CONTENTS),
        ("CONTENTS", TitleKind.CONTENTS),
        ("Chú thích:", TitleKind.NOTES),
        ("Author’s Note", TitleKind.FRONT_OR_BACK),
        ("Lời nói đầu", TitleKind.FRONT),
        ("Colophon", TitleKind.BACK),
        ("Phần thứ hai", TitleKind.PART),
        ("Chương 2", TitleKind.CHAPTER),
        ("The Fox", TitleKind.OTHER),
    ],
)
def test_a_title_tells_what_stands_under_it(title, kind):
    assert title_kind(title) is kind
