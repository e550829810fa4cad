"""The manifest of a chapter and its playlist: derived from the records, never the other way."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """What the manifest says of one paragraph.

    Attributes:
        number: Of the paragraph.
        status: ``audio``, ``skipped``, ``failed`` or ``missing``.
        content_key: Of the audio; None if adopted or no audio.
        text_key: ``record.text_key`` of the original text; None without a record.
        sha256: Of the WAV.
        size_bytes: Of the WAV.
        modified_ns: Of the WAV, when it was verified.
        duration_s: Of the WAV.
        record_size_bytes: Of the record's file.
        record_modified_ns: Of the record's file.
        skip_reason: Of a skipped paragraph.
        warnings: Of the record.
    """

    number: int
    status: str
    content_key: str | None = None
    text_key: str | None = None
    sha256: str | None = None
    size_bytes: int = 0
    modified_ns: int = 0
    duration_s: float = 0.0
    record_size_bytes: int = 0
    record_modified_ns: int = 0
    skip_reason: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChapterManifest:
    """What stands in a chapter's folder, as of its last ``finish``.

    Attributes:
        novel_id: As everywhere.
        novel_title: As of writing.
        number: Of the chapter.
        title: As of writing.
        script_digest: Of the script it was finished against.
        complete: Whether every paragraph of that script stood as scripted.
        paragraphs: By number: 1 to the length of the script.
    """

    novel_id: str
    novel_title: str
    number: int
    title: str
    script_digest: str
    complete: bool
    paragraphs: Mapping[int, ManifestEntry]

    def count(self, status: str) -> int:
        """Return how many paragraphs have a status."""
        return sum(entry.status == status for entry in self.paragraphs.values())

    @property
    def duration_s(self) -> float:
        """Seconds of audio."""
        return sum(entry.duration_s for entry in self.paragraphs.values())

    @property
    def size_bytes(self) -> int:
        """Bytes of audio."""
        return sum(entry.size_bytes for entry in self.paragraphs.values())
