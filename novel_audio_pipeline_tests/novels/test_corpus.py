"""Real books against their counted ground truth: chapters, titles, every paragraph."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.epub import read_epub
from novel_audio_pipeline.novels.model import Novel
from novel_audio_pipeline.novels.plain_text import read_plain_text
from novel_audio_pipeline.novels.reader_database import read_reader_database

EXACT = (
    "ar_regime_rtl",
    "en_oz_gutenberg-epub3",
    "en_time-machine_gutenberg-ascii",
    "en_time-machine_standardebooks",
    "vi_dep_calibre-parts-footnotes",
    "vi_so-do_ch1-2_cp1258-derived",
    "vi_so-do_ch1-3_mixed-nfd-derived",
    "vi_so-do_khudocmo",
    "vi_so-do_khudocmo-epub3",
    "vi_tieu-son-trang-si_vietmessenger-badutf8",
    "vi_tieu-son_webnovel-derived",
    "vi_truyen-kieu_vnthuquan-verse",
    "vi_vo-de_vnthuquan-epub2",
)


def ground_truth(corpus: Path, name: str) -> dict[str, Any]:
    return json.loads((corpus / "ground_truth" / f"{name}.json").read_text(encoding="utf-8"))


def read(path: Path) -> Novel:
    reader = read_epub if path.suffix == ".epub" else read_plain_text
    return reader(path, novel_id="book")


def sha256(texts: tuple[str, ...], separator: str = "\n") -> str:
    return hashlib.sha256(separator.join(texts).encode()).hexdigest()


@pytest.mark.parametrize("name", EXACT)
def test_every_paragraph_of_a_real_book_is_in_its_chapter_once_and_in_order(corpus, name):
    truth = ground_truth(corpus, name)
    novel = read(corpus / truth["file"])
    expected = [
        (unit["title"], unit["paragraphs"], unit["sha256_of_paragraphs_joined_by_newline"])
        for unit in truth["units_in_reading_order"]
        if unit["role"] == "chapter" and unit["paragraphs"]
    ]
    found = [(c.title, len(c.paragraphs), sha256(c.paragraphs)) for c in novel.chapters]
    assert found == expected
    assert [chapter.number for chapter in novel.chapters] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("name", EXACT)
def test_the_language_of_a_real_book_is_told_from_its_text_whatever_its_metadata_say(corpus, name):
    truth = ground_truth(corpus, name)
    assert read(corpus / truth["file"]).language == truth["true_language"]


@pytest.mark.parametrize("name", [name for name in EXACT if not name.startswith("vi_so-do_ch1")])
def test_every_document_that_is_not_a_chapter_is_listed_as_omitted(corpus, name):
    truth = ground_truth(corpus, name)
    novel = read(corpus / truth["file"])
    places = {unit.place for unit in novel.omitted}
    others = [u["docs"][0] for u in truth["units_in_reading_order"] if u["role"] != "chapter"]
    continued = {"OEBPS/Text/index_split_001.html"} | {
        f"OEBPS/Text/index_split_03{n}.html" for n in (1, 2, 3)
    }  # without a heading or an entry in the contents they continue what is listed before
    assert set(others) - continued <= places


def test_front_matter_contents_notes_and_licence_have_roles_of_their_own(corpus):
    oz = read(corpus / "books" / "en_oz_gutenberg-epub3.epub")
    assert Counter(unit.role for unit in oz.omitted) == Counter(
        {"licence": 2, "front": 2, "contents": 1, "no-text": 2}
    )
    machine = read(corpus / "books" / "en_time-machine_standardebooks.epub")
    assert [(unit.role, unit.title) for unit in machine.omitted] == [
        ("front", "Titlepage"),
        ("front", "Imprint"),
        ("notes", "Endnotes"),
        ("back", "Colophon"),
        ("back", "Uncopyright"),
    ]


def test_bytes_that_are_not_utf8_do_not_end_the_import_and_are_warned_of(corpus):
    novel = read(corpus / "books" / "vi_tieu-son-trang-si_vietmessenger-badutf8.epub")
    documents = sorted(warning.split()[0] for warning in novel.warnings if "U+FFFD" in warning)
    assert documents == [f"Chapter{n:04d}.html" for n in (4, 27, 30, 32, 33, 34)]


def test_a_book_of_383_documents_loses_none(corpus):
    name = "en_leaves-of-grass_gutenberg-calibre-383docs"
    truth = ground_truth(corpus, name)
    novel = read(corpus / truth["file"])
    text = " ".join(" ".join(chapter.paragraphs) for chapter in novel.chapters)
    for unit in truth["units_in_reading_order"]:
        if unit["role"] == "chapter" and unit["paragraphs"]:
            assert " ".join(unit["first"].split()) in text
    assert "Project Gutenberg" not in text


def test_a_book_in_one_document_is_one_chapter_and_its_text_is_read_once(corpus):
    novel = read(corpus / "books" / "en_childrens-literature_one-xhtml.epub")
    (chapter,) = novel.chapters
    assert chapter.title == "SECTION IV FAIRY STORIES—MODERN FANTASTIC TALES"
    assert sum("difficulties of classification" in text for text in chapter.paragraphs) == 1
    assert not any(text.isdigit() for text in chapter.paragraphs)  # page numbers


def test_a_book_of_pictures_has_no_text_to_narrate(corpus):
    with pytest.raises(SourceError) as caught:
        read(corpus / "books" / "xx_svg-in-spine.epub")
    assert caught.value.code == "no_text"


def test_a_reader_apps_database_gives_its_rows_as_they_are(corpus):
    truth = ground_truth(corpus, "upstream_novels.db")
    novels = {n.novel_id: n for n in read_reader_database(corpus / "upstream_novels.db")}
    assert list(novels) == sorted(novel["id"] for novel in truth["novels"])
    for expected in truth["novels"]:
        novel = novels[expected["id"]]
        assert novel.title == expected["title"]
        assert [
            (c.number, c.title, len(c.paragraphs), sha256(c.paragraphs, "\x1f"))
            for c in novel.chapters
        ] == [
            (c["chapter_number"], c["title"], c["rows"], c["sha256_of_texts_joined_by_U+001F"])
            for c in expected["chapters"]
        ]


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("pkg-spine-order", ["first", "second", "third", "last"]),
        ("ocf-package_arbitrary", ["Test passes if you see this."]),
        ("ocf-url_relative", ["Test passes if this page opens."]),
        ("nav-spine_in-spine", ["navigation document", "Hello"]),
        ("ocf-font_obfuscation", [""]),
        ("cnt-mathml-support", ["math equation", "x equals (open parentheses)"]),
    ],
)
def test_a_w3c_book_is_read_as_the_standard_says(corpus, name, texts):
    novel = read(corpus / "w3c" / f"{name}.epub")
    read_text = "\n".join("\n".join(chapter.paragraphs) for chapter in novel.chapters)
    positions = [read_text.index(text) for text in texts]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("pkg-title-order", "pkg-title-order"),
        ("pkg-linked-records", "Package metadata title!"),
        ("pkg-dir_rtl-root-unset", "CSS: הרפתקה חדשה!"),
    ],
)
def test_the_title_of_a_w3c_book_is_the_first_in_its_own_metadata(corpus, name, title):
    assert read(corpus / "w3c" / f"{name}.epub").title == title


def test_white_space_around_metadata_is_dropped(corpus):
    assert read(corpus / "w3c" / "pkg-meta-whitespace.epub").author == "Dave Cramer"


def test_text_with_an_overlay_is_read_once(corpus):
    novel = read(corpus / "w3c" / "mol-tts_single.epub")
    texts = [text for chapter in novel.chapters for text in chapter.paragraphs]
    assert sum("Call me Ishmael" in text for text in texts) == 1


def test_a_document_outside_the_reading_order_is_omitted(corpus):
    novel = read(corpus / "w3c" / "pkg-spine-nonlinear-activation.epub")
    assert len(novel.chapters) == 1
    assert [(u.role, u.place) for u in novel.omitted] == [("non-linear", "EPUB/content_002.xhtml")]


def test_an_itemref_in_a_comment_is_not_read(corpus):
    novel = read(corpus / "w3c" / "pub-xml-non-validating_comment.epub")
    assert len(novel.chapters) == 2
    assert novel.omitted == ()


@pytest.mark.parametrize(
    ("name", "code"), [("truncated", "damaged_epub"), ("html-named", "not_an_epub")]
)
def test_a_broken_book_is_refused_with_one_sentence_that_names_it(corpus, name, code):
    path = corpus / "broken" / f"{name}.epub"
    with pytest.raises(SourceError) as caught:
        read(path)
    assert caught.value.code == code
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["no-mimetype", "missing-spine-file", "very-long-title"])
def test_a_flawed_book_is_read_as_far_as_it_goes(corpus, name):
    novel = read(corpus / "broken" / f"{name}.epub")
    assert [len(chapter.paragraphs) for chapter in novel.chapters] == [5]


def test_a_missing_document_is_reported(corpus):
    novel = read(corpus / "broken" / "missing-spine-file.epub")
    assert any("OEBPS/b.xhtml" in warning for warning in novel.warnings)
