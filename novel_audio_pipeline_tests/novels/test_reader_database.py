"""The database of a reader app: any age, at work or at rest, never written to."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.reader_database import novel_ids_in, read_reader_database

NOVEL = "dd16d686-d98e-41f9-876f-78bee459a6cf"
OLD_SCHEMA = """
CREATE TABLE novels (id TEXT PRIMARY KEY, title TEXT NOT NULL, metadata TEXT);
CREATE TABLE chapters (id TEXT PRIMARY KEY, novel_id TEXT, chapter_number INTEGER, title TEXT);
CREATE TABLE paragraphs (id TEXT PRIMARY KEY, novel_id TEXT, chapter_id TEXT,
  chapter_number INTEGER, paragraph_number INTEGER, text TEXT);
"""
NEW_COLUMNS = """
ALTER TABLE novels ADD total_paragraphs INTEGER;
ALTER TABLE paragraphs ADD role TEXT; ALTER TABLE paragraphs ADD voice_id TEXT;
"""


@pytest.fixture
def database(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    path = folder / "novels.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(OLD_SCHEMA)
        fill(connection)
    return path


def fill(connection):
    connection.execute(
        "INSERT INTO novels (id, title, metadata) VALUES (?, 'Cái Giếng', '{\"author\": \"Lan\"}')",
        (NOVEL,),
    )
    for number, title in ((1, "Chương 1"), (3, "Chương 3")):
        connection.execute(
            "INSERT INTO chapters VALUES (?, ?, ?, ?)", (f"c{number}", NOVEL, number, title)
        )
    rows = [
        ("c1", 2, "  – Ừ.\n"),
        ("c1", 1, "Trời mưa to quá,\nđường về nhà xa lắm."),
        ("c1", 3, ""),
        ("c3", 1, "Hết."),
    ]
    for at, (chapter, number, text) in enumerate(rows):
        connection.execute(
            "INSERT INTO paragraphs (id, novel_id, chapter_id, paragraph_number, text) VALUES (?, ?, ?, ?, ?)",
            (f"p{at}", NOVEL, chapter, number, text),
        )


def files(path):
    return sorted(file.name for file in path.parent.iterdir())


def refusal(path):
    with pytest.raises(SourceError) as caught:
        read_reader_database(path)
    assert str(path) in str(caught.value)
    return caught.value.code


def test_rows_are_read_in_order_and_as_they_are(database):
    (novel,) = read_reader_database(database)
    assert (novel.novel_id, novel.title, novel.author) == (NOVEL, "Cái Giếng", "Lan")
    assert novel.language == "vi"
    first, third = novel.chapters
    assert (first.number, third.number) == (1, 3)
    assert first.paragraphs == ("Trời mưa to quá,\nđường về nhà xa lắm.", "  – Ừ.\n", "")


def test_a_newer_version_of_the_app_is_read_too(database):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(NEW_COLUMNS)
    assert len(read_reader_database(database)) == 1


def test_the_ids_are_known_without_reading_the_text(database):
    assert novel_ids_in(database) == [NOVEL]


def test_a_chapter_without_paragraphs_is_listed_and_the_others_keep_their_numbers(database):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO chapters VALUES ('c2', ?, 2, 'Rỗng')", (NOVEL,))
    (novel,) = read_reader_database(database)
    assert [chapter.number for chapter in novel.chapters] == [1, 3]
    assert [(unit.role, unit.title) for unit in novel.omitted] == [("no-text", "Rỗng")]


def test_reading_a_database_at_rest_leaves_nothing_beside_it(database):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    before, data = files(database), database.read_bytes()
    read_reader_database(database)
    assert files(database) == before == ["novels.db"]
    assert database.read_bytes() == data


def test_what_the_app_has_just_written_is_read_while_it_is_at_work(database):
    with closing(sqlite3.connect(database)) as app:
        app.execute("PRAGMA journal_mode = WAL")
        app.execute("PRAGMA wal_autocheckpoint = 0")
        app.execute("UPDATE paragraphs SET text = 'Mới.' WHERE id = 'p3'")
        app.commit()
        app.execute("UPDATE paragraphs SET text = 'Chưa xong.' WHERE id = 'p3'")
        (novel,) = read_reader_database(database)
        app.rollback()
    assert novel.chapter(3).paragraphs == ("Mới.",)


def test_a_log_that_a_crash_left_is_read_and_stays(database, tmp_path):
    copy = tmp_path / "copy" / "novels.db"
    copy.parent.mkdir()
    with closing(sqlite3.connect(database)) as app:
        app.execute("PRAGMA journal_mode = WAL")
        app.execute("UPDATE paragraphs SET text = 'Mới.' WHERE id = 'p3'")
        app.commit()
        for ending in ("", "-wal"):
            shutil.copyfile(f"{database}{ending}", f"{copy}{ending}")
    before = {file.name: file.read_bytes() for file in copy.parent.iterdir()}
    (novel,) = read_reader_database(copy)
    assert novel.chapter(3).paragraphs == ("Mới.",)
    assert {file.name: file.read_bytes() for file in copy.parent.iterdir()} == before


def test_an_id_that_is_no_fit_name_becomes_one(database):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE novels SET id = '../Số đỏ'")
    assert novel_ids_in(database) == ["so-do"]


def test_metadata_that_is_wrong_is_no_obstacle(database):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE novels SET metadata = '[broken'")
    assert read_reader_database(database)[0].author == ""


def test_a_database_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE novels (id TEXT, title TEXT)")
    assert refusal(path) == "not_a_reader_database"


@pytest.mark.parametrize("data", [b"", b"not a database at all", b"PK\x03\x04"])
def test_a_file_that_is_no_database_is_refused(tmp_path, data):
    path = tmp_path / "other.db"
    path.write_bytes(data)
    assert refusal(path) == "not_a_reader_database"


def test_a_damaged_database_is_refused(database):
    data = bytearray(database.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    database.write_bytes(bytes(data))
    assert refusal(database) == "damaged_database"


def test_a_missing_database_is_unreadable(tmp_path):
    assert refusal(tmp_path / "none.db") == "unreadable"
