"""EPUBs hostile or broken: nothing outside is read, nothing is expanded, what is refused says so."""

import struct
import zipfile

import pytest

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels import epub_container
from novel_audio_pipeline.novels.epub_container import EpubContainer, is_inside, resolve
from novel_audio_pipeline_tests.novels.epub_files import (
    CONTAINER,
    TWO,
    chapter,
    package,
    page,
    read,
    write_epub,
)

OBFUSCATED_FONT = """<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"
 xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>
 <enc:EncryptionMethod Algorithm="{algorithm}"/>
 <enc:CipherData><enc:CipherReference URI="{uri}"/></enc:CipherData>
 </enc:EncryptedData></encryption>"""


@pytest.fixture
def book(tmp_path):
    return tmp_path / "book.epub"


def refusal(path):
    with pytest.raises(SourceError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert caught.value.source == str(path)
    return caught.value.code


@pytest.mark.parametrize(
    "href",
    [
        "../../../secret.txt",
        "/etc/passwd",
        "file:///etc/passwd",
        "http://example.com/a",
        "%2e%2e/%2e%2e/x",
    ],
)
def test_a_link_that_leads_outside_is_left_out_and_warned_of(book, href):
    (book.parent / "secret.txt").write_text("secret", encoding="utf-8")
    novel = read(write_epub(book, TWO, spine=["a.xhtml", href, "b.xhtml"]))
    assert len(novel.chapters) == 2
    assert any("is left out" in warning for warning in novel.warnings)


def test_a_file_in_the_archive_with_a_path_outside_is_never_read(book):
    evil = chapter("Chapter 9", "Evil.")
    write_epub(book, TWO, spine=["a.xhtml", "../../evil.xhtml"], others={"../evil.xhtml": evil})
    assert len(read(book).chapters) == 1


@pytest.mark.parametrize(
    ("base", "href", "name"),
    [
        ("OEBPS/content.opf", "text/a.xhtml#x", "OEBPS/text/a.xhtml"),
        ("OEBPS/content.opf", "../a%20b.xhtml", "a b.xhtml"),
        ("OEBPS/content.opf", "../../a.xhtml", ""),
        ("a.opf", "//host/a", ""),
        ("a.opf", "C:/a", ""),
        ("a.opf", "a\\..\\..\\b", ""),
        ("text/a.xhtml", "#here", "text/a.xhtml"),
        ("a.opf", "http://[", ""),
    ],
)
def test_a_link_is_a_name_in_the_book_or_nothing(base, href, name):
    assert resolve(base, href) == name


@pytest.mark.parametrize("name", ["", "/a", "..", "a/../../b", "..\\a", "c:\\a", "a\0b"])
def test_a_name_that_leads_outside_is_known(name):
    assert not is_inside(name)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x "expanded">',
        '<!ENTITY a "expanded"><!ENTITY x "&a;&a;&a;&a;">',
    ],
)
def test_entities_that_a_document_declares_are_not_expanded(book, declaration):
    text = f"<!DOCTYPE html [{declaration}]><html><body><p>Before &x; after.</p></body></html>"
    novel = read(write_epub(book, {"a.xhtml": text}))
    (paragraph,) = novel.chapters[0].paragraphs
    assert paragraph.startswith("Before")
    assert paragraph.endswith("after.")
    assert "expanded" not in paragraph
    assert "root:" not in paragraph
    assert any("declares entities" in warning for warning in novel.warnings)


def test_entities_in_the_package_document_are_not_expanded(book):
    hostile = '<!DOCTYPE package [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + package(
        ["a.xhtml"], title="A &x; Book"
    ).removeprefix('<?xml version="1.0"?>')
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OEBPS/content.opf", hostile)
        archive.writestr("OEBPS/a.xhtml", chapter("I", "One."))
    assert "root:" not in read(book).title


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(book):
    assert refusal(write_epub(book, {"a.xhtml": page("<p>" + " " * 30_000_000 + "</p>")})) == (
        "epub_too_large"
    )


def test_a_book_whose_documents_are_too_much_together_is_refused(book, monkeypatch):
    monkeypatch.setattr(epub_container, "MAX_READ_BYTES", 3000)
    documents = {f"{n}.xhtml": chapter("I", "words " * 200) for n in range(5)}
    assert refusal(write_epub(book, documents)) == "epub_too_large"


def test_a_book_of_too_many_files_is_refused(book, monkeypatch):
    monkeypatch.setattr(epub_container, "MAX_ENTRIES", 3)
    assert refusal(write_epub(book, TWO)) == "epub_too_large"


def test_a_book_whose_text_is_encrypted_is_refused(book):
    algorithm = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
    encryption = OBFUSCATED_FONT.format(algorithm=algorithm, uri="OEBPS/a.xhtml")
    others = {"META-INF/encryption.xml": encryption}
    assert refusal(write_epub(book, TWO, others=others)) == "encrypted_epub"


@pytest.mark.parametrize(
    "algorithm", ["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"]
)
def test_a_book_with_an_obfuscated_font_is_read(book, algorithm):
    encryption = OBFUSCATED_FONT.format(algorithm=algorithm, uri="OEBPS/font.otf")
    write_epub(book, TWO, others={"META-INF/encryption.xml": encryption, "OEBPS/font.otf": "x"})
    assert len(read(book).chapters) == 2


def test_a_very_deep_document_is_read_or_left_out_but_nothing_crashes(book):
    deep = page("<div>" * 20_000 + "<p>deep</p>" + "</div>" * 20_000)
    novel = read(write_epub(book, {"a.xhtml": chapter("I", "One."), "b.xhtml": deep}))
    assert novel.chapters[0].paragraphs[0] == "One."


def test_the_container_gives_nothing_with_a_path_outside(book):
    write_epub(book, TWO, others={"../evil.xhtml": "x", "/evil.xhtml": "x", "a/../../evil": "x"})
    with EpubContainer(book) as container:
        for name in ("../evil.xhtml", "/evil.xhtml", "a/../../evil"):
            assert name not in container
            with pytest.raises(KeyError):
                container.read(name)


# What is broken


def test_an_archive_cut_off_is_damaged(book):
    write_epub(book, {**TWO, "c.xhtml": chapter("III", "x" * 5000)})
    data = book.read_bytes()
    book.write_bytes(data[: len(data) // 2])
    assert refusal(book) == "damaged_epub"


def test_a_document_with_a_wrong_checksum_is_damage_and_nothing_is_half_imported(book):
    write_epub(book, TWO)
    data = bytearray(book.read_bytes())
    with zipfile.ZipFile(book) as archive:
        info = archive.getinfo("OEBPS/b.xhtml")
    (name_length, extra_length) = struct.unpack_from("<HH", data, info.header_offset + 26)
    data[info.header_offset + 30 + name_length + extra_length + 20] ^= 0xFF
    book.write_bytes(bytes(data))
    assert refusal(book) == "damaged_epub"


def test_an_archive_that_claims_a_version_to_come_is_damaged(book):
    write_epub(book, TWO)
    data = bytearray(book.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 6] = 240
    book.write_bytes(bytes(data))
    assert refusal(book) == "damaged_epub"


@pytest.mark.parametrize("data", [b"", b"PK", b"<html>no</html>", b"%PDF-1.4"])
def test_a_file_that_is_no_archive_is_no_epub(book, data):
    book.write_bytes(data)
    assert refusal(book) == "not_an_epub"


def test_an_archive_without_a_package_is_no_epub(book):
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refusal(book) == "not_an_epub"


def test_a_book_that_lacks_all_its_documents_is_damaged(book):
    assert refusal(write_epub(book, {}, spine=["a.xhtml", "b.xhtml"])) == "damaged_epub"


def test_a_package_without_a_reading_order_is_damaged(book):
    assert refusal(write_epub(book, TWO, spine=[])) == "damaged_epub"


def test_a_missing_file_is_unreadable(book):
    assert refusal(book) == "unreadable"
