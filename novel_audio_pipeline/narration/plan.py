"""Deciding what to do with each paragraph of a chapter: a pure function over script and holdings."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from novel_audio_pipeline.library.inventory import (
    AudioPlace,
    ChapterInventory,
    HeldAudio,
    HeldParagraph,
    Standing,
)
from novel_audio_pipeline.library.record import text_key
from novel_audio_pipeline.novels.script import Script, ScriptParagraph

REFUSED_BY_BACKEND = "refused_by_backend"


@dataclass(frozen=True, slots=True)
class Keep:
    """What stands at the paragraph's place is what the script wants.

    Attributes:
        paragraph: Of the script.
        audio: What stands there, or None if it is a skip.
    """

    paragraph: ScriptParagraph
    audio: HeldAudio | None


@dataclass(frozen=True, slots=True)
class Move:
    """The audio stands elsewhere in the novel's folder."""

    paragraph: ScriptParagraph
    source: AudioPlace


@dataclass(frozen=True, slots=True)
class Speak:
    """The audio is nowhere: it is asked for."""

    paragraph: ScriptParagraph


@dataclass(frozen=True, slots=True)
class Skip:
    """There is nothing to speak, and the library does not say so yet."""

    paragraph: ScriptParagraph


Step = Keep | Move | Speak | Skip


@dataclass(frozen=True, slots=True)
class ChapterPlan:
    """What is to be done for one chapter.

    Attributes:
        script: What the chapter should be.
        steps: One for each paragraph of the script, in order.
        beyond: Numbers of held paragraphs that the script has not.
        settled: Whether nothing at all needs to be written.
        was_cut_short: Whether an earlier narration did not get to finish the chapter: what it filed
            last may still be in the cache.
    """

    script: Script
    steps: tuple[Step, ...]
    beyond: tuple[int, ...]
    settled: bool
    was_cut_short: bool

    @property
    def kept_audio(self) -> int:
        """How many paragraphs keep the audio that stands at their place."""
        return sum(isinstance(step, Keep) and step.audio is not None for step in self.steps)


def is_as_scripted(paragraph: ScriptParagraph, held: HeldParagraph) -> bool:
    """Return whether what is held at a paragraph's place is what the script wants there.

    Audio must be intact and have the paragraph's content key; audio adopted from the existing
    system, which kept no key, must have its text. A skip must have its text and reason. Text that
    a backend refused stays refused, and adopted audio stays, until another take is asked for.
    """
    same_text = held.text_key == text_key(paragraph.text) and is_first_take(paragraph)
    if held.standing is Standing.SKIPPED:
        return same_text and held.skip_reason in (paragraph.skip_reason, REFUSED_BY_BACKEND)
    if held.standing is not Standing.INTACT or paragraph.skip_reason is not None:
        return False
    if held.adopted:
        return same_text
    return held.content_key == paragraph.content_key


def plan_chapter(
    script: Script, held: ChapterInventory, *, elsewhere: Callable[[str], AudioPlace | None]
) -> ChapterPlan:
    """Return the step for each paragraph of a chapter: keep, move, speak or skip.

    Args:
        script: What the chapter should be.
        held: What the chapter's folder holds.
        elsewhere: Where the novel's folder holds the audio of a key, or None. It is only asked
            for what is not kept, so that an unchanged chapter costs no look at the others.
    """
    steps = tuple(
        _step(paragraph, held.paragraphs.get(paragraph.number), elsewhere)
        for paragraph in script.paragraphs
    )
    beyond = tuple(sorted(n for n in held.paragraphs if n > len(script.paragraphs)))
    settled = (
        held.settled
        and not beyond
        and held.manifest is not None
        and held.manifest.script_digest == script.digest
        and (held.manifest.novel_title, held.manifest.title) == (script.novel_title, script.title)
        and all(isinstance(step, Keep) for step in steps)
    )
    return ChapterPlan(
        script=script,
        steps=steps,
        beyond=beyond,
        settled=settled,
        was_cut_short=bool(held.paragraphs) and not held.settled,
    )


def _step(
    paragraph: ScriptParagraph,
    held: HeldParagraph | None,
    elsewhere: Callable[[str], AudioPlace | None],
) -> Step:
    if held is not None and is_as_scripted(paragraph, held):
        return Keep(paragraph, held.audio)
    if paragraph.content_key is None:
        return Skip(paragraph)
    source = elsewhere(paragraph.content_key)
    if source is None and is_first_take(paragraph):
        source = elsewhere(text_key(paragraph.text))
    return Move(paragraph, source) if source else Speak(paragraph)


def is_first_take(paragraph: ScriptParagraph) -> bool:
    """Return whether nobody has asked for another reading."""
    return all(piece.take == 0 for piece in paragraph.pieces)


def wanted_keys(script: Script) -> Iterator[str]:
    """Yield every key under which a script wants audio: content keys, and keys of texts."""
    for paragraph in script.paragraphs:
        if paragraph.content_key is not None:
            yield paragraph.content_key
            yield text_key(paragraph.text)
