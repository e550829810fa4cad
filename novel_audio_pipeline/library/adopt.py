"""Taking over audio that the existing system made, without speaking it again.

Its records know no key, voice or digest: what is intact is adopted with the text it says, and kept
while the script has the same text.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from novel_audio_pipeline.audio.wav import (
    SILENCE_DBFS,
    WavFacts,
    declared_length_bytes,
    wav_facts,
)
from novel_audio_pipeline.errors import UsageError, WrongAudioError
from novel_audio_pipeline.library.adopt_read import (
    ForeignMetadata,
    foreign_metadata,
    was_spoken_otherwise,
)
from novel_audio_pipeline.library.chapter import ChapterFolder
from novel_audio_pipeline.library.finding import Finding, found
from novel_audio_pipeline.library.inventory import Standing
from novel_audio_pipeline.library.layout import (
    REPAIR_ASIDE,
    chapter_number_of,
    novel_id_of,
    paragraph_folder_name,
)
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.library.record import AudioFacts, ParagraphRecord, ParagraphText
from novel_audio_pipeline.library.repair import rebuild_manifest
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.storage.paths import ROOT
from novel_audio_pipeline.storage.store import Entry, FileStore

_PARAGRAPH_FOLDER = re.compile(r"paragraph_(\d{1,9})", re.ASCII)
_QUIET = timedelta(minutes=1)

TextOf = Callable[[str, int, int], str | None]


@dataclass(frozen=True, slots=True)
class AdoptableParagraph:
    """Intact audio of the existing system.

    Attributes:
        text: Which paragraph of our library it becomes.
        audio: Its facts; verified by structure.
        warnings: For its record.
        wav: Where it lies, relative to the source.
        metadata: The file beside it, or None.
    """

    text: ParagraphText
    audio: AudioFacts
    warnings: tuple[str, ...]
    wav: PurePosixPath
    metadata: PurePosixPath | None


@dataclass(frozen=True, slots=True)
class AdoptableChapter:
    """A chapter in the existing layout, read and verified; nothing is taken over yet."""

    novel_id: str
    number: int
    novel_title: str
    title: str
    paragraphs: tuple[AdoptableParagraph, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class AdoptedChapter:
    """What became of a chapter: how many paragraphs were taken over, and how many stood already."""

    novel_id: str
    number: int
    adopted: int
    kept: int


def survey(source: FileStore, *, text_of: TextOf | None = None) -> Iterator[AdoptableChapter]:
    """Yield what can be adopted, chapter by chapter: the dry run. Reads only.

    Takes ``{novel_id}`` with and without a title, ``chapter_{number}`` likewise, and paragraphs
    numbered from 1 or, as in the days of titles, from 0. Every WAV is read and decoded.

    Args:
        source: The existing system's ``storage/audio``.
        text_of: The text of a paragraph by novel, chapter and number from 1, out of the existing
            system's database; for what has no metadata.

    Raises:
        StorageError: If something cannot be read.
    """
    for novel in source.entries(ROOT) or ():
        novel_id = novel_id_of(novel.name) if novel.kind == "folder" else None
        if novel_id is None:
            continue
        for chapter in source.entries(PurePosixPath(novel.name)) or ():
            number = chapter_number_of(chapter.name) if chapter.kind == "folder" else None
            if number is not None:
                folder = PurePosixPath(novel.name) / chapter.name
                yield _Survey(source, folder, novel_id, number, text_of).chapter()


def adopt_chapter(
    library: AudioLibrary, source: FileStore, chapter: AdoptableChapter, *, now: datetime
) -> AdoptedChapter:
    """Take a chapter over; what stands in the library already is kept. May be repeated.

    If the source is the library's own folder, the metadata files are copied to
    ``.repair-aside/adopted/`` before our records take their places.

    Args:
        library: Where to.
        source: Where from; only read.
        chapter: As surveyed.
        now: Timezone-aware.

    Raises:
        StorageError: If the library cannot be written.
        UsageError: If someone else has the chapter open, or a chapter numbered from 0 would be
            adopted in its own place.
    """
    in_place = _is_same(source, library.store)
    if in_place and any(_is_renumbered(paragraph) for paragraph in chapter.paragraphs):
        raise UsageError(
            f"Chapter {chapter.number} of {chapter.novel_id} is numbered from 0 and cannot be "
            "adopted in its own place: adopt it into a library in another folder."
        )
    folder = library.chapter(
        chapter.novel_id,
        chapter.number,
        novel_title=chapter.novel_title,
        chapter_title=chapter.title,
    )
    with folder:
        if not folder.locked:
            raise UsageError(
                f"{folder.path} is being narrated: adopt it when that is done, so that nothing is "
                "done twice."
            )
        held = folder.inventory().paragraphs
        stands = {n for n, p in held.items() if p.standing in (Standing.INTACT, Standing.SKIPPED)}
        adopted = sum(
            _adopt(folder, source, paragraph, in_place=in_place, now=now)
            for paragraph in chapter.paragraphs
            if paragraph.text.paragraph_number not in stands
        )
        if adopted:
            place = (chapter.novel_id, chapter.number)
            rebuild_manifest(library.store, folder.path, place=place)
    return AdoptedChapter(
        chapter.novel_id, chapter.number, adopted, len(chapter.paragraphs) - adopted
    )


def _adopt(
    folder: ChapterFolder,
    source: FileStore,
    paragraph: AdoptableParagraph,
    *,
    in_place: bool,
    now: datetime,
) -> bool:
    """Commit one paragraph; return False if its WAV has changed since the survey."""
    wav_path, metadata = paragraph.wav, paragraph.metadata
    if in_place:  # opening the chapter may have renamed its folders
        wav_path = folder.path / PurePosixPath(*wav_path.parts[2:])
        metadata = metadata and wav_path.with_name(metadata.name)
    wav = source.read(wav_path)
    if wav is None or hashlib.sha256(wav).hexdigest() != paragraph.audio.sha256:
        return False
    if in_place:
        _keep_metadata(source, metadata)
    record = ParagraphRecord(
        paragraph.text, now, audio=paragraph.audio, warnings=paragraph.warnings
    )
    folder.commit_audio(record, wav, wanted=lambda _: True)
    return True


def refuse_live_database(database: Path, *, now: datetime) -> None:
    """Refuse a database of the existing system that was written within the last minute.

    Args:
        database: Its ``novels.db``; SQLite's ``-wal`` and ``-journal`` beside it count too.
        now: Timezone-aware.

    Raises:
        UsageError: If it is in use, with what to do.
    """
    for path in (database, *(database.with_name(database.name + e) for e in ("-wal", "-journal"))):
        if not path.exists():
            continue
        written = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
        if path.stat().st_size and now - written < _QUIET:
            raise UsageError(
                f"{path} was written less than a minute ago: the existing system seems to be at "
                "work. Stop it, then adopt again, so that nothing changes on the way."
            )


class _Survey:
    """Reads one chapter of the existing layout."""

    def __init__(
        self,
        source: FileStore,
        folder: PurePosixPath,
        novel_id: str,
        number: int,
        text_of: TextOf | None,
    ) -> None:
        self._source = source
        self._folder = folder
        self._novel_id = novel_id
        self._number = number
        self._text_of = text_of
        self._findings: list[Finding] = []
        self._titles = (_title(folder.parts[0]), _title(folder.name.removeprefix("chapter_")))

    def chapter(self) -> AdoptableChapter:
        """Return the chapter as it can be adopted."""
        entries = self._source.entries(self._folder) or []
        numbers = {e.name: n for e in entries if (n := _number_of(e)) is not None}
        shift = 1 if 0 in numbers.values() else 0
        paragraphs: dict[int, AdoptableParagraph] = {}
        for name in sorted(numbers, key=lambda name: numbers[name]):
            paragraph = self._paragraph(self._folder / name, numbers[name] + shift)
            if paragraph is None:
                continue
            number = paragraph.text.paragraph_number
            if number in paragraphs:
                self._find("adopt_two_for_one", paragraph.wav, f"a second paragraph {number}")
            paragraphs.setdefault(number, paragraph)
        for entry in entries:
            if entry.kind == "file" and entry.name.endswith(".wav"):
                self._find("adopt_unnumbered", self._folder / entry.name, "a WAV of no paragraph")
        return AdoptableChapter(
            novel_id=self._novel_id,
            number=self._number,
            novel_title=self._titles[0],
            title=self._titles[1],
            paragraphs=tuple(paragraphs[number] for number in sorted(paragraphs)),
            findings=tuple(self._findings),
        )

    def _paragraph(self, folder: PurePosixPath, number: int) -> AdoptableParagraph | None:
        wav = folder / f"{folder.name}.wav"
        metadata_path = folder / f"{folder.name}_metadata.json"
        written = self._source.read(metadata_path)
        metadata = None if written is None else foreign_metadata(written)
        data = self._source.read(wav)
        if metadata is not None:
            self._titles = (
                metadata.novel_title or self._titles[0],
                metadata.chapter_title or self._titles[1],
            )
            number = number if metadata.index is None else metadata.index + 1
        if not data:
            if metadata is not None or data is not None:
                self._find("adopt_not_spoken", folder, _why_silent(metadata))
            return None
        text = self._text(wav, metadata, number)
        facts = self._intact(wav, data)
        if text is None or facts is None:
            return None
        return self._adoptable(wav, data, facts, text, metadata, number)

    def _adoptable(
        self,
        wav: PurePosixPath,
        data: bytes,
        facts: WavFacts,
        text: str,
        metadata: ForeignMetadata | None,
        number: int,
    ) -> AdoptableParagraph:
        spoken = metadata.spoken if metadata else None
        changed = was_spoken_otherwise(text, spoken)
        if changed:
            self._find("adopt_spoken_text_changed", wav, f"it was spoken as {spoken!r:.80}")
        return AdoptableParagraph(
            text=ParagraphText(
                novel_id=self._novel_id,
                novel_title=self._titles[0],
                chapter_number=self._number,
                chapter_title=self._titles[1],
                paragraph_number=number,
                total_paragraphs=metadata.total if metadata else 0,
                original_text=text,
                spoken_text=spoken or text,
                paragraph_id=metadata.paragraph_id if metadata else None,
            ),
            audio=AudioFacts(
                content_key=None,
                sha256=hashlib.sha256(data).hexdigest(),
                size_bytes=len(data),
                duration_s=facts.duration_s,
                sample_rate_hz=facts.sample_rate_hz,
                verified_by="structure",
                created_at=self._created_at(wav, metadata),
                model=metadata.model if metadata else None,
                voice=metadata.voice if metadata else None,
                speed=metadata.speed if metadata else None,
            ),
            warnings=("spoken_text_changed",) if changed else (),
            wav=wav,
            metadata=wav.with_name(f"{wav.stem}_metadata.json") if metadata else None,
        )

    def _text(
        self, wav: PurePosixPath, metadata: ForeignMetadata | None, number: int
    ) -> str | None:
        """Return what a WAV says: by its metadata, else by the database."""
        told = metadata.text if metadata else None
        known = self._text_of(self._novel_id, self._number, number) if self._text_of else None
        if told is None and known is None:
            self._find("adopt_without_text", wav, "neither metadata nor database say its text")
        if told is not None and known is not None and told.split() != known.split():
            self._find("adopt_text_differs", wav, "metadata and database have different texts")
        return known if told is None else told

    def _intact(self, wav: PurePosixPath, data: bytes) -> WavFacts | None:
        try:
            facts = wav_facts(data)
        except WrongAudioError as error:
            self._find("adopt_damaged", wav, str(error))
            return None
        declared = declared_length_bytes(data)
        if declared is not None and declared > len(data):  # decodes, up to where it was cut
            self._find("adopt_damaged", wav, f"{len(data)} bytes of the {declared} it declares")
            return None
        if facts.peak_dbfs < SILENCE_DBFS:
            self._find("adopt_damaged", wav, "it is silent throughout")
            return None
        return facts

    def _created_at(self, wav: PurePosixPath, metadata: ForeignMetadata | None) -> datetime:
        if metadata is not None and metadata.created_at is not None:
            return metadata.created_at
        facts = self._source.facts(wav)
        return datetime.fromtimestamp(facts.modified_ns / 1e9 if facts else 0, tz=UTC)

    def _find(self, code: str, path: PurePosixPath, message: str) -> None:
        self._findings.append(found(code, path, message))


def _why_silent(metadata: ForeignMetadata | None) -> str:
    if metadata is None:
        return "an empty WAV"
    if metadata.is_skipped:
        return "it was skipped there"
    return "it failed there" if metadata.is_failed else "it has metadata and no WAV"


def _number_of(entry: Entry) -> int | None:
    match = _PARAGRAPH_FOLDER.fullmatch(entry.name) if entry.kind == "folder" else None
    return int(match[1]) if match else None


def _title(name: str) -> str:
    """Return the title in a folder's name, with spaces again."""
    return name.partition("_")[2].replace("_", " ").strip()


def _is_same(source: FileStore, store: FileStore) -> bool:
    if isinstance(source, LocalFileStore) and isinstance(store, LocalFileStore):
        both_exist = source.root.exists() and store.root.exists()
        return both_exist and source.root.samefile(store.root)
    return source is store


def _is_renumbered(paragraph: AdoptableParagraph) -> bool:
    return paragraph.wav.parent.name != paragraph_folder_name(paragraph.text.paragraph_number)


def _keep_metadata(store: FileStore, metadata: PurePosixPath | None) -> None:
    data = store.read(metadata) if metadata else None
    if metadata is not None and data is not None:
        store.write(PurePosixPath(REPAIR_ASIDE) / "adopted" / metadata, data)
