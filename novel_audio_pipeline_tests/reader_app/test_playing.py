"""The app plays a narrated library: two real novels of its database, while it goes on writing."""

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.library.library import open_library
from novel_audio_pipeline.narration.narrate import NarrationSettings, narrate
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.reader_app.check import check_published
from novel_audio_pipeline.reader_app.outcome import PublishedChapter
from novel_audio_pipeline.reader_app.place import ReaderPlace
from novel_audio_pipeline.reader_app.publish import Publisher
from novel_audio_pipeline.reader_app.undo import undo
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline_tests.reader_app.reading_app import ReadingApp, served_app
from novel_audio_pipeline_tests.tts_backend.serving import served

SO_DO, OZ = "dd16d686-d98e-41f9-876f-78bee459a6cf", "e7434057-3190-4506-b7e8-de5307ded20e"
CHAPTERS = (ChapterKey(SO_DO, 1), ChapterKey(OZ, 1), ChapterKey(OZ, 2))
PARAGRAPHS = {CHAPTERS[0]: 142, CHAPTERS[1]: 20, CHAPTERS[2]: 59}
ORNAMENT = 140  # of the first chapter: nothing to speak


@dataclass
class Installation:
    """The app's folder with database and storage, and our library beside it."""

    root: Path
    app: ReadingApp

    @property
    def place(self) -> ReaderPlace:
        return ReaderPlace(
            self.app.database, self.app.storage, self.root / "library", self.root / "backups"
        )

    def publish(self) -> list[PublishedChapter]:
        with self.place.opened(writable=True) as place:
            return list(Publisher(place, now=lambda: datetime.now(UTC)).publish(CHAPTERS))

    def check(self) -> list[Finding]:
        with self.place.opened(writable=False) as place:
            return list(check_published(place))


@pytest.fixture(scope="module")
def narrated(corpus, tmp_path_factory) -> Path:
    """Narrate three chapters of the corpus database into a library, with tones for speech."""
    root = tmp_path_factory.mktemp("narrated")
    (root / "novels").mkdir()
    shutil.copyfile(corpus / "upstream_novels.db", root / "novels" / "novels.db")
    catalog = NovelCatalog(root / "novels", speech=SpeechSettings(model="tone"))
    with served(root) as backend:
        settings = NarrationSettings(
            backend.url, "", timedelta(0), timedelta(hours=2), concurrency=8, evict="proven"
        )
        happenings = narrate(
            CHAPTERS,
            settings=settings,
            library=open_library(root / "library"),
            scripts=catalog.scripts,
            now=lambda: datetime.now(UTC),
        )
        outcomes = [one for one in happenings if isinstance(one, ChapterOutcome)]
    assert [outcome.state for outcome in outcomes] == ["complete"] * 3
    return root


@pytest.fixture
def installation(narrated, tmp_path) -> Iterator[Installation]:
    shutil.copytree(narrated / "library", tmp_path / "library")  # with its dates, as by cp -a
    storage = tmp_path / "novel-app" / "storage"
    (storage / "audio").mkdir(parents=True)
    database = tmp_path / "novel-app" / "novels.db"
    shutil.copyfile(narrated / "novels" / "novels.db", database)
    with served_app(database, storage) as app:
        yield Installation(tmp_path, app)


@contextlib.contextmanager
def hammered(database: Path, counts: dict[str, int]) -> Iterator[None]:
    """Let another process write to the database for as long as the block lasts."""
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("hammer.py"), database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        try:
            yield
        finally:
            told, _ = process.communicate()
    counts.update(json.loads(told))


def everything_plays(installation: Installation) -> None:
    """Play every chapter as the app does, and compare what is heard with the library."""
    app = installation.app
    for key, paragraphs in PARAGRAPHS.items():
        listed = app.chapter(key.novel_id, key.number)
        assert listed["totalParagraphs"] == paragraphs
        silent = {ORNAMENT} if key == CHAPTERS[0] else set()
        played = {file["paragraphNumber"] for file in listed["audioFiles"]}
        assert played == set(range(1, paragraphs + 1)) - silent
        assert app.is_complete(key.novel_id, key.number)
        (folder,) = (installation.root / "library").glob(
            f"{key.novel_id}*/chapter_{key.number:03d}*"
        )
        for file in listed["audioFiles"]:
            number = file["paragraphNumber"]
            (record,) = folder.glob(f"paragraph_{number:03d}/*_metadata.json")
            fields = json.loads(record.read_text(encoding="utf-8"))
            (row,) = app.query("SELECT text FROM paragraphs WHERE id = ?", file["paragraphId"])
            assert fields["subtitle"] == row["text"]
            whole = app.fetch(file["audioURL"])
            assert (whole.status_code, whole.headers["content-type"]) == (206, "audio/wav")
            assert hashlib.sha256(whole.content).hexdigest() == fields["sha256"]
            if number % 10 == 1:  # a player that goes on from somewhere
                assert app.fetch(file["audioURL"], start=44).content == whole.content[44:]


def test_the_app_plays_what_was_published_while_it_went_on_writing(installation):
    app = installation.app
    assert not app.is_complete(OZ, 2)
    counts: dict[str, int] = {}
    with hammered(app.database, counts):
        done = installation.publish()
    assert [one.state for one in done] == ["published"] * 3
    assert [one.findings for one in done] == [()] * 3
    assert counts["refused"] == 0
    assert counts["made"] > 5
    assert (
        len(app.query("SELECT 1 FROM generation_progress WHERE status = 'hammer'"))
        == counts["made"]
    )
    everything_plays(installation)
    assert installation.check() == []


def test_publishing_twice_while_the_app_writes_changes_none_of_our_rows(installation):
    installation.publish()
    before = installation.app.table("audio_cache")
    counts: dict[str, int] = {}
    with hammered(installation.app.database, counts):
        again = installation.publish()
    assert not any(one.changed for one in again)
    assert installation.app.table("audio_cache") == before


def test_undoing_restores_the_database_row_by_row(installation):
    app = installation.app
    before = app.tables()
    assert len(before["audio_cache"]) == 6
    installation.publish()
    assert len(app.table("audio_cache")) == sum(PARAGRAPHS.values()) - 1
    with installation.place.opened(writable=True) as place:
        undone = list(undo(place, None))
    assert sum(one.restored for one in undone) == 6
    assert app.tables() == before
    assert list((app.storage / "audio").iterdir()) == []


def test_rows_and_links_have_the_form_that_the_app_reads(installation):
    installation.publish()
    app = installation.app
    rows = app.query(
        "SELECT * FROM audio_cache WHERE novel_id = ? ORDER BY paragraph_number", SO_DO
    )
    assert [row["paragraph_number"] for row in rows] == [
        number for number in range(1, 143) if number != ORNAMENT
    ]
    for row in rows:
        assert row["speaker_id"] == "05"
        assert row["expires_at"] == "9999-12-31T23:59:59.000Z"
        assert row["created_at"].endswith("Z")
        path = Path(row["local_audio_path"])
        assert path.is_absolute()
        assert path.stat().st_size == row["audio_file_size"]
        assert row["audio_duration"] > 0
        chapter = app.query("SELECT * FROM paragraphs WHERE id = ?", row["paragraph_id"])[0]
        assert (chapter["chapter_id"], chapter["paragraph_number"]) == (
            row["chapter_id"],
            row["paragraph_number"],
        )
    link = app.storage / "audio" / SO_DO / "chapter_001"
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve().is_relative_to(installation.root / "library")
