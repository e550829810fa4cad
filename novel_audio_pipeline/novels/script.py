"""A chapter as it will be spoken: what is said of each paragraph, by whom, or why it is skipped."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.model import Chapter, ChapterKey, Novel
from novel_audio_pipeline.novels.spoken_text import skip_reason, spoken_text
from novel_audio_pipeline.speech.request import SpeechRequest, joined_content_key
from novel_audio_pipeline.speech.sentences import cut_at_sentences
from novel_audio_pipeline.speech.voices import SpeechSettings


@dataclass(frozen=True, slots=True)
class ScriptParagraph:
    """One paragraph of a script.

    Attributes:
        number: Position in the chapter, from 1.
        text: The original text.
        spoken_text: What is spoken of it; see ``spoken_text``.
        skip_reason: Why nothing is spoken, or None.
        voice: Name of the voice; None if skipped.
        language: Primary language tag.
        pieces: What is asked for, in order; empty if skipped.
        content_key: Key of the audio of all pieces; None if skipped.
    """

    number: int
    text: str
    spoken_text: str
    skip_reason: str | None
    voice: str | None
    language: str
    pieces: tuple[SpeechRequest, ...]
    content_key: str | None


@dataclass(frozen=True, slots=True)
class Script:
    """A chapter as it will be spoken.

    Attributes:
        key: Which chapter.
        novel_title: For people.
        title: Title of the chapter, for people; may be empty.
        paragraphs: In order, numbered from 1.
        digest: See ``script_digest``.
    """

    key: ChapterKey
    novel_title: str
    title: str
    paragraphs: tuple[ScriptParagraph, ...]
    digest: str


class NovelScripts(Sequence[Script]):
    """The scripts of a novel in order, each written when it is taken and kept by nobody here.

    All are of one reading of the source: what is edited meanwhile is in the next.

    Args:
        novel: The novel.
        speech: How novels are spoken unless they say otherwise.

    Raises:
        SourceError: ``no_voice_for_language``, as ``write_script``.
    """

    def __init__(self, novel: Novel, speech: SpeechSettings) -> None:
        self._novel = novel
        self._speech = speech
        if not speech_of(novel, speech).voices.get(novel.language):
            for _ in self:  # the first paragraph that is to be spoken tells what is missing
                pass

    @property
    def keys(self) -> tuple[ChapterKey, ...]:
        """Which chapters, in order; no script is written."""
        return tuple(ChapterKey(self._novel.novel_id, c.number) for c in self._novel.chapters)

    @overload
    def __getitem__(self, index: int) -> Script: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Script, ...]: ...

    def __getitem__(self, index: int | slice) -> Script | tuple[Script, ...]:
        if isinstance(index, slice):
            return tuple(map(self._written, self._novel.chapters[index]))
        return self._written(self._novel.chapters[index])

    def __len__(self) -> int:
        return len(self._novel.chapters)

    def _written(self, chapter: Chapter) -> Script:
        takes = self._novel.settings.takes
        return write_script(self._novel, chapter, speech=self._speech, takes=takes)


def write_script(
    novel: Novel, chapter: Chapter, *, speech: SpeechSettings, takes: Mapping[str, int]
) -> Script:
    """Return the script of one chapter.

    Args:
        novel: The novel; model, voice and speed in its settings override ``speech``, its voice
            being the one for its language.
        chapter: One of its chapters.
        speech: How novels are spoken unless they say otherwise.
        takes: Take number, 1 to 99, by content key of take 0 of a paragraph; others are take 0.

    Raises:
        SourceError: ``no_voice_for_language`` if there is something to speak and no voice for it.
    """
    speech = speech_of(novel, speech)
    paragraphs = tuple(
        _write_paragraph(number, text, novel=novel, speech=speech, takes=takes)
        for number, text in enumerate(chapter.paragraphs, start=1)
    )
    return Script(
        key=ChapterKey(novel.novel_id, chapter.number),
        novel_title=novel.title,
        title=chapter.title,
        paragraphs=paragraphs,
        digest=script_digest(paragraphs),
    )


def speech_of(novel: Novel, speech: SpeechSettings) -> SpeechSettings:
    """Return the speech settings with those of the novel put over them."""
    own = novel.settings
    voices = dict(speech.voices)
    if own.voice is not None:
        voices[novel.language] = own.voice
    return replace(
        speech,
        model=speech.model if own.model is None else own.model,
        speed=speech.speed if own.speed is None else own.speed,
        voices=voices,
    )


def script_digest(paragraphs: Sequence[ScriptParagraph]) -> str:
    """Return the digest of a script, 64 lowercase hex digits.

    SHA-256 of the JSON (ASCII only, no spaces) of a list with one list of three strings for each
    paragraph, in order: ``["speak", content key, original text]`` or ``["skip", skip reason,
    original text]``. Titles are not in it: a new title makes no audio stale.
    """
    lines = [
        ["skip", paragraph.skip_reason, paragraph.text]
        if paragraph.content_key is None
        else ["speak", paragraph.content_key, paragraph.text]
        for paragraph in paragraphs
    ]
    return hashlib.sha256(json.dumps(lines, separators=(",", ":")).encode()).hexdigest()


def _write_paragraph(
    number: int, text: str, *, novel: Novel, speech: SpeechSettings, takes: Mapping[str, int]
) -> ScriptParagraph:
    spoken = spoken_text(text)
    reason = skip_reason(spoken)
    voice: str | None = None
    pieces: tuple[SpeechRequest, ...] = ()
    content_key: str | None = None
    if reason is None:
        voice = _voice_for(novel, speech)
        pieces = _pieces(spoken, novel=novel, speech=speech, voice=voice, take=0)
        content_key = joined_content_key(pieces)
        if take := takes.get(content_key, 0):
            pieces = tuple(replace(piece, take=take) for piece in pieces)
            content_key = joined_content_key(pieces)
    return ScriptParagraph(
        number=number,
        text=text,
        spoken_text=spoken,
        skip_reason=reason,
        voice=voice,
        language=novel.language,
        pieces=pieces,
        content_key=content_key,
    )


def _pieces(
    spoken: str, *, novel: Novel, speech: SpeechSettings, voice: str, take: int
) -> tuple[SpeechRequest, ...]:
    return tuple(
        SpeechRequest(
            text=piece,
            model=speech.model,
            voice=voice,
            language=novel.language,
            speed=speech.speed,
            take=take,
        )
        for piece in cut_at_sentences(spoken, max_chars=speech.max_chars)
    )


def _voice_for(novel: Novel, speech: SpeechSettings) -> str:
    voice = speech.voices.get(novel.language)
    if voice:
        return voice
    has_setting = novel.language in ("vi", "en")
    setting = f"NOVEL_AUDIO_VOICE_{novel.language.upper()} or " if has_setting else ""
    raise SourceError(
        f"{novel.novel_id}: no voice is set for the language {novel.language!r} of this novel "
        f"({novel.source}); set {setting}`voice` in the novel's settings file, or `language` "
        "there if the language is wrong",
        code="no_voice_for_language",
        source=novel.source,
    )
