"""Paragraphs, scripts and libraries for the tests of the library: small, real, made here."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import PurePosixPath

import numpy as np

from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.library.chapter import ChapterFolder
from novel_audio_pipeline.library.inventory import HeldAudio, HeldParagraph, Standing
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.library.manifest import ChapterManifest
from novel_audio_pipeline.library.record import (
    AudioFacts,
    ParagraphRecord,
    ParagraphText,
    Piece,
    text_key,
)
from novel_audio_pipeline.storage.paths import ROOT

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
RATE = 8_000
TEXTS = ["Một.", "Hai.", "-", "Bốn.", "Năm."]
FOLDER = PurePosixPath("so-do_Số_Đỏ/chapter_001_Chương_một")


@lru_cache(maxsize=1000)
def speech(text: str) -> bytes:
    """Return a short real WAV that is another one for every text."""
    pitch = 200 + int(hashlib.sha256(text.encode()).hexdigest()[:4], 16) % 2000
    t = np.arange(400 + len(text)) / RATE
    return encode_wav((np.sin(2 * np.pi * pitch * t) * 9000).astype(np.int16), RATE)


def key_of(text: str, take: int = 0) -> str:
    return hashlib.sha256(f"{take} {text}".encode()).hexdigest()


@dataclass(frozen=True)
class MiniScript:
    """A chapter as it will be spoken: ``-`` is skipped, everything else is spoken."""

    texts: Sequence[str]
    number: int = 1
    novel_id: str = "so-do"
    novel_title: str = "Số Đỏ"
    title: str = "Chương một"

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.texts).encode()).hexdigest()

    def text(self, number: int) -> ParagraphText:
        original = self.texts[number - 1]
        return ParagraphText(
            novel_id=self.novel_id,
            novel_title=self.novel_title,
            chapter_number=self.number,
            chapter_title=self.title,
            paragraph_number=number,
            total_paragraphs=len(self.texts),
            original_text=original,
            spoken_text="" if original == "-" else original,
        )

    def record(self, number: int) -> ParagraphRecord:
        text = self.text(number)
        if text.original_text == "-":
            return ParagraphRecord(text, NOW, skip_reason="no_letter_or_digit")
        return ParagraphRecord(text, NOW, audio=audio_facts(text.original_text))

    def stands(self, held: HeldParagraph) -> bool:
        text = self.texts[held.number - 1]
        if text == "-":
            return held.standing is Standing.SKIPPED and held.text_key == text_key(text)
        return held.standing is Standing.INTACT and held.content_key == key_of(text)


def audio_facts(text: str, *, wav: bytes | None = None) -> AudioFacts:
    wav = wav or speech(text)
    key = key_of(text)
    return AudioFacts(
        content_key=key,
        sha256=hashlib.sha256(wav).hexdigest(),
        size_bytes=len(wav),
        duration_s=(400 + len(text)) / RATE,
        sample_rate_hz=RATE,
        verified_by="digest",
        created_at=NOW,
        model="espeak",
        voice="vi",
        language="vi",
        speed=1.0,
        engine="espeak-ng 1.52",
        engine_voice="vi",
        pieces=(Piece(content_key=key, file_id=key[:32]),),
    )


class MiniNarration:
    """What narration does with the library, without speech: plan, commit, finish; counts speech."""

    def __init__(self, library: AudioLibrary) -> None:
        self.library = library
        self.spoken: list[str] = []

    def narrate(self, scripts: Sequence[MiniScript]) -> list[ChapterManifest]:
        """Narrate all chapters of one novel, one paragraph at a time."""
        wanted = {key_of(text) for script in scripts for text in script.texts}
        wanted |= {text_key(text) for script in scripts for text in script.texts}
        held = self.library.inventory(scripts[0].novel_id).held()
        elsewhere = {audio.key: audio for audio in reversed(list(held))}
        manifests = [self._chapter(script, elsewhere, wanted) for script in scripts]
        self.library.tidy(scripts[0].novel_id, wanted=wanted.__contains__)
        return manifests

    def _chapter(
        self, script: MiniScript, elsewhere: dict[str, HeldAudio], wanted: set[str]
    ) -> ChapterManifest:
        with open_chapter(self.library, script) as folder:
            held = folder.inventory()
            for number in range(1, len(script.texts) + 1):
                standing = held.paragraphs.get(number)
                if standing is None or not script.stands(standing):
                    self._paragraph(folder, script, number, elsewhere, wanted)
            return folder.finish(
                script_digest=script.digest,
                paragraphs=len(script.texts),
                as_scripted=script.stands,
                wanted=wanted.__contains__,
            )

    def _paragraph(
        self,
        folder: ChapterFolder,
        script: MiniScript,
        number: int,
        elsewhere: dict[str, HeldAudio],
        wanted: set[str],
    ) -> None:
        text = script.texts[number - 1]
        if text == "-":
            folder.commit_skip(script.record(number), wanted=wanted.__contains__)
            return
        source = elsewhere.get(key_of(text)) or elsewhere.get(text_key(text))
        if source is not None and folder.commit_held(
            script.text(number), source, wanted=wanted.__contains__
        ):
            return
        self.spoken.append(text)
        folder.commit_audio(script.record(number), speech(text), wanted=wanted.__contains__)
        self.evict(text)

    def evict(self, text: str) -> None:
        """Take what has been committed out of the cache."""


def open_chapter(library: AudioLibrary, script: MiniScript) -> ChapterFolder:
    return library.chapter(
        script.novel_id,
        script.number,
        novel_title=script.novel_title,
        chapter_title=script.title,
    )


def anything(key: str) -> bool:
    return True


def nothing(key: str) -> bool:
    return False


def files(library: AudioLibrary, folder: PurePosixPath = ROOT) -> list[str]:
    found = []
    for entry in library.store.entries(folder) or ():
        if entry.name == ".locks":
            continue
        inner = folder / entry.name
        found += files(library, inner) if entry.kind == "folder" else [str(inner)]
    return found


def sounds(library: AudioLibrary, script: MiniScript) -> list[str | None]:
    """Return which text is heard at each place of a chapter."""
    known = {speech(text): text for text in "".join(TEXTS).split() + TEXTS + list(script.texts)}
    inventory = library.chapter_inventory(script.novel_id, script.number)
    return [
        known[library.store.read(held.audio.path)] if held.audio else held.skip_reason
        for _, held in sorted(inventory.paragraphs.items())
    ]


def narrated(library: AudioLibrary, *scripts: MiniScript) -> MiniNarration:
    narration = MiniNarration(library)
    assert all(manifest.complete for manifest in narration.narrate(scripts))
    return narration
