"""The app's database: locked, of another schema, of another app, read-only, damaged."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from novel_audio_pipeline.cli.exit_status import ExitStatus, status_of
from novel_audio_pipeline.errors import NovelAudioError, SourceError, StorageError
from novel_audio_pipeline.reader_app.database import Patience, opened
from novel_audio_pipeline.reader_app.sqlite_errors import ReaderDatabaseBusyError
from novel_audio_pipeline_tests.reader_app.houses import new_house

TEXTS = ["Một.", "Hai."]


@pytest.fixture
def filled(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    return house


@pytest.fixture
def locked(filled):
    filled.patience = Patience(timedelta(milliseconds=5), timedelta(milliseconds=60))
    with closing(sqlite3.connect(filled.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield filled, other


def test_a_database_that_stays_locked_ends_it_within_bounds_and_nothing_is_changed(locked):
    house, other = locked
    before = house.app.tables()
    with pytest.raises(ReaderDatabaseBusyError, match="stayed locked") as raised:
        house.publish()
    assert status_of(raised.value) is ExitStatus.UNAVAILABLE
    other.execute("ROLLBACK")
    assert house.app.tables() == before
    (done,) = house.publish()
    assert done.state == "published"


def test_a_lock_that_passes_is_waited_for(locked):
    house, other = locked
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            other.execute("ROLLBACK")

    house.patience = Patience(timedelta(milliseconds=5), timedelta(seconds=30), sleep)
    (done,) = house.publish()
    assert (done.state, len(waits)) == ("published", 2)


def test_publishing_again_what_stands_needs_no_write_lock(filled):
    filled.publish()
    with closing(sqlite3.connect(filled.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        filled.patience = Patience(timedelta(milliseconds=5), timedelta(milliseconds=20))
        (done,) = filled.publish()
    assert not done.changed


def raised_by(house) -> NovelAudioError:
    with pytest.raises(NovelAudioError) as raised:
        house.publish()
    assert str(house.database) in str(raised.value)
    return raised.value


def test_a_database_of_another_app_is_refused(filled):
    filled.database.unlink()
    with closing(sqlite3.connect(filled.database)) as other:
        other.execute("CREATE TABLE novels (id TEXT, title TEXT)")
    before = filled.database.read_bytes()
    error = raised_by(filled)
    assert (error.code, status_of(error)) == ("not_a_reader_database", ExitStatus.USAGE)
    assert filled.database.read_bytes() == before


def test_a_database_from_before_local_audio_names_the_migration(filled):
    filled.execute("ALTER TABLE audio_cache DROP COLUMN local_audio_path")
    error = raised_by(filled)
    assert error.code == "older_reader_database"
    assert "migrate_database" in str(error)


def test_a_file_that_is_no_database_is_refused(filled):
    for path in filled.database.parent.glob("novels.db*"):
        path.unlink()
    filled.database.write_bytes(b"no database at all" * 100)
    assert raised_by(filled).code == "damaged_database"


def test_a_database_that_is_not_there_is_not_made(filled):
    for path in filled.database.parent.glob("novels.db*"):
        path.unlink()
    assert isinstance(raised_by(filled), StorageError)
    assert not filled.database.exists()


def test_a_database_that_may_only_be_read_is_told_so(filled):
    with (
        opened(filled.database, writable=False) as database,
        pytest.raises(StorageError, match="cannot be written"),
    ):
        database.writing(lambda connection: connection.execute("DELETE FROM novels"))


def test_an_error_in_the_middle_of_a_transaction_leaves_nothing_of_it(filled):
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM paragraphs")
        connection.execute("SELECT nonsense FROM paragraphs")

    before = filled.app.tables()
    with opened(filled.database, writable=True) as database, pytest.raises(SourceError):
        database.writing(half)
    assert filled.app.tables() == before


def test_nobody_can_write_between_what_is_read_and_what_is_written(filled):
    def look(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT count(*) FROM audio_cache").fetchone()
        with (
            closing(sqlite3.connect(filled.database, timeout=0, isolation_level=None)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")

    with opened(filled.database, writable=True) as database:
        database.writing(look)


def test_a_rollback_journal_does_as_well(tmp_path):
    house = new_house(tmp_path)
    house.execute("PRAGMA journal_mode = DELETE")
    house.script(TEXTS)
    house.narrate(TEXTS)
    (done,) = house.publish()
    assert done.state == "published"
    assert house.app.query("PRAGMA journal_mode")[0][0] == "delete"
