"""One chapter while it is being narrated: its open folder, its tallies, and what became of it."""

import contextlib
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from novel_audio_pipeline.errors import NovelAudioError, StorageError
from novel_audio_pipeline.library.chapter import ChapterFolder
from novel_audio_pipeline.library.inventory import AudioPlace, HeldAudio, HeldParagraph
from novel_audio_pipeline.library.manifest import ChapterManifest
from novel_audio_pipeline.library.record import (
    AudioFacts,
    ParagraphFailure,
    ParagraphRecord,
    ParagraphText,
)
from novel_audio_pipeline.narration.outcome import (
    ChapterOutcome,
    FailedParagraph,
    SkippedParagraph,
)
from novel_audio_pipeline.narration.plan import ChapterPlan, is_as_scripted
from novel_audio_pipeline.novels.script import ScriptParagraph


@dataclass(slots=True)
class Tally:
    """What was done to a chapter so far; guarded by the work's lock."""

    spoken: int = 0
    moved: int = 0
    requests: int = 0
    synthesis_s: float = 0.0
    evicted: int = 0
    left_in_cache: int = 0
    oldest_expiry: datetime | None = None
    failed: list[FailedParagraph] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class ChapterWork:
    """A planned chapter with its folder open. Its commits are called from threads."""

    def __init__(
        self,
        plan: ChapterPlan,
        folder: ChapterFolder,
        *,
        wanted: Callable[[str], bool],
        is_repeated: Callable[[str], bool],
        now: Callable[[], datetime],
    ) -> None:
        """Take over the open folder; ``finish`` or ``abandon`` closes it.

        Args:
            plan: What is to be done.
            folder: The chapter, open for commits.
            wanted: Whether some script of the novel wants the audio of a key.
            is_repeated: Whether more than one paragraph of the novel has a content key.
            now: Gives aware instants.
        """
        self.plan = plan
        self.script = plan.script
        self.is_repeated = is_repeated
        self.steps_left = len(plan.steps)
        self.tally = Tally()
        self._folder = folder
        self._wanted = wanted
        self._now = now
        self._lock = threading.Lock()
        self._is_closed = False
        if folder.title_pending:
            self.tally.warnings.append(f"title_pending: {folder.title_pending}")

    def commit_audio(
        self,
        paragraph: ScriptParagraph,
        wav: bytes,
        facts: AudioFacts,
        *,
        warnings: tuple[str, ...],
    ) -> HeldAudio:
        """File new audio and return where it stands, durably."""
        record = ParagraphRecord(
            text=self._text(paragraph),
            recorded_at=self._now(),
            audio=facts,
            warnings=tuple("implausible_duration" for _ in warnings),
        )
        held = self._folder.commit_audio(record, wav, wanted=self._wanted)
        with self._lock:
            self.tally.spoken += 1
            self.tally.warnings += [f"paragraph {paragraph.number}: {text}" for text in warnings]
        return held

    def commit_held(self, paragraph: ScriptParagraph, source: AudioPlace) -> bool:
        """File audio that the library holds; return False if it is nowhere intact any more."""
        record = self._folder.commit_held(self._text(paragraph), source, wanted=self._wanted)
        if record is None:
            return False
        with self._lock:
            self.tally.moved += 1
        return True

    def commit_skip(self, paragraph: ScriptParagraph, reason: str, *, warning: str = "") -> None:
        """File that there is nothing to speak, and why."""
        record = ParagraphRecord(
            text=self._text(paragraph), recorded_at=self._now(), skip_reason=reason
        )
        self._folder.commit_skip(record, wanted=self._wanted)
        if warning:
            self.warn(f"paragraph {paragraph.number}: {warning}")

    def commit_failure(self, paragraph: ScriptParagraph, error: NovelAudioError) -> None:
        """Write down why a paragraph has not become what the script wants."""
        failure = ParagraphFailure(
            text=self._text(paragraph),
            error=type(error).__name__,
            code=error.code,
            message=str(error),
            failed_at=self._now(),
            content_key=paragraph.content_key,
        )
        self._folder.commit_failure(failure)
        with self._lock:
            self.tally.failed.append(FailedParagraph(paragraph.number, error.code, str(error)))

    def warn(self, text: str) -> None:
        """Add what a person should know of this chapter."""
        with self._lock:
            self.tally.warnings.append(text)

    def note_speech(self, *, requests: int, synthesis_s: float) -> None:
        """Count what the backend was asked for."""
        with self._lock:
            self.tally.requests += requests
            self.tally.synthesis_s += synthesis_s

    def note_cache(self, *, evicted: bool, expires_at: datetime | None) -> None:
        """Count a cache entry as evicted, or as left to expire."""
        with self._lock:
            if evicted:
                self.tally.evicted += 1
                return
            self.tally.left_in_cache += 1
            known = [at for at in (self.tally.oldest_expiry, expires_at) if at is not None]
            self.tally.oldest_expiry = min(known, default=None)

    def finish(self) -> ChapterOutcome:
        """Tidy the chapter, write its manifest and playlist, close it, and say what became of it."""
        try:
            manifest = self._folder.inventory().manifest if self.plan.settled else None
            if manifest is None:
                manifest = self._folder.finish(
                    script_digest=self.script.digest,
                    paragraphs=len(self.script.paragraphs),
                    as_scripted=self._as_scripted,
                    wanted=self._wanted,
                )
        finally:
            self._is_closed = True
            self._folder.close()
        return self._outcome(manifest)

    def abandon(self) -> None:
        """Give the folder back before everything is done; what is committed stays, and is listed."""
        if self._is_closed:  # the folder may be another's by now
            return
        with contextlib.suppress(StorageError):
            self.finish()

    def _as_scripted(self, held: HeldParagraph) -> bool:
        return is_as_scripted(self.script.paragraphs[held.number - 1], held)

    def _text(self, paragraph: ScriptParagraph) -> ParagraphText:
        return ParagraphText(
            novel_id=self.script.key.novel_id,
            novel_title=self.script.novel_title,
            chapter_number=self.script.key.number,
            chapter_title=self.script.title,
            paragraph_number=paragraph.number,
            total_paragraphs=len(self.script.paragraphs),
            original_text=paragraph.text,
            spoken_text=paragraph.spoken_text,
        )

    def _outcome(self, manifest: ChapterManifest) -> ChapterOutcome:
        tally = self.tally
        entries = [manifest.paragraphs[number] for number in sorted(manifest.paragraphs)]
        texts = self.script.paragraphs
        digests = "".join(entry.sha256 or "-" for entry in entries)
        return ChapterOutcome(
            key=self.script.key,
            title=self.script.title,
            state="complete" if manifest.complete else "incomplete",
            script_digest=self.script.digest,
            audio_digest=hashlib.sha256(digests.encode()).hexdigest(),
            folder=str(self._folder.path),
            paragraphs=len(self.script.paragraphs),
            spoken=tally.spoken,
            kept=self.plan.kept_audio,
            moved=tally.moved,
            skips=tuple(
                SkippedParagraph(entry.number, str(entry.skip_reason), texts[entry.number - 1].text)
                for entry in entries
                if entry.status == "skipped"
            ),
            failed=tuple(sorted(tally.failed, key=lambda failure: failure.number)),
            warnings=tuple(tally.warnings),
            audio_s=manifest.duration_s,
            audio_bytes=manifest.size_bytes,
            requests=tally.requests,
            synthesis_s=tally.synthesis_s,
            evicted=tally.evicted,
            left_in_cache=tally.left_in_cache,
            oldest_expiry=tally.oldest_expiry,
            problem="" if manifest.complete or tally.failed else _gone(manifest),
        )


def _gone(manifest: ChapterManifest) -> str:
    """Return the sentence on paragraphs that were filed and do not stand; empty if there are none."""
    entries = manifest.paragraphs.values()
    gone = sum(entry.status not in ("audio", "skipped") for entry in entries)
    if not gone:
        return ""
    return (
        f"{gone} paragraph{'s' if gone != 1 else ''} that had been filed "
        f"{'are' if gone != 1 else 'is'} not there any more, or changed: something else removes or "
        "changes files in the library. Find out what it is, then run again"
    )
