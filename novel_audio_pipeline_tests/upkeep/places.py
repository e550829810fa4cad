"""A cache, a library, novels and reports in a temporary folder, for the tests of upkeep."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.upkeep.cache_place import CachePlace
from novel_audio_pipeline.upkeep.cache_upkeep import CacheRound, run_cache_round
from novel_audio_pipeline.upkeep.ledger import DagsterLedger
from novel_audio_pipeline.upkeep.orphan_report import OrphanReport
from novel_audio_pipeline.upkeep.report import make_report
from novel_audio_pipeline_tests.library.making import MiniNarration, MiniScript
from novel_audio_pipeline_tests.tts_cache.entries import make_metadata

TTL = timedelta(hours=2)


@dataclass
class House:
    """Everything upkeep looks at.

    Attributes:
        root: The temporary folder.
        now: When it is looked at: an hour after the files were made, so that all are out of grace.
    """

    root: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(hours=1))
    backend_url: str | None = None
    is_chosen: bool = False
    evict: str = "proven"
    cache_root: Path | None = None

    def __post_init__(self) -> None:
        self.novels_dir.mkdir(exist_ok=True)

    @property
    def novels_dir(self) -> Path:
        return self.root / "novels"

    @property
    def library_dir(self) -> Path:
        return self.root / "library"

    @property
    def reports_dir(self) -> Path:
        return self.root / "reports"

    @property
    def place(self) -> CachePlace:
        return CachePlace(
            root=self.cache_root or self.root / "tts_cache",
            is_chosen=self.is_chosen,
            backend_url=self.backend_url,
            backend_token="",
            ttl=TTL,
            evict=self.evict,
            library_dir=self.library_dir,
            novels_dir=self.novels_dir,
            reports_dir=self.reports_dir,
        )

    @property
    def cache(self) -> CacheFolder:
        folder = CacheFolder(self.place.root)
        folder.prepare()
        return folder

    @property
    def library(self) -> AudioLibrary:
        return open_library(self.library_dir)

    def store(self, file_id: str, wav: bytes = b"RIFF", *, age: timedelta) -> Path:
        """Put an entry of this age into the cache."""
        self.cache.store(wav, make_metadata(file_id, wav=wav, at=self.now - age))
        return self.place.root / f"{file_id}.wav"

    def narrate(self, *scripts: MiniScript) -> Path:
        """File the scripts, and return the folder of the last chapter."""
        MiniNarration(self.library).narrate(scripts)
        held = self.library.chapter_inventory(scripts[-1].novel_id, scripts[-1].number)
        assert held.folder is not None
        return self.library_dir / held.folder

    def write_novel(self, name: str, *chapters: Sequence[str]) -> None:
        """Write a source: each chapter a list of paragraphs."""
        parts = [
            "\n\n".join([f"Chương {number}", *paragraphs])
            for number, paragraphs in enumerate(chapters, start=1)
        ]
        (self.novels_dir / f"{name}.txt").write_text("\n\n".join(parts), encoding="utf-8")
        (self.novels_dir / f"{name}.toml").write_text('language = "vi"\n', encoding="utf-8")

    def round(self) -> CacheRound:
        return run_cache_round(self.place, now=lambda: self.now)

    def report(self, ledger: DagsterLedger | None = None) -> OrphanReport:
        catalog = NovelCatalog(
            self.novels_dir, speech=SpeechSettings(voices={"vi": "vi", "en": "en"})
        )
        return make_report(
            place=self.place,
            catalog=catalog,
            ledger=ledger or DagsterLedger((), {}),
            now=lambda: self.now,
        )

    def found(self, ledger: DagsterLedger | None = None) -> dict[str, list[str]]:
        """Return the paths of the findings by their code."""
        by_code: dict[str, list[str]] = {}
        findings = self.report(ledger).findings
        for code, path in zip(findings["code"], findings["path"], strict=True):
            by_code.setdefault(code, []).append(path)
        return by_code

    def audit(self) -> list[dict[str, object]]:
        """Return the lines of the audit."""
        files = sorted(self.reports_dir.glob("cache_removals-*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def set_date(path: Path, at: datetime) -> None:
    """Give a file this date."""
    stamp = int(at.timestamp() * 1e6) * 1000
    os.utime(path, ns=(stamp, stamp), follow_symlinks=False)


def spoil_knowledge(house: House, how: str) -> None:
    """Let what is known of cache entries be unreadable, also for root: a folder is no file."""
    places = {
        "a folder among the notes": "asked/0001.0001.so-do",
        "no index": "index/library_chapters.parquet",
    }
    if how in places:
        (house.reports_dir / places[how]).mkdir(parents=True)
    else:
        house.reports_dir.mkdir()
        (house.reports_dir / "asked").write_text("a file where the folder should be")


SPOILED = ("a folder among the notes", "no notes", "no index")
