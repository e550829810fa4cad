"""A small app and a small library side by side, made in a moment, for tests of publishing."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.reader_app.check import check_published
from novel_audio_pipeline.reader_app.database import Patience
from novel_audio_pipeline.reader_app.library_side import chapter_numbers
from novel_audio_pipeline.reader_app.outcome import PublishedChapter
from novel_audio_pipeline.reader_app.place import ReaderPlace
from novel_audio_pipeline.reader_app.publish import Publisher
from novel_audio_pipeline.reader_app.static_folder import Symlink
from novel_audio_pipeline.reader_app.undo import UndoneNovel, undo
from novel_audio_pipeline_tests.library.making import MiniNarration, MiniScript
from novel_audio_pipeline_tests.reader_app.reading_app import ReadingApp

NOVEL = "dd16d686-d98e-41f9-876f-78bee459a6cf"
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
WAS = "2025-11-20T03:14:15.926Z"

SCHEMA = """
CREATE TABLE novels (id TEXT PRIMARY KEY, title TEXT NOT NULL);
CREATE TABLE chapters (id TEXT PRIMARY KEY, novel_id TEXT NOT NULL, chapter_number INTEGER,
  title TEXT, FOREIGN KEY (novel_id) REFERENCES novels(id) ON DELETE CASCADE);
CREATE TABLE paragraphs (id TEXT PRIMARY KEY, novel_id TEXT NOT NULL, chapter_id TEXT NOT NULL,
  chapter_number INTEGER, paragraph_number INTEGER, text TEXT NOT NULL,
  FOREIGN KEY (chapter_id) REFERENCES chapters(id) ON DELETE CASCADE);
CREATE TABLE audio_cache (id TEXT PRIMARY KEY, novel_id TEXT NOT NULL, chapter_id TEXT,
  chapter_number INTEGER, paragraph_id TEXT, paragraph_number INTEGER, tts_file_id TEXT NOT NULL,
  speaker_id TEXT, model TEXT, local_audio_path TEXT, audio_duration REAL, audio_file_size INTEGER,
  expires_at TEXT, created_at TEXT NOT NULL,
  FOREIGN KEY (novel_id) REFERENCES novels(id) ON DELETE CASCADE,
  FOREIGN KEY (paragraph_id) REFERENCES paragraphs(id) ON DELETE CASCADE);
CREATE TABLE generation_progress (id TEXT PRIMARY KEY, novel_id TEXT NOT NULL, chapter_id TEXT,
  chapter_number INTEGER, paragraph_id TEXT, paragraph_number INTEGER, status TEXT NOT NULL,
  speaker_id TEXT, model TEXT, progress_percent REAL, started_at TEXT, completed_at TEXT,
  error_message TEXT, retry_count INTEGER DEFAULT 0, created_at TEXT NOT NULL, updated_at TEXT);
"""
OLDER = """
ALTER TABLE audio_cache DROP COLUMN audio_duration;
ALTER TABLE audio_cache DROP COLUMN audio_file_size;
ALTER TABLE audio_cache DROP COLUMN model;
DROP TABLE generation_progress;
"""


@dataclass
class House:
    """An app with its storage and database, and a library."""

    root: Path
    symlink: Symlink | None = None
    patience: Patience | None = None

    @property
    def database(self) -> Path:
        return self.root / "app" / "novels.db"

    @property
    def storage(self) -> Path:
        return self.root / "app" / "storage"

    @property
    def app(self) -> ReadingApp:
        return ReadingApp(self.database, self.storage)

    @property
    def library(self) -> AudioLibrary:
        return open_library(self.root / "library")

    @property
    def place(self) -> ReaderPlace:
        return ReaderPlace(
            database=self.database,
            static_root=self.storage,
            library_dir=self.root / "library",
            backup_dir=self.root / "backups",
            patience=self.patience,
            symlink=self.symlink,
        )

    def link(self, number: int = 1) -> Path:
        return self.storage / "audio" / NOVEL / f"chapter_{number:03d}"

    def wav(self, number: int, chapter: int = 1) -> Path:
        return self.link(chapter) / f"paragraph_{number:03d}" / f"paragraph_{number:03d}.wav"

    def execute(self, text: str, *values: object) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(text, values)

    def script(self, *chapters: Sequence[str], title: str = "Số Đỏ") -> None:
        """Write the chapters' texts into the app: each a list of paragraphs."""
        for number, texts in enumerate(chapters, start=1):
            chapter = f"c{number}"
            self.execute(
                "INSERT OR IGNORE INTO chapters VALUES (?, ?, ?, ?)", chapter, NOVEL, number, "Một"
            )
            for n, text in enumerate(texts, start=1):
                self.execute(
                    "INSERT INTO paragraphs VALUES (?, ?, ?, ?, ?, ?)",
                    f"{chapter}p{n}",
                    NOVEL,
                    chapter,
                    number,
                    n,
                    text,
                )

    def narrate(self, *chapters: Sequence[str], title: str = "Số Đỏ") -> None:
        """Fill the library with these chapters; ``-`` is skipped."""
        scripts = [
            MiniScript(texts, number=n, novel_id=NOVEL, novel_title=title)
            for n, texts in enumerate(chapters, start=1)
        ]
        MiniNarration(self.library).narrate(scripts)

    def old_row(self, number: int, *, row_id: str, created_at: str = WAS) -> None:
        """Let the app have a row of its own, with the two hours long past."""
        self.execute(
            "INSERT INTO audio_cache (id, novel_id, chapter_id, chapter_number, paragraph_id, "
            "paragraph_number, tts_file_id, speaker_id, local_audio_path, expires_at, created_at) "
            "VALUES (?, ?, 'c1', 1, ?, ?, 'file_1', '05', '/srv/x.wav', ?, ?)",
            row_id,
            NOVEL,
            f"c1p{number}",
            number,
            WAS,
            created_at,
        )

    def publish(
        self, *, dry_run: bool = False, now: datetime = NOW, numbers: Sequence[int] = ()
    ) -> list[PublishedChapter]:
        numbers = numbers or chapter_numbers(self.library, NOVEL)
        with self.place.opened(writable=not dry_run) as place:
            publisher = Publisher(place, now=lambda: now, dry_run=dry_run)
            return list(publisher.publish(ChapterKey(NOVEL, n) for n in numbers))

    def undo(self) -> list[UndoneNovel]:
        with self.place.opened(writable=True) as place:
            return list(undo(place, None))

    def check(self) -> list[Finding]:
        with self.place.opened(writable=False) as place:
            return list(check_published(place))

    def codes(self) -> list[str]:
        return [finding.code for finding in self.check()]

    def backups(self) -> list[Path]:
        folder = self.root / "backups"
        return sorted(folder.iterdir()) if folder.is_dir() else []


def new_house(root: Path, *, older: bool = False) -> House:
    """Return an app that has one novel without chapters, and an empty library."""
    house = House(root)
    house.storage.mkdir(parents=True)
    with closing(sqlite3.connect(house.database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        if older:
            connection.executescript(OLDER)
        connection.execute("INSERT INTO novels VALUES (?, 'Số Đỏ')", (NOVEL,))
        connection.commit()
    return house


def later(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)
