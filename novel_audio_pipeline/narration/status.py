"""How chapters stand, and what narrating them would cost: looking only, nothing is written."""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from novel_audio_pipeline.library.held_places import HeldPlaces
from novel_audio_pipeline.library.inventory import AudioPlace, ChapterInventory
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.outcome import FailedParagraph
from novel_audio_pipeline.narration.plan import (
    ChapterPlan,
    Keep,
    Move,
    Skip,
    Speak,
    plan_chapter,
)
from novel_audio_pipeline.narration.verify import expected_duration_s
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.novels.script import Script

StandingState = Literal["complete", "incomplete", "missing", "stale"]


@dataclass(frozen=True, slots=True)
class ChapterStatus:
    """How one chapter stands, and what a narration would do.

    Attributes:
        key: Which chapter.
        title: Its present title.
        digest: Of its script.
        state: ``complete``; ``stale`` if it was complete for another text or voice; ``missing`` if
            nothing is held of it or was asked for; else ``incomplete``.
        settled: Whether not even a file needs tidying.
        paragraphs: Length of the script.
        kept: Paragraphs whose audio stands as wanted.
        to_move: Paragraphs whose audio is elsewhere in the library.
        to_speak: Paragraphs that would be asked for.
        requests_to_come: Speech requests for these; a long paragraph is spoken in several pieces.
        skipped: Paragraphs that hold nothing to speak.
        failed: Paragraphs with a failure on record, and what failed.
        audio_s: Seconds of audio held.
        audio_bytes: Bytes of audio held.
        audio_s_to_speak: Seconds of audio to come, as expected by its length.
    """

    key: ChapterKey
    title: str
    digest: str
    state: StandingState
    settled: bool
    paragraphs: int
    kept: int
    to_move: int
    to_speak: int
    requests_to_come: int
    skipped: int
    failed: tuple[FailedParagraph, ...]
    audio_s: float
    audio_bytes: int
    audio_s_to_speak: float


def chapter_statuses(
    scripts: Iterable[Script],
    library: AudioLibrary,
    *,
    asked: Container[ChapterKey] = frozenset(),
    verify: bool = False,
) -> Iterator[ChapterStatus]:
    """Yield how each chapter of one novel stands.

    Args:
        scripts: All scripts of the novel, or some of them; in any case of one novel. Each is
            looked at once and not kept.
        library: Looked at, never written.
        asked: Chapters of which something was asked for and never filed.
        verify: Whether audio that no manifest vouches for is hashed; else it counts as not there.
    """
    look: Callable[[int], ChapterInventory] | None = None
    places: HeldPlaces | None = None
    for script in scripts:
        novel_id = script.key.novel_id
        look = look or library.chapter_lookup(novel_id, verify=verify)

        def elsewhere(key: str, novel_id: str = novel_id) -> AudioPlace | None:
            nonlocal places
            places = places or HeldPlaces(library.held(novel_id, verify=verify))
            return places.find(key)

        held = look(script.key.number)
        yield _status(
            plan_chapter(script, held, elsewhere=elsewhere), held, was_asked=script.key in asked
        )


def _status(plan: ChapterPlan, held: ChapterInventory, *, was_asked: bool) -> ChapterStatus:
    to_speak = [step.paragraph for step in plan.steps if isinstance(step, Speak)]
    audio = [paragraph.audio for paragraph in held.paragraphs.values() if paragraph.audio]
    return ChapterStatus(
        key=plan.script.key,
        title=plan.script.title,
        digest=plan.script.digest,
        state=_state(plan, held, was_asked=was_asked),
        settled=plan.settled,
        paragraphs=len(plan.steps),
        kept=plan.kept_audio,
        to_move=sum(isinstance(step, Move) for step in plan.steps),
        to_speak=len(to_speak),
        requests_to_come=sum(len(paragraph.pieces) for paragraph in to_speak),
        skipped=sum(
            isinstance(step, Skip) or (isinstance(step, Keep) and step.audio is None)
            for step in plan.steps
        ),
        failed=tuple(
            FailedParagraph(number, paragraph.failure.code, paragraph.failure.message)
            for number, paragraph in sorted(held.paragraphs.items())
            if paragraph.failure is not None
        ),
        audio_s=sum(one.duration_s for one in audio),
        audio_bytes=sum(one.size_bytes for one in audio),
        audio_s_to_speak=sum(
            expected_duration_s(piece) for paragraph in to_speak for piece in paragraph.pieces
        ),
    )


def _state(plan: ChapterPlan, held: ChapterInventory, *, was_asked: bool) -> StandingState:
    if all(isinstance(step, Keep) for step in plan.steps) and not plan.beyond:
        return "complete"
    if not held.paragraphs:
        return "incomplete" if was_asked else "missing"
    manifest = held.manifest
    if manifest is not None and manifest.complete and manifest.script_digest != plan.script.digest:
        return "stale"
    return "incomplete"
