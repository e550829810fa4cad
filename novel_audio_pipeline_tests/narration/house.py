"""A library in memory, a backend and a novel: what the flow is tried in."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.flow import Narration
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.narration.progress import Progress
from novel_audio_pipeline.narration.speaker import Speaker
from novel_audio_pipeline.novels.model import Chapter, ChapterKey, Novel
from novel_audio_pipeline.novels.script import Script, write_script
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline.storage.memory import MemoryFileStore
from novel_audio_pipeline.upkeep.asked import AskedNotes
from novel_audio_pipeline_tests.narration.backends import FakeBackend

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def novel(*chapters: Sequence[str], titles: Sequence[str] = ()) -> Novel:
    return Novel(
        novel_id="so-do",
        title="Số đỏ",
        author="",
        language="vi",
        source="so-do.txt",
        chapters=tuple(
            Chapter(n, titles[n - 1] if titles else f"Chương {n}", tuple(paragraphs))
            for n, paragraphs in enumerate(chapters, start=1)
        ),
    )


class House:
    """A library in memory, a backend, and the novel as it is now."""

    def __init__(self, *chapters: Sequence[str], backend: FakeBackend | None = None) -> None:
        self.backend = backend or FakeBackend()
        self.store = MemoryFileStore()
        self.library = AudioLibrary(self.store)
        self.speech = SpeechSettings()
        self.evict = "proven"
        self.wait_s = 0.0
        self.takes: dict[str, int] = {}
        self.now = NOW
        self.notes: AskedNotes | None = None
        self.write(*chapters)

    def write(self, *chapters: Sequence[str], titles: Sequence[str] = ()) -> None:
        self.novel = novel(*chapters, titles=titles)

    def scripts(self, novel_id: str) -> tuple[Script, ...]:
        assert novel_id == "so-do"
        return tuple(
            write_script(self.novel, chapter, speech=self.speech, takes=self.takes)
            for chapter in self.novel.chapters
        )

    def narrate(
        self, *numbers: int, on_chapter: Callable[[ChapterOutcome], None] = lambda _one: None
    ) -> dict[int, ChapterOutcome]:
        outcomes: dict[int, ChapterOutcome] = {}

        def take(outcome: ChapterOutcome) -> None:
            outcomes[outcome.key.number] = outcome
            on_chapter(outcome)

        async def main() -> None:
            progress = Progress()
            speaker = Speaker(
                self.backend,
                concurrency=3,
                wait=timedelta(seconds=self.wait_s),
                progress=progress,
                sleep=lambda _seconds: asyncio.sleep(0),
            )
            narration = Narration(
                library=self.library,
                speaker=speaker,
                scripts=self.scripts,
                evict=self.evict,
                concurrency=3,
                progress=progress,
                now=lambda: self.now,
                notes=self.notes,
            )
            chosen = numbers or range(1, len(self.novel.chapters) + 1)
            await narration.run([ChapterKey("so-do", n) for n in chosen], on_chapter=take)

        asyncio.run(main())
        return outcomes

    def asked(self) -> list[str]:
        """Return what was asked for since the last look, sorted."""
        texts = sorted(self.backend.synthesized.elements())
        self.backend.synthesized.clear()
        return texts

    def standing(self, number: int) -> dict[int, str]:
        paragraphs = self.library.chapter_inventory("so-do", number).paragraphs
        return {n: held.standing.value for n, held in sorted(paragraphs.items())}


ONE = ["Một câu chuyện.", "“Ừ.”", "* * *", "Hết chương một."]
TWO = ["Chuyện thứ hai.", "Câu nữa.", "Rồi hết."]
