"""EPUBs right or nearly: what is a chapter, what is listed, what is mended."""

import pytest

from novel_audio_pipeline_tests.novels.epub_files import (
    TWO,
    chapter,
    nav,
    page,
    read,
    write_epub,
)


@pytest.fixture
def book(tmp_path):
    return tmp_path / "book.epub"


def chapters(path):
    return [(c.title, list(c.paragraphs)) for c in read(path).chapters]


def test_chapters_follow_the_spine_and_are_numbered_from_one(book):
    novel = read(write_epub(book, TWO))
    assert [(c.number, c.title) for c in novel.chapters] == [(1, "Chapter 1"), (2, "Chapter 2")]
    assert (novel.title, novel.author) == ("A Book", "A. Writer")
    assert novel.warnings == ()


def test_a_paragraph_is_a_run_of_text_in_a_block_and_a_line_break_in_it_is_a_space(book):
    body = "<h1>I</h1><div>Before <p>One<br/>two</p> after <b>bold</b>.<ul><li>item</li></ul></div>"
    write_epub(book, {"a.xhtml": page(body)})
    assert chapters(book) == [("I", ["Before", "One two", "after bold.", "item"])]


def test_line_breaks_separate_paragraphs_where_a_document_has_no_other_mark(book):
    body = "<p>Chương 1</p><div>Một.<br/>Hai.<br/><br/>- Ba!<br/></div>"
    write_epub(book, {"a.xhtml": page(body), "b.xhtml": chapter("Chương 2", "x")})
    assert chapters(book)[0] == ("Chương 1", ["Một.", "Hai.", "- Ba!"])


def test_what_is_not_text_of_the_novel_is_not_read(book):
    body = (
        "<h1>I</h1><script>no()</script><style>no</style><svg><text>no</text></svg>"
        '<p hidden="hidden">no</p><p>yes<span epub:type="pagebreak">12</span> and'
        "<ruby>漢<rt>no</rt></ruby><!-- no --> so on</p>"
        '<math xmlns="http://www.w3.org/1998/Math/MathML" alttext="x squared"><mi>x</mi></math>'
    )
    write_epub(book, {"a.xhtml": page(body)})
    assert chapters(book) == [("I", ["yes and漢 so on", "x squared"])]


def test_notes_in_a_chapter_are_listed_and_not_read(book):
    body = '<h1>I</h1><p>Text.</p><aside epub:type="footnote"><p>A note.</p></aside><p>More.</p>'
    novel = read(write_epub(book, {"a.xhtml": page(body)}))
    assert novel.chapters[0].paragraphs == ("Text.", "More.")
    assert [(u.role, u.paragraphs) for u in novel.omitted] == [("notes", 1)]


def test_a_document_is_cut_where_several_entries_of_the_contents_point_into_it(book):
    body = '<h2 id="one">The Fox</h2><p>a</p><h2 id="two">The Owl</h2><p>b</p><p>c</p>'
    contents = nav(("The Fox", "a.xhtml#one"), ("The Owl", "a.xhtml#two"))
    write_epub(book, {"a.xhtml": page(body), "nav.xhtml": contents})
    assert chapters(book) == [("The Fox", ["a"]), ("The Owl", ["b", "c"])]


def test_a_document_without_contents_is_cut_at_its_chapter_headings(book):
    body = "<h2>Chapter 1</h2><p>a</p><h3>A scene</h3><p>b</p><h2>Chapter 2</h2><p>c</p>"
    write_epub(book, {"a.xhtml": page(body)})
    assert chapters(book) == [("Chapter 1", ["a", "b"]), ("Chapter 2", ["c"])]


def test_a_document_that_nothing_names_continues_the_chapter_before_it(book):
    documents = {
        "a.xhtml": chapter("Chapter 1", "One."),
        "b.xhtml": page("<p>Still one.</p>"),
        "c.xhtml": chapter("Chapter 2", "Two."),
        "nav.xhtml": nav(("Chapter 1", "a.xhtml"), ("Chapter 2", "c.xhtml")),
    }
    write_epub(book, documents)
    assert chapters(book) == [("Chapter 1", ["One.", "Still one."]), ("Chapter 2", ["Two."])]


def test_a_long_document_that_nothing_names_never_hides_in_front_matter(book):
    documents = {
        "a.xhtml": page("<h1>Preface</h1><p>Short.</p>"),
        "b.xhtml": page(f"<p>{'A long story. ' * 200}</p>"),
        "c.xhtml": chapter("Chapter 2", "Two."),
        "nav.xhtml": nav(("Preface", "a.xhtml"), ("Chapter 2", "c.xhtml")),
    }
    assert [title for title, _ in chapters(write_epub(book, documents))] == ["", "Chapter 2"]


@pytest.mark.parametrize(
    ("heading", "role"),
    [("Lời nói đầu", "front"), ("Preface", "front"), ("Mục lục", "contents"), ("Notes", "notes")],
)
def test_matter_before_the_first_chapter_is_known_by_its_title(book, heading, role):
    novel = read(write_epub(book, {"0.xhtml": chapter(heading, "Words."), **TWO}))
    assert [(unit.role, unit.title) for unit in novel.omitted] == [(role, heading)]
    assert len(novel.chapters) == 2


def test_a_chapter_called_introduction_in_the_middle_is_read(book):
    documents = {
        **TWO,
        "m.xhtml": chapter("Introduction", "To him."),
        "z.xhtml": chapter("IV", "x"),
    }
    assert [title for title, _ in chapters(write_epub(book, documents))][2] == "Introduction"


def test_a_book_of_nothing_but_an_introduction_is_read(book):
    assert chapters(write_epub(book, {"a.xhtml": chapter("Introduction", "All of it.")}))


@pytest.mark.parametrize(
    ("body_type", "role"),
    [("frontmatter", "front"), ("backmatter", "back"), ("dedication", "front"), ("cover", "cover")],
)
def test_epub_type_tells_what_is_not_read(book, body_type, role):
    documents = {"0.xhtml": page("<p>For M.</p>", body_type=body_type), **TWO}
    assert [u.role for u in read(write_epub(book, documents)).omitted] == [role]


def test_an_epilogue_in_the_back_matter_is_read(book):
    body = '<section epub:type="epilogue"><h2>Epilogue</h2><p>The end.</p></section>'
    documents = {**TWO, "z.xhtml": page(body, body_type="backmatter")}
    assert chapters(write_epub(book, documents))[-1] == ("Epilogue", ["The end."])


def test_a_document_of_links_is_a_table_of_contents(book):
    links = "".join(f'<p><a href="{name}.xhtml">{name}</a></p>' for name in "abc")
    novel = read(write_epub(book, {"0.xhtml": page(f"<h1>What is here</h1>{links}"), **TWO}))
    assert [(unit.role, unit.paragraphs) for unit in novel.omitted] == [("contents", 3)]


def test_a_page_with_a_web_address_after_the_last_chapter_is_an_advert(book):
    advert = page("<div>Cám ơn bạn đã đọc.<br/>Nguồn: http://example.net</div>")
    contents = nav(("Chapter 1", "a.xhtml"), ("Chapter 2", "b.xhtml"))
    novel = read(write_epub(book, {**TWO, "z.xhtml": advert, "nav.xhtml": contents}))
    assert [unit.role for unit in novel.omitted] == ["advert"]


def test_a_chapter_that_quotes_a_web_address_is_read(book):
    documents = {**TWO, "z.xhtml": chapter("Chapter 3", "He typed www.example.com and waited.")}
    assert len(read(write_epub(book, documents)).chapters) == 3


def test_header_and_licence_of_project_gutenberg_are_cut_off(book):
    first = chapter(
        "Chapter 1", "You may copy it.", "*** START OF THE PROJECT GUTENBERG EBOOK X ***", "One."
    )
    last = chapter("Chapter 2", "Two.", "*** END OF THE PROJECT GUTENBERG EBOOK X ***", "Terms.")
    novel = read(write_epub(book, {"a.xhtml": first, "b.xhtml": last}))
    assert [c.paragraphs for c in novel.chapters] == [("One.",), ("Two.",)]
    assert [(u.role, u.paragraphs) for u in novel.omitted] == [("licence", 2), ("licence", 2)]


def test_a_poem_whose_title_is_its_first_line_keeps_that_line(book):
    body = "<h2>O Wind</h2><div>O wind,<br/>blow on,<br/>and on.</div>"
    assert chapters(write_epub(book, {"a.xhtml": page(body)})) == [
        ("O Wind", ["O wind,", "blow on,", "and on."])
    ]


def test_a_poem_without_a_heading_keeps_the_line_that_the_contents_are_called_by(book):
    poem = page("<div>O wind,<br/>blow on,<br/>and on.</div>")
    write_epub(book, {"a.xhtml": poem, "nav.xhtml": nav(("O Wind", "a.xhtml"))})
    assert chapters(book) == [("O Wind", ["O wind,", "blow on,", "and on."])]


def test_everything_after_the_end_line_of_project_gutenberg_is_licence(book):
    end = chapter("Chapter 2", "Two.", "*** END OF THE PROJECT GUTENBERG EBOOK X ***")
    documents = {
        "a.xhtml": chapter("Chapter 1", "One."),
        "b.xhtml": end,
        "c.xhtml": chapter("3", "Terms."),
    }
    novel = read(write_epub(book, documents))
    assert [c.paragraphs for c in novel.chapters] == [("One.",), ("Two.",)]
    assert [(u.role, u.place) for u in novel.omitted] == [
        ("licence", "OEBPS/b.xhtml"),
        ("licence", "OEBPS/c.xhtml"),
    ]


def test_a_book_whose_paragraphs_are_all_headings_is_read(book):
    body = "<h1>Chapter 1</h1>" + "".join(f"<h3>{'Words. ' * 30}{n}</h3>" for n in range(4))
    ((title, paragraphs),) = chapters(write_epub(book, {"a.xhtml": page(body)}))
    assert title == "Chapter 1"
    assert len(paragraphs) == 4


def test_a_title_may_be_a_thousand_characters_or_dots(book):
    long_title = "x" * 1000
    write_epub(book, {"a.xhtml": chapter("...", "One.")}, title=long_title)
    novel = read(book)
    assert (novel.title, novel.chapters[0].title) == (long_title, "...")


# What is wrong but can be mended


def test_named_entities_of_html_are_read_without_a_dtd(book):
    write_epub(book, {"a.xhtml": chapter("I", "A&nbsp;b &mdash; c &amp; d")})
    assert chapters(book) == [("I", ["A b — c & d"])]


def test_tag_soup_is_read_as_a_browser_would_and_loses_no_text(book):
    soup = (
        '<html><head><title/><script src="x"/></head><body><h1>I</h1><p>One<p>Two <i>three</p>'
        '<br><a id="x"/>four<textarea/><p>'
    )
    novel = read(write_epub(book, {"a.xhtml": soup}))
    assert " ".join(novel.chapters[0].paragraphs) == "One Two three four"
    assert any("not well-formed" in warning for warning in novel.warnings)


@pytest.mark.parametrize(
    "reference",
    ["&#xD800;", "&#0;", "&#x110000;", "&#xD800", "&#99999999999999999999;", "&#xFFFF;"],
)
@pytest.mark.parametrize("end", ["</p>", "<p>"])  # well-formed or not
def test_a_reference_to_no_character_is_marked(book, reference, end):
    write_epub(book, {"a.xhtml": page(f"<h1>I</h1><p>a {reference} b&#233;{end}")})
    assert chapters(book)[0][1][0] == "a \ufffd bé"


def test_names_that_differ_in_case_or_composition_are_found(book):
    documents = {"Chu\u031bo\u031bng.xhtml": chapter("I", "One.")}
    write_epub(book, documents, spine=["ch\u01b0\u01a1ng.XHTML"])
    assert chapters(book) == [("I", ["One."])]


def test_a_document_in_the_spine_twice_is_read_once_with_a_warning(book):
    novel = read(write_epub(book, TWO, spine=["a.xhtml", "b.xhtml", "a.xhtml"]))
    assert len(novel.chapters) == 2
    assert any("twice" in warning for warning in novel.warnings)


def test_a_book_with_no_contents_at_all_is_read(book):
    assert len(read(write_epub(book, TWO)).chapters) == 2


def test_an_older_contents_file_gives_the_titles(book):
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>The '
        'Well</text></navLabel><content src="a.xhtml"/></navPoint></navMap></ncx>'
    )
    item = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    documents = {"a.xhtml": page("<p>One.</p>")}
    write_epub(book, documents, manifest=item, others={"OEBPS/toc.ncx": ncx})
    assert chapters(book) == [("The Well", ["One."])]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "windows-1252"])
def test_documents_of_one_book_may_be_in_different_encodings(book, encoding):
    name = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    other = f'<?xml version="1.0" encoding="{name}"?><html><body><p>caf\u00e9 \u201cyes\u201d</p></body></html>'
    write_epub(book, {"a.xhtml": chapter("I", "đường"), "b.xhtml": other.encode(encoding)})
    assert [paragraphs for _, paragraphs in chapters(book)] == [["đường"], ["café “yes”"]]
