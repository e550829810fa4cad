"""The record of a paragraph: what is known of it, whether audio, skip or failure. No files here."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from novel_audio_pipeline.errors import PermanentError

VerifiedBy = Literal["digest", "folder", "size", "structure"]


class RecordError(PermanentError):
    """A record, failure or manifest cannot be read: damaged, incomplete, or of a newer format."""

    code = "record_unreadable"


@dataclass(frozen=True, slots=True)
class ParagraphText:
    """The script's side of a record: which paragraph, and what it says.

    Attributes:
        novel_id: As everywhere.
        novel_title: As of writing; never compared.
        chapter_number: From 1.
        chapter_title: As of writing; never compared.
        paragraph_number: From 1.
        total_paragraphs: Of the chapter, as of writing; never compared.
        original_text: As the source has it.
        spoken_text: As it is spoken; empty if nothing is.
        paragraph_id: The source's own id of it, if it has one.

    Raises:
        ValueError: If a number is less than 1, or a text is no valid Unicode.
    """

    novel_id: str
    novel_title: str
    chapter_number: int
    chapter_title: str
    paragraph_number: int
    total_paragraphs: int
    original_text: str
    spoken_text: str
    paragraph_id: str | None = None

    def __post_init__(self) -> None:
        if self.chapter_number < 1 or self.paragraph_number < 1:
            raise ValueError(
                f"numbers count from 1, got {self.chapter_number}/{self.paragraph_number}"
            )
        "".join((self.original_text, self.spoken_text)).encode()


@dataclass(frozen=True, slots=True)
class Piece:
    """One speech request of a paragraph: a long text is spoken in several.

    Attributes:
        content_key: Of the piece.
        file_id: The cache entry it came from.
    """

    content_key: str
    file_id: str


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """The audio's side of a record: what it is, where it came from, how it was verified.

    Attributes:
        content_key: Of the whole paragraph; None for adopted audio, whose request nobody knows.
        sha256: Of the WAV file, 64 lowercase hex digits.
        size_bytes: Of the WAV file.
        duration_s: Length in seconds.
        sample_rate_hz: Frames per second.
        verified_by: ``digest`` (the backend told it), ``folder`` (hash of the cache file), ``size``,
            or ``structure``.
        created_at: When the audio was made, timezone-aware.
        model: As requested; this and the next four are None where unknown (adopted).
        voice: As requested.
        language: As requested.
        speed: As requested.
        take: As requested.
        engine: Name and version as the backend reported them.
        engine_voice: As the backend reported it.
        pieces: What was asked for, in order.
    """

    content_key: str | None
    sha256: str
    size_bytes: int
    duration_s: float
    sample_rate_hz: int
    verified_by: VerifiedBy
    created_at: datetime
    model: str | None = None
    voice: str | None = None
    language: str | None = None
    speed: float | None = None
    take: int = 0
    engine: str | None = None
    engine_voice: str | None = None
    pieces: tuple[Piece, ...] = ()

    @property
    def adopted(self) -> bool:
        """Whether it was taken over from the existing system, which kept no key."""
        return self.content_key is None


@dataclass(frozen=True, slots=True)
class ParagraphRecord:
    """The commit record of a paragraph: audio or a reason, never both, never neither.

    Attributes:
        text: Which paragraph and what it says.
        recorded_at: When the record was written, timezone-aware.
        audio: What its WAV is, or None if it is skipped.
        skip_reason: Why there is no WAV (``no_letter_or_digit``, ``refused_by_backend`` ...).
        warnings: Stable codes of what is doubtful (``implausible_duration`` ...).
        storage_dir: Its folder, relative to the library; filled in when it is committed.

    Raises:
        ValueError: If there is both audio and a reason, or neither.
    """

    text: ParagraphText
    recorded_at: datetime
    audio: AudioFacts | None = None
    skip_reason: str | None = None
    warnings: tuple[str, ...] = ()
    storage_dir: str = ""

    def __post_init__(self) -> None:
        if (self.audio is None) == (not self.skip_reason):
            raise ValueError("a record holds either audio or a reason why it is skipped")

    @property
    def held_key(self) -> str | None:
        """The name under which its audio is wanted or not; None if it is skipped."""
        if self.audio is None:
            return None
        return self.audio.content_key or text_key(self.text.original_text)


@dataclass(frozen=True, slots=True)
class ParagraphFailure:
    """Why a paragraph has not become what the script wants. Stands beside a record, if there is one.

    Attributes:
        text: Which paragraph and what it says.
        error: Name of the error's class.
        message: Its sentence.
        failed_at: Timezone-aware.
        content_key: What was wanted.
        attempts: How often it was asked for in that run.
        code: Stable name of what happened, as in ``errors.py``; empty if nobody wrote it down.
    """

    text: ParagraphText
    error: str
    message: str
    failed_at: datetime
    content_key: str | None = None
    attempts: int = 1
    code: str = ""


def text_key(original_text: str) -> str:
    """Return the held key of adopted audio: ``text-`` and the SHA-256 of the text in hex."""
    return "text-" + hashlib.sha256(original_text.encode()).hexdigest()
