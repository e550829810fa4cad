"""What became of a chapter, for the Dagster UI, the command line and records."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from novel_audio_pipeline.errors import NovelAudioError
from novel_audio_pipeline.novels.model import ChapterKey

ChapterState = Literal["complete", "incomplete", "missing"]


@dataclass(frozen=True, slots=True)
class FailedParagraph:
    """A paragraph that has not become what the script wants.

    Attributes:
        number: Of the paragraph.
        code: Stable name of the error.
        message: Its sentence.
    """

    number: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SkippedParagraph:
    """A paragraph that nothing is spoken of.

    Attributes:
        number: Of the paragraph.
        reason: Stable name of the reason.
        text: The original text.
    """

    number: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class ChapterOutcome:
    """What one narration did to one chapter. Paragraphs in = spoken + kept + moved + skipped + failed.

    Attributes:
        key: Which chapter.
        state: ``complete`` if every paragraph stands as the script wants it; ``missing`` if there
            is no script.
        title: Its present title.
        script_digest: Of the script it was narrated from.
        audio_digest: SHA-256 over the SHA-256 of its WAVs in order; changes when any audio does.
        folder: Its folder, relative to the library.
        paragraphs: Length of the script.
        spoken: Paragraphs spoken anew.
        kept: Paragraphs that stood as they are wanted, audio or skip.
        moved: Paragraphs whose audio came from elsewhere in the library.
        skips: Paragraphs that nothing is spoken of, and why.
        failed: What failed.
        warnings: Sentences about what someone should listen to or look at.
        audio_s: Seconds of audio, of all.
        audio_bytes: Bytes of audio, of all.
        requests: Synthesis answers that this chapter used.
        synthesis_s: Seconds spent waiting for the backend, summed over paragraphs.
        evicted: Cache entries deleted after their commit.
        left_in_cache: Cache entries left to expire.
        oldest_expiry: When the first of these goes, as told by the backend, or None.
        problem: Why it is missing, or incomplete although nothing failed, or empty.
    """

    key: ChapterKey
    state: ChapterState
    title: str = ""
    script_digest: str = ""
    audio_digest: str = ""
    folder: str = ""
    paragraphs: int = 0
    spoken: int = 0
    kept: int = 0
    moved: int = 0
    skips: tuple[SkippedParagraph, ...] = ()
    failed: tuple[FailedParagraph, ...] = ()
    warnings: tuple[str, ...] = ()
    audio_s: float = 0.0
    audio_bytes: int = 0
    requests: int = 0
    synthesis_s: float = 0.0
    evicted: int = 0
    left_in_cache: int = 0
    oldest_expiry: datetime | None = None
    problem: str = ""

    @property
    def skipped(self) -> int:
        """How many paragraphs nothing is spoken of."""
        return len(self.skips)


def not_narrated(key: ChapterKey, error: NovelAudioError) -> ChapterOutcome:
    """Return the outcome of a chapter that no source has, or whose source cannot be read."""
    return ChapterOutcome(key=key, state="missing", problem=str(error))


def failures_by_message(failed: Iterable[FailedParagraph]) -> list[tuple[str, str]]:
    """Return which paragraphs failed for each reason, as ``paragraph 3`` or ``paragraphs 1, 2``.

    A wrong voice fails every paragraph of a chapter with one sentence: it is told once.
    """
    numbers: dict[str, list[int]] = {}
    for failure in failed:
        numbers.setdefault(failure.message, []).append(failure.number)
    return [
        (f"paragraph{'s' if len(which) > 1 else ''} {', '.join(map(str, which))}", message)
        for message, which in numbers.items()
    ]
