"""Plain text novels of any number with short chapters, and the audio of some as the library holds it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.library.layout import (
    MANIFEST,
    PLAYLIST,
    chapter_folder_name,
    novel_folder_name,
    paragraph_folder_name,
    record_name,
    wav_name,
)
from novel_audio_pipeline.library.manifest import ChapterManifest, ManifestEntry
from novel_audio_pipeline.library.manifest_json import manifest_to_json, playlist_of
from novel_audio_pipeline.library.record import (
    AudioFacts,
    ParagraphRecord,
    ParagraphText,
    Piece,
    text_key,
)
from novel_audio_pipeline.library.record_json import record_to_json
from novel_audio_pipeline.novels.script import Script

MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
RATE_HZ = 8_000
WAV = encode_wav((np.sin(np.arange(RATE_HZ // 100)) * 9_000).astype(np.int16), RATE_HZ)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a library is.

    Attributes:
        novels: How many.
        chapters: Of each.
        narrated: Of the chapters of each novel, from the first on.
    """

    novels: int
    chapters: int
    narrated: int

    @property
    def total(self) -> int:
        return self.novels * self.chapters

    def ids(self) -> list[str]:
        return [novel_id(number) for number in range(1, self.novels + 1)]


@dataclass(frozen=True, slots=True)
class Chapter:
    """What Dagster's records tell of a chapter.

    Attributes:
        key: Its partition key.
        digest: Of its script.
        title: For people.
        folder: Relative to the library.
    """

    key: str
    digest: str
    title: str
    folder: str


def chapter_of(script: Script) -> Chapter:
    return Chapter(str(script.key), script.digest, script.title, folder_of(script))


def novel_id(number: int) -> str:
    return f"truyen-{number:03d}"


def write_novel(folder: Path, number: int, chapters: int) -> None:
    """Write one novel: a text file, and beside it the settings that tell its language."""
    parts: list[str] = []
    for chapter in range(1, chapters + 1):
        parts += chapter_parts(number, chapter)
    path = folder / f"{novel_id(number)}.txt"
    path.write_text("\n\n".join(parts), encoding="utf-8")
    path.with_suffix(".toml").write_text('language = "vi"\n', encoding="utf-8")


def chapter_parts(novel: int, chapter: int) -> Iterator[str]:
    yield f"Chương {chapter}: Ngày thứ {chapter}"
    yield f"Đây là câu mở đầu của chương {chapter} trong truyện {novel}."
    yield f"Rồi trời tối, và chương {chapter} của truyện {novel} hết ở đây."


def write_audio(library: Path, scripts: Sequence[Script]) -> None:
    """Write what the library holds of chapters that are complete: real files, each WAV 10 ms."""
    for script in scripts:
        _write_chapter(library / folder_of(script), script)


def folder_of(script: Script) -> str:
    """Return the folder of a chapter, relative to the library."""
    key = script.key
    return (
        f"{novel_folder_name(key.novel_id, script.novel_title)}/"
        f"{chapter_folder_name(key.novel_id, key.number, script.title)}"
    )


def _write_chapter(folder: Path, script: Script) -> None:
    entries = {}
    sha256 = hashlib.sha256(WAV).hexdigest()
    for paragraph in script.paragraphs:
        text = ParagraphText(
            novel_id=script.key.novel_id,
            novel_title=script.novel_title,
            chapter_number=script.key.number,
            chapter_title=script.title,
            paragraph_number=paragraph.number,
            total_paragraphs=len(script.paragraphs),
            original_text=paragraph.text,
            spoken_text=paragraph.spoken_text,
        )
        audio = AudioFacts(
            content_key=paragraph.content_key,
            sha256=sha256,
            size_bytes=len(WAV),
            duration_s=0.01,
            sample_rate_hz=RATE_HZ,
            verified_by="digest",
            created_at=MADE_AT,
            pieces=tuple(Piece(p.content_key, p.content_key[:32]) for p in paragraph.pieces),
        )
        place = folder / paragraph_folder_name(paragraph.number)
        place.mkdir(parents=True)
        wav, record = place / wav_name(paragraph.number), place / record_name(paragraph.number)
        wav.write_bytes(WAV)
        record.write_bytes(record_to_json(ParagraphRecord(text, MADE_AT, audio=audio)))
        said, facts = record.stat(), wav.stat()
        entries[paragraph.number] = ManifestEntry(
            number=paragraph.number,
            status="audio",
            content_key=paragraph.content_key,
            text_key=text_key(text.original_text),
            sha256=sha256,
            size_bytes=len(WAV),
            modified_ns=facts.st_mtime_ns,
            duration_s=0.01,
            record_size_bytes=said.st_size,
            record_modified_ns=said.st_mtime_ns,
        )
    manifest = ChapterManifest(
        script.key.novel_id,
        script.novel_title,
        script.key.number,
        script.title,
        script.digest,
        complete=True,
        paragraphs=entries,
    )
    (folder / MANIFEST).write_bytes(manifest_to_json(manifest))
    (folder / PLAYLIST).write_bytes(playlist_of(manifest))
