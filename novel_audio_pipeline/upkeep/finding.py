"""A finding of upkeep: what is wrong or left over, where, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

from novel_audio_pipeline.library.finding import Severity

Area = Literal["cache", "library", "source", "dagster"]


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One kind of finding; ``docs/operations.md`` explains each.

    Attributes:
        code: Stable name, ``lower_snake_case``.
        severity: ``error``: referred to but absent or wrong; ``warning``: someone should look;
            ``info``: present but referred to by nothing, or not made yet.
        area: Where it was found.
        advice: What to do, one sentence.
    """

    code: str
    severity: Severity
    area: Area
    advice: str


_KINDS = (
    # The library: what a record says, and what lies there.
    FindingKind(
        "record_without_audio", "error", "library",
        "Narrate the chapter: the paragraph is spoken again.",
    ),
    FindingKind(
        "size_differs", "error", "library",
        "Narrate the chapter: the paragraph is spoken again; then look for what changed the file.",
    ),
    FindingKind(
        "paragraph_missing",
        "error",
        "library",
        "Narrate the chapter: what is missing is spoken again; then look for who removed it.",
    ),
    FindingKind(
        "digest_differs", "error", "library",
        "Narrate the chapter: the paragraph is spoken again; then check the disk.",
    ),
    FindingKind(
        "record_unreadable", "error", "library",
        "If the existing system wrote it, adopt it (library adopt); else narrate the chapter.",
    ),
    FindingKind(
        "audio_without_record", "warning", "library",
        "Narrate the chapter: what its script wants is filed anew, the rest is cleared.",
    ),
    FindingKind(
        "chapter_incomplete", "warning", "library",
        "Narrate the chapter: only what is missing is spoken.",
    ),
    FindingKind(
        "paragraph_failed", "warning", "library",
        "Narrate the chapter once the reason is mended.",
    ),
    FindingKind(
        "expired_before_download", "warning", "library",
        "Narrate the chapter again: only what is missing is spoken. If it happens often, look what "
        "ends the runs, or what else clears the cache's folder.",
    ),
    FindingKind(
        "twin_folders", "warning", "library",
        "Narrate the novel: audio is moved into the first folder; then remove what is left.",
    ),
    FindingKind(
        "paragraph_beyond_script", "info", "library",
        "Narrate the chapter: what no script wants any more is cleared.",
    ),
    FindingKind(
        "chapter_without_source", "info", "library",
        "Nothing refers to it. Put the source back, or remove the folder by hand.",
    ),
    FindingKind(
        "novel_without_source", "info", "library",
        "Nothing refers to it. Put the source back, or remove the folder by hand.",
    ),
    FindingKind(
        "temporary_leftover", "info", "library",
        "Narrate the chapter: what dead writers left is cleared, else after two hours.",
    ),
    FindingKind(
        "unknown_in_library", "info", "library",
        "Not of this program, and never touched. Move it elsewhere if it is not wanted here.",
    ),
    # The sources.
    FindingKind(
        "source_unreadable", "error", "source",
        "Mend or remove the source; until then its chapters are not narrated.",
    ),
    FindingKind(
        "source_without_audio", "info", "source",
        "Narrate it, if it is wanted.",
    ),
    # The TTS cache.
    FindingKind(
        "cache_not_enforceable", "error", "cache",
        "Set TTS_STORAGE_DIR to the backend's cache folder as it is seen from here.",
    ),
    FindingKind(
        "cache_entry_overdue", "error", "cache",
        "Run cache expire; if it stays, look who may write in the folder.",
    ),
    FindingKind(
        "cache_entry_held", "info", "cache",
        "The library holds it: it goes at the next expiry, or when its time is over.",
    ),
    FindingKind(
        "cache_entry_unclaimed", "info", "cache",
        "No record names it: it expires. A narration that was killed may have left it.",
    ),
    FindingKind(
        "cache_audio_without_record", "info", "cache",
        "It expires by the date of its file, like any other.",
    ),
    FindingKind(
        "cache_record_without_audio", "info", "cache",
        "It expires by its own date.",
    ),
    FindingKind(
        "cache_dated_in_future", "warning", "cache",
        "It goes after it was watched for two hours. Check the clocks of both machines.",
    ),
    FindingKind(
        "cache_leftover",
        "info",
        "cache",
        "A writer died over it: it goes at the next expiry.",
    ),
    FindingKind(
        "cache_unknown", "info", "cache",
        "Not of this program, and never touched. Give the cache a folder of its own.",
    ),
    # Dagster's records.
    FindingKind(
        "materialized_without_audio", "error", "dagster",
        "Narrate the chapter. If all are named, look whether the library's disk is mounted.",
    ),
    FindingKind(
        "audio_without_materialization", "info", "dagster",
        "Narrate the chapter: nothing is spoken, and Dagster is told.",
    ),
    FindingKind(
        "partition_without_chapter", "info", "dagster",
        "Put the source back, or delete the partition in the UI (Overview, Partitions).",
    ),
    FindingKind(
        "chapter_without_partition", "info", "dagster",
        "Turn on new_chapters_sensor, or narrate the chapter: either adds it.",
    ),
    FindingKind(
        "partition_key_invalid", "warning", "dagster",
        "Delete the partition in the UI: no chapter is named like this (so-do/0007 is).",
    ),
)  # fmt: skip

KINDS = {kind.code: kind for kind in _KINDS}


@dataclass(frozen=True, slots=True)
class UpkeepFinding:
    """One thing found: a library ``Finding`` with where, whose, how much and how old it is.

    Attributes:
        code: One of ``KINDS``.
        path: Where: relative to library or cache, a source's path, or a partition key.
        message: What exactly, one sentence.
        novel_id: Whose, if it is a novel's; else empty.
        size_bytes: How much lies there; 0 if nothing does.
        age_s: How long ago it was last changed, in seconds; None if that says nothing.
    """

    code: str
    path: str
    message: str
    novel_id: str = ""
    size_bytes: int = 0
    age_s: float | None = None

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return KINDS[self.code].severity

    @property
    def area(self) -> Area:
        """Where it was found."""
        return KINDS[self.code].area

    @property
    def advice(self) -> str:
        """What to do."""
        return KINDS[self.code].advice
