"""Plain text: paragraphs, headings, encodings, and what is cut off."""

import unicodedata

import pytest

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.plain_text import read_plain_text

VIETNAMESE = "Chương 1\n\nĐường về nhà xa lắm, trời mưa mãi không thôi.\n\n– Ừ.\n"


@pytest.fixture
def write(tmp_path):
    def write_text(text, *, name="the_well.txt", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write_text


def read(path):
    return read_plain_text(path, novel_id="book")


def chapters(path):
    return [(c.title, list(c.paragraphs)) for c in read(path).chapters]


def refusal(path):
    with pytest.raises(SourceError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    return caught.value.code


def test_a_paragraph_is_a_run_of_lines_joined_by_a_space(write):
    path = write("Chapter 1\n\nThe well was\ndeep and old.\n\n\n“No!”\n")
    assert chapters(path) == [("Chapter 1", ["The well was deep and old.", "“No!”"])]


def test_each_line_is_a_paragraph_where_there_are_no_blank_lines(write):
    lines = ["Chương 1: Mưa", "Trời mưa to.", "– Ai đó?", "– Tôi.", "Chương 2", "Nắng lên."]
    assert chapters(write("\n".join(lines))) == [
        ("Chương 1: Mưa", ["Trời mưa to.", "– Ai đó?", "– Tôi."]),
        ("Chương 2", ["Nắng lên."]),
    ]


def test_text_without_any_heading_is_one_chapter_with_the_title_of_the_novel(write):
    path = write("It rained.\n\nIt stopped.\n")
    assert chapters(path) == [("the well", ["It rained.", "It stopped."])]


def test_a_line_of_prose_that_begins_like_a_heading_opens_no_chapter(write):
    path = write(
        "Chương 1\n\nLan mở sách.\n\nChương 5 này rất hay.\n\nLan cười.\n\nChương 2\n\nHết đêm.\n"
    )
    assert [title for title, _ in chapters(path)] == ["Chương 1", "Chương 2"]
    assert chapters(path)[0][1][1] == "Chương 5 này rất hay."


def test_a_heading_that_a_wrapped_line_happens_to_begin_with_opens_no_chapter(write):
    text = "Chapter 1\n\nHe said that of all he had read it was only\nChapter 7 The Sea\nthat he loved.\n"
    assert len(chapters(write(text))) == 1


def test_bare_numerals_are_headings_if_they_run_without_a_gap(write):
    path = write(
        "I\n\nOne.\n\nII\n\nTwo.\n\nX\n\nStill two.\n\nIII\n\nThree.\n\nEPILOGUE\n\nEnd of it.\n"
    )
    assert chapters(path) == [
        ("I", ["One."]),
        ("II", ["Two.", "X", "Still two."]),
        ("III", ["Three."]),
        ("EPILOGUE", ["End of it."]),
    ]


def test_numerals_may_begin_again_in_a_new_part(write):
    path = write("PART ONE\n\nI\n\na\n\nII\n\nb\n\nPART TWO\n\nI\n\nc\n\nII\n\nd\n")
    assert [title for title, _ in chapters(path)] == ["I", "II", "I", "II"]
    assert [(u.role, u.title) for u in read(path).omitted] == [
        ("part-title", "PART ONE"),
        ("part-title", "PART TWO"),
    ]


def test_numerals_are_text_where_headings_have_a_word(write):
    path = write("Chương 1\n\n1\n\nMột.\n\n2\n\nHai.\n\nChương 2\n\nBa.\n")
    assert chapters(path)[0] == ("Chương 1", ["1", "Một.", "2", "Hai."])


def test_repeated_headings_with_text_are_chapters_of_their_own(write):
    path = write("Chương 3\n\nMột.\n\nChương 3\n\nHai.\n")
    assert [title for title, _ in chapters(path)] == ["Chương 3", "Chương 3"]


def test_a_chapter_named_twice_in_a_row_is_one_with_the_fuller_title(write):
    path = write("Chương 1\n\nChương 1: Mưa\n\nTrời mưa.\n")
    assert chapters(path) == [("Chương 1: Mưa", ["Trời mưa."])]
    assert read(path).omitted == read(path).warnings == ()


def test_the_other_line_of_a_headings_run_is_its_title(write):
    path = write("CHAPTER I.\nDown the Well\n\nShe fell.\n\nCHAPTER II.\nShe was still falling.\n")
    assert chapters(path) == [
        ("CHAPTER I.: Down the Well", ["She fell."]),
        ("CHAPTER II.", ["She was still falling."]),
    ]


def test_headings_in_a_row_are_a_table_of_contents(write):
    path = write(
        "Chapter 1\n\nChapter 2\n\nChapter 3\n\nChapter 1\n\na\n\nChapter 2\n\nb\n\nChapter 3\n\nc\n"
    )
    assert [paragraphs for _, paragraphs in chapters(path)] == [["a"], ["b"], ["c"]]
    assert {unit.role for unit in read(path).omitted} == {"contents"}


def test_an_empty_chapter_is_listed_and_warned_of(write):
    novel = read(write("Chapter 1\n\na\n\nChapter 2\n\nChapter 3\n\nc\n"))
    assert [(c.number, c.title) for c in novel.chapters] == [(1, "Chapter 1"), (2, "Chapter 3")]
    assert [(u.role, u.title) for u in novel.omitted] == [("no-text", "Chapter 2")]
    assert any("'Chapter 2'" in warning for warning in novel.warnings)


def test_what_stands_before_the_first_heading_is_front_matter(write):
    novel = read(write("The Well\n\nA tale\n\nChapter 1\n\nShe fell.\n"))
    assert [(u.role, u.place, u.paragraphs) for u in novel.omitted] == [("front", "lines 1-4", 2)]


def test_a_long_text_before_the_first_heading_is_a_chapter(write):
    path = write("A long beginning. " * 200 + "\n\nChapter 1\n\nShe fell.\n")
    assert [title for title, _ in chapters(path)] == ["the well", "Chapter 1"]


def test_title_and_author_are_read_from_the_first_lines(write):
    novel = read(write("Cái Giếng [Hoàn thành]\nTác giả: Lan Anh\n\nChương 1\n\nNó rơi.\n"))
    assert (novel.title, novel.author) == ("Cái Giếng", "Lan Anh")


def test_header_footer_and_end_mark_are_listed_and_not_read(write):
    novel = read(
        write(
            "Title: The Well\nAuthor: A. W.\n\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\n"
            "Chapter 1\n\nShe fell.\n\n--- THE END ---\n\n"
            "*** END OF THE PROJECT GUTENBERG EBOOK X ***\n\nTerms.\n"
        )
    )
    assert (novel.title, novel.author) == ("The Well", "A. W.")
    assert novel.chapters[0].paragraphs == ("She fell.",)
    assert sorted(unit.role for unit in novel.omitted) == ["back", "licence", "licence"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_with_and_without_a_mark(write, encoding):
    path = write(VIETNAMESE * 20, encoding=encoding)
    assert chapters(path)[0][1][0] == "Đường về nhà xa lắm, trời mưa mãi không thôi."
    assert read(path).warnings == ()


def test_windows_1258_is_composed_and_warned_of(write):
    # The encoding has no composed letters with tone marks: base letter, then mark.
    marks = {"ờ": "ơ\u0300", "ề": "ê\u0300", "ắ": "ă\u0301", "ừ": "ư\u0300", "Ừ": "Ư\u0300"}
    text = VIETNAMESE.replace("ã", "a\u0303")
    for letter, parts in marks.items():
        text = text.replace(letter, parts)
    path = write(text, encoding="cp1258")
    assert chapters(path) == [
        ("Chương 1", ["Đường về nhà xa lắm, trời mưa mãi không thôi.", "– Ừ."])
    ]
    assert any("Windows-1258" in warning for warning in read(path).warnings)


def test_decomposed_text_is_composed(write):
    path = write("Chu\u031bo\u031bng 1\n\n\u0110u\u031bo\u031b\u0300ng v\u00ea\u0300.\n")
    assert chapters(path) == [("Chương 1", ["Đường về."])]


def test_an_author_in_decomposed_text_is_found(write):
    text = unicodedata.normalize("NFD", "Cái Giếng\nTác giả: Lan\n\nChương 1\n\nNó rơi.\n")
    assert (read(write(text)).title, read(write(text)).author) == ("Cái Giếng", "Lan")


def test_a_few_wrong_bytes_in_utf8_are_marked_and_warned_of(write):
    path = write("\n".join([VIETNAMESE] * 5).encode() + b"\n\xc3 x\n")
    assert any("U+FFFD" in warning for warning in read(path).warnings)
    assert chapters(path)[0][1][1] == "– Ừ."


def test_another_encoding_is_guessed_and_named(write):
    text = "Le chat était là, près de la fenêtre, où il rêvait à l'été passé. " * 5
    novel = read(write(text, encoding="cp1252"))
    assert "était là" in novel.chapters[0].paragraphs[0]
    assert any("not UTF-8" in warning for warning in novel.warnings)


def test_a_file_that_is_no_text_is_refused(write):
    assert (
        refusal(write(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)))) == "unknown_encoding"
    )


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff", "Chapter 1\n\nChapter 2\n"])
def test_a_file_without_text_is_refused(write, text):
    assert refusal(write(text)) == "no_text"


def test_a_paragraph_of_70000_characters_stays_one(write):
    path = write("Chapter 1\n\n" + "Word after word. " * 4200 + "\n")
    assert [len(paragraphs) for _, paragraphs in chapters(path)] == [1]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Все счастливые семьи похожи друг на друга. "),
        ("cp1252", "“Café” — a naïve résumé, but it’s fine. "),
        ("gb18030", "道可道，非常道。名可名，非常名。"),
    ],
)
def test_text_of_other_countries_is_not_taken_for_vietnamese(write, encoding, text):
    novel = read(write(text * 10, encoding=encoding))
    assert not any("Windows-1258" in warning for warning in novel.warnings)
