"""What the library holds, as found: the facts that a plan is made from. Nothing here writes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath

from novel_audio_pipeline.library.manifest import ChapterManifest
from novel_audio_pipeline.library.record import ParagraphFailure


class Standing(Enum):
    """What stands at the place of a paragraph."""

    INTACT = "intact"  # record and the WAV it names: size and mtime as in the manifest, or hashed
    UNVERIFIED = "unverified"  # size fits, but no manifest vouches and hashing was not asked for
    SKIPPED = "skipped"  # a record with its reason
    DAMAGED = "damaged"  # record and a WAV of another size or digest
    MISSING = "missing"  # record without its WAV
    UNREADABLE = "unreadable"  # a record that cannot be read
    NOTHING = "nothing"  # no record, whatever else lies there


@dataclass(frozen=True, slots=True)
class AudioPlace:
    """Where a WAV with a good record stands, ready to be moved.

    Attributes:
        path: The WAV, relative to the library.
        record_path: Its record.
        key: Content key, or the text key of adopted audio (``record.text_key``).
    """

    path: PurePosixPath
    record_path: PurePosixPath
    key: str


@dataclass(frozen=True, slots=True)
class HeldAudio(AudioPlace):
    """A WAV with a good record, as its chapter's look found it.

    Attributes:
        sha256: Of the WAV.
        size_bytes: Of the WAV.
        duration_s: Length in seconds.
    """

    sha256: str
    size_bytes: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class HeldParagraph:
    """What is held at one place.

    Attributes:
        number: Of the paragraph.
        standing: What stands there.
        content_key: From the record; None if skipped, adopted or without a readable record.
        text_key: ``record.text_key`` of the record's original text; None without a record.
        audio: The WAV, if it is INTACT or UNVERIFIED.
        skip_reason: From the record.
        warnings: From the record.
        adopted: Whether the audio was taken over from the existing system.
        failure: What its failure file says, if there is one that can be read.
    """

    number: int
    standing: Standing
    content_key: str | None = None
    text_key: str | None = None
    audio: HeldAudio | None = None
    skip_reason: str | None = None
    warnings: tuple[str, ...] = ()
    adopted: bool = False
    failure: ParagraphFailure | None = None


@dataclass(frozen=True, slots=True)
class ChapterInventory:
    """What is held of one chapter.

    Attributes:
        number: Of the chapter.
        folder: Relative to the library; None if there is none.
        paragraphs: By number, only those with a folder.
        manifest: As last written, if it can be read.
        settled: Whether the manifest says exactly what was found, and nothing is left over. A
            chapter that is not settled wants ``ChapterFolder.finish``, even if nothing is spoken.
        leftovers: Temporary files, and files of a paragraph that its record does not account for.
    """

    number: int
    folder: PurePosixPath | None = None
    paragraphs: Mapping[int, HeldParagraph] = field(default_factory=dict)
    manifest: ChapterManifest | None = None
    settled: bool = False
    leftovers: tuple[PurePosixPath, ...] = ()


@dataclass(frozen=True, slots=True)
class NovelInventory:
    """What is held of one novel.

    Attributes:
        novel_id: As everywhere.
        folder: Relative to the library; None if there is none.
        chapters: By number, only those with a folder.
        aside: Displaced audio in ``.aside/``, with a good record.
        strays: Audio in second folders of the same novel or chapter (a rename went wrong): to be
            moved from, never kept where it is.
    """

    novel_id: str
    folder: PurePosixPath | None = None
    chapters: Mapping[int, ChapterInventory] = field(default_factory=dict)
    aside: tuple[HeldAudio, ...] = ()
    strays: tuple[HeldAudio, ...] = ()

    def held(self) -> Iterator[HeldAudio]:
        """Yield everything that can be moved from: chapters in order, then aside, then strays."""
        for number in sorted(self.chapters):
            paragraphs = self.chapters[number].paragraphs
            for paragraph in sorted(paragraphs):
                if (audio := paragraphs[paragraph].audio) is not None:
                    yield audio
        yield from self.aside
        yield from self.strays
