"""The catalog: which novels there are, what changed, and that one bad source hides no other."""

import os
import sqlite3
from contextlib import closing

import pytest

from novel_audio_pipeline.errors import NotFoundError, SettingError, SourceError, StorageError
from novel_audio_pipeline.novels import catalog as catalog_module
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline_tests.novels.epub_files import chapter, write_epub
from novel_audio_pipeline_tests.novels.test_reader_database import NOVEL, OLD_SCHEMA, fill

ENGLISH = "Chapter 1\n\nThe rain fell all night on the old house by the sea.\n\n“No!”\n"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "novels"
    path.mkdir()
    return path


@pytest.fixture
def catalog(folder):
    return NovelCatalog(folder, speech=SpeechSettings())


def write(folder, name, text=ENGLISH):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def write_database(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(OLD_SCHEMA)
        fill(connection)
    return path


def write_two_novels(path):
    write_database(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in (
            "INSERT INTO novels (id, title) VALUES ('second', 'The second')",
            "INSERT INTO chapters (id, novel_id, chapter_number, title) VALUES ('c', 'second', 1, '')",
            "INSERT INTO paragraphs (novel_id, chapter_id, paragraph_number, text)"
            " VALUES ('second', 'c', 1, 'It was a bright cold day in April.')",
        ):
            connection.execute(statement)


def ids(catalog):
    return [novel.novel_id for novel in catalog.survey().novels]


def problems(catalog):
    return [
        (problem.code, os.path.basename(problem.source)) for problem in catalog.survey().problems
    ]


def test_sources_are_found_by_their_endings_and_the_rest_is_left_alone(folder, catalog):
    write(folder, "Giếng cổ.TXT")
    write_epub(folder / "fox.epub", {"a.xhtml": chapter("I", "One.")})
    write_database(folder / "app.db")
    for name in (".hidden.txt", "README.md", "readme.txt", "fox.toml", "app.db-wal", "app.db-shm"):
        write(folder, name, "")
    write(folder / "..", "outside.txt")
    (folder / "sub").mkdir()
    write(folder / "sub", "deep.txt")
    assert sorted(ids(catalog)) == sorted(["gieng-co", NOVEL, "fox"])
    assert problems(catalog) == []


def test_another_file_is_a_problem_and_not_a_novel(folder, catalog):
    write(folder, "scan.pdf")
    assert problems(catalog) == [("not_a_novel", "scan.pdf")]


def test_one_bad_source_hides_no_other(folder, catalog):
    write(folder, "good.txt")
    write(folder, "bad.epub", "not a zip")
    write(folder, "other.db", "not a database")
    write(folder, "odd.txt")
    write(folder, "odd.toml", "colour = 1")
    (folder / "gone.epub").symlink_to(folder / "nowhere.epub")
    assert ids(catalog) == ["good"]
    assert sorted(problems(catalog)) == [
        ("not_a_reader_database", "other.db"),
        ("not_an_epub", "bad.epub"),
        ("unreadable", "gone.epub"),
        ("wrong_novel_settings", "odd.toml"),
    ]


def test_settings_beside_a_file_are_applied(folder, catalog):
    write(folder, "well.txt")
    write(
        folder, "well.toml", 'id = "old-well"\ntitle = "The Well"\nlanguage = "vi"\nspeed = 2.0\n'
    )
    novel = catalog.novel("old-well")
    assert (novel.title, novel.language) == ("The Well", "vi")
    (script,) = catalog.scripts("old-well")
    assert (script.novel_title, script.paragraphs[0].pieces[0].speed) == ("The Well", 2.0)


def test_a_new_id_in_the_settings_is_seen_at_once(folder, catalog):
    write(folder, "well.txt")
    assert catalog.novel("well")
    write(folder, "well.toml", 'id = "old-well"\n')
    assert catalog.novel("old-well")
    with pytest.raises(NotFoundError):
        catalog.novel("well")


def test_takes_in_the_settings_are_spoken(folder, catalog):
    write(folder, "well.txt")
    key = catalog.script(ChapterKey("well", 1)).paragraphs[1].content_key
    write(folder, "well.toml", f"[takes]\n{key} = 4\n")
    assert catalog.script(ChapterKey("well", 1)).paragraphs[1].pieces[0].take == 4


def test_the_scripts_of_a_novel_are_of_one_reading_of_its_source(folder, catalog):
    write(folder, "well.txt")
    scripts = catalog.scripts("well")
    before = list(scripts)
    write(folder, "well.txt", ENGLISH.replace(".", "!"))
    assert list(scripts) == before == [scripts[0], *scripts[1:]]
    assert catalog.scripts("well")[0] != before[0]
    assert [script.key for script in before] == list(scripts.keys)


def test_settings_of_a_novel_in_a_database_have_its_id_as_their_name(folder, catalog):
    write_database(folder / "app.db")
    write(folder, f"{NOVEL}.toml", 'title = "Other"\n')
    assert catalog.novel(NOVEL).title == "Other"


def test_a_novel_of_a_database_keeps_its_id_and_a_mistake_is_a_problem_of_its_own(folder, catalog):
    write_database(folder / "app.db")
    write(folder, f"{NOVEL}.toml", 'id = "other"\n')
    assert problems(catalog) == [("wrong_novel_settings", f"{NOVEL}.toml")]
    with pytest.raises(SourceError, match="keeps the database's id"):
        catalog.novel(NOVEL)


def test_a_reader_database_elsewhere_is_a_source_too_and_counts_once(folder, tmp_path):
    elsewhere = write_database(tmp_path / "elsewhere.db")
    assert ids(NovelCatalog(folder, reader_database=elsewhere, speech=SpeechSettings())) == [NOVEL]
    inside = write_database(folder / "app.db")
    both = NovelCatalog(folder, reader_database=inside, speech=SpeechSettings())
    assert ids(both) == [NOVEL]


def test_of_two_sources_with_one_id_neither_is_narrated_and_both_are_named(folder, catalog):
    first, second = write(folder, "Số đỏ.txt"), write(folder, "so-do.txt")
    write(folder, "well.txt")
    assert ids(catalog) == ["well"]
    assert sorted(problems(catalog)) == [
        ("duplicate_novel_id", "Số đỏ.txt"),
        ("duplicate_novel_id", "so-do.txt"),
    ]
    for path, other in ((first, second), (second, first)):
        with pytest.raises(SourceError) as caught:
            list(catalog.novels_in(path))
        assert caught.value.code == "duplicate_novel_id"
        assert str(other) in str(caught.value)
    with pytest.raises(SourceError, match="so-do"):
        catalog.novel("so-do")


def test_an_unknown_novel_chapter_or_source_says_what_there_is(folder, catalog):
    write(folder, "well.txt")
    with pytest.raises(NotFoundError, match="there are: well"):
        catalog.novel("wall")
    with pytest.raises(NotFoundError, match="1 to 1"):
        catalog.script(ChapterKey("well", 2))
    with pytest.raises(NotFoundError, match="no source"):
        list(catalog.novels_in(folder / "wall.txt"))


def test_a_folder_that_does_not_exist_is_an_error_and_not_an_empty_library(tmp_path):
    catalog = NovelCatalog(tmp_path / "none", speech=SpeechSettings())
    for look in (catalog.fingerprints, catalog.survey, catalog.index):
        with pytest.raises(SettingError, match="NOVEL_AUDIO_NOVELS_DIR"):
            look()


def test_a_reader_database_that_does_not_exist_is_an_error(folder, tmp_path):
    catalog = NovelCatalog(folder, reader_database=tmp_path / "no.db", speech=SpeechSettings())
    with pytest.raises(SettingError, match="NOVEL_AUDIO_READER_DATABASE"):
        catalog.fingerprints()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="run as an ordinary user to be refused"
)
def test_a_folder_that_cannot_be_read_is_an_error(folder, catalog):
    folder.chmod(0)
    try:
        with pytest.raises(StorageError, match="rights"):
            catalog.fingerprints()
    finally:
        folder.chmod(0o755)


def touch(path):
    """Change the modification time by a second, as an edit would."""
    facts = path.stat()
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1_000_000_000))


def test_a_fingerprint_changes_with_the_source_and_its_settings_and_nothing_else(folder, catalog):
    path = str(write(folder, "well.txt"))
    settings = folder / "well.toml"
    before = catalog.fingerprints()
    assert catalog.fingerprints() == before
    write(folder, "other.txt")
    assert catalog.fingerprints()[path] == before[path]
    settings.write_text("", encoding="utf-8")
    with_settings = catalog.fingerprints()[path]
    assert with_settings != before[path]
    assert with_settings.digest != before[path].digest
    touch(settings)
    assert catalog.fingerprints()[path].digest != with_settings.digest


def test_a_fingerprint_of_a_database_changes_with_its_log_and_its_novels_settings(folder, catalog):
    path = write_database(folder / "app.db")
    digests = {catalog.fingerprints()[str(path)].digest}
    (folder / "app.db-wal").write_bytes(b"x")
    digests.add(catalog.fingerprints()[str(path)].digest)
    write(folder, f"{NOVEL}.toml", "")
    digests.add(catalog.fingerprints()[str(path)].digest)
    assert len(digests) == 3


def test_a_change_is_seen_and_what_did_not_change_is_not_read_again(folder, catalog, monkeypatch):
    reads = []

    def counted(path, *, novel_id):
        reads.append(path.name)
        return original(path, novel_id=novel_id)

    original = catalog_module.read_plain_text
    monkeypatch.setattr(catalog_module, "read_plain_text", counted)
    path = write(folder, "well.txt")
    write(folder, "other.txt")
    first = catalog.novel("well")
    assert catalog.novel("well") is first
    assert catalog.script(ChapterKey("well", 1)).paragraphs
    assert reads == ["well.txt"]  # and the other one is not read to find it
    path.write_text(ENGLISH + "\nMore.\n", encoding="utf-8")
    touch(path)
    assert len(catalog.novel("well").chapters[0].paragraphs) == 3
    assert reads == ["well.txt", "well.txt"]


def test_of_a_database_one_novel_is_read_at_a_time(folder, catalog, monkeypatch):
    write_two_novels(folder / "app.db")
    reads = []

    def counted(path, *, novel_id):
        reads.append(novel_id)
        return original(path, novel_id=novel_id)

    original = catalog_module.read_reader_database
    monkeypatch.setattr(catalog_module, "read_reader_database", counted)
    assert catalog.novel(NOVEL).chapters
    assert reads == [NOVEL]
    assert sorted(ids(catalog)) == sorted([NOVEL, "second"])
    assert sorted(reads) == sorted([NOVEL, "second"])
    assert [n.novel_id for n in catalog.novels_in(folder / "app.db")] == sorted([NOVEL, "second"])


def test_only_a_few_novels_are_kept_in_memory(folder, catalog, monkeypatch):
    monkeypatch.setattr(catalog_module, "CACHED_NOVELS", 2)
    for name in "abcd":
        write(folder, f"{name}.txt")
    first = catalog.novel("a")
    assert len(list(catalog.each())) == 4
    assert catalog.novel("a") == first
    assert catalog.novel("a") is not first


def test_the_digest_of_a_script_does_not_change_when_the_file_is_renamed(folder, catalog):
    path = write(folder, "well.txt")
    before = catalog.script(ChapterKey("well", 1)).digest
    path.rename(folder / "new.txt")
    write(folder, "new.toml", 'id = "well"\n')
    assert catalog.script(ChapterKey("well", 1)).digest == before
