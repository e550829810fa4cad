"""What is swept: the full narration of a small novel, one paragraph at a time, without Dagster.

Plan, ask, download, verify, commit, evict, finish: every call to the library and to the backend goes
through one counter. The backend's cache is a folder beside the library, so that it outlives a killed
process, and each eviction is judged at its moment by what of the library is durable by then.
"""

import asyncio
import errno
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from novel_audio_pipeline.audio.wav import join_wavs
from novel_audio_pipeline.errors import (
    AudioTransferError,
    BackendBusyError,
    BackendUnreachableError,
    CacheEntryGoneError,
    TransientError,
)
from novel_audio_pipeline.library.check import check_library
from novel_audio_pipeline.library.inventory import Standing
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.flow import Narration
from novel_audio_pipeline.narration.plan import is_as_scripted
from novel_audio_pipeline.narration.progress import Progress
from novel_audio_pipeline.narration.speaker import Speaker
from novel_audio_pipeline.novels.model import Chapter, Novel
from novel_audio_pipeline.novels.script import Script, ScriptParagraph, write_script
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline.storage.store import FileStore
from novel_audio_pipeline.storage.temporary import is_temporary
from novel_audio_pipeline.tts_client.parts import parts_of
from novel_audio_pipeline.tts_client.replies import (
    BackendHealth,
    CachedSpeech,
    DownloadedAudio,
    SkippedSpeech,
)
from novel_audio_pipeline_tests.library.making import speech
from novel_audio_pipeline_tests.sweeps.replay import Tree
from novel_audio_pipeline_tests.sweeps.scenario import Ran, SweptStore, names_in, store_of
from novel_audio_pipeline_tests.sweeps.swept_calls import Killed, SweptCalls, Trace

NOVEL_ID = "so-do"
MAX_CHARS = 16  # so that the long paragraph is asked for in two parts
SKIPPED = "* * *"
LONG = "Một câu nữa. Hai câu nữa."
# How the failures of a file system look when they befall a connection.
_REFUSALS: dict[int, type[TransientError]] = {
    errno.EIO: BackendUnreachableError,
    errno.ENOSPC: BackendBusyError,
    errno.EDQUOT: AudioTransferError,
}


class CountedBackend:
    """A backend whose calls are counted twice, when asked and when answered, and may fail there."""

    url = "http://counted"

    def __init__(
        self,
        folder: Path,
        calls: SweptCalls,
        *,
        on_ask: Callable[[SpeechRequest], None],
        on_evict: Callable[[str, str], None],
    ) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._calls = calls
        self._on_ask = on_ask
        self._on_evict = on_evict

    async def health(self) -> BackendHealth:
        with self._counted("health"):
            return BackendHealth(service="counted", version="1", expiry=timedelta(hours=2))

    async def max_chars(self, model: str) -> int | None:
        with self._counted("limit"):
            return MAX_CHARS

    async def synthesize(self, request: SpeechRequest) -> CachedSpeech | SkippedSpeech:
        with self._counted("synthesis"):
            self._on_ask(request)
            path = self._entry(request.file_id)
            known = path.exists()
            path.write_bytes(speech(request.text))
            return CachedSpeech(request.file_id, known, None, "counted 1", request.voice)

    async def download(self, file_id: str) -> DownloadedAudio:
        with self._counted("download"):
            if not self._entry(file_id).exists():
                raise CacheEntryGoneError(file_id)
            data = self._entry(file_id).read_bytes()
            return DownloadedAudio(data, hashlib.sha256(data).hexdigest(), "digest")

    async def evict(self, file_id: str, *, sha256: str) -> bool:
        with self._counted("eviction"):
            self._on_evict(file_id, sha256)
            was_there = self._entry(file_id).exists()
            self._entry(file_id).unlink(missing_ok=True)
            return was_there

    def _entry(self, file_id: str) -> Path:
        return self._folder / f"{file_id}.wav"

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        try:
            self._calls.ask(f"{name} asked")
            yield
            self._calls.ask(f"{name} answered")
        except OSError as error:
            raise _REFUSALS[error.errno or 0](f"{name} failed") from error


class OneAtATime(Narration):
    """Works on one paragraph at a time in one thread, so that calls come in one order."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._workers = 1
        self._threads = ThreadPoolExecutor(1)


class NarrationScenario:
    """Two chapters, a paragraph inserted at the top, the chapters exchanged, and new titles."""

    _flow: type[Narration] = OneAtATime
    _concurrency = 1

    def __init__(self) -> None:
        one, two = ["Mở đầu.", SKIPPED, LONG], ["Chuyện khác.", "Hết."]
        top = ["Câu mới.", *one]
        self._stages = {
            "new": _novel([one, two]),
            "inserted": _novel([top, two]),
            "exchanged": _novel([two, top]),
            "renamed": _novel([two, top], title="Luck", titles=["One", "Two"]),
        }
        self.stages: Sequence[str] = tuple(self._stages)
        self._paragraphs: dict[str, ScriptParagraph] = {}
        self._filed: dict[str, str] = {}
        for paragraph in self._spoken_ones(range(len(self.stages))):
            parts = [part for whole in paragraph.pieces for part in _parts(whole)]
            wav = join_wavs([speech(part.text) for part in parts])
            for part in parts:
                self._paragraphs[part.file_id] = paragraph
                self._filed[part.file_id] = hashlib.sha256(wav).hexdigest()

    def run(
        self, stage: int, store: SweptStore, ran: Ran, on_commit: Callable[[str], None]
    ) -> None:
        """See ``Scenario``."""
        swept = isinstance(store.calls, SweptCalls)
        calls = store.calls if isinstance(store.calls, SweptCalls) else SweptCalls(Trace())
        if swept:
            calls.follow(store.root)
        held = {audio.key for audio in AudioLibrary(store_of(store.root)).held(NOVEL_ID)}

        def asked(request: SpeechRequest) -> None:
            paragraph = self._paragraphs[request.file_id]
            ran.spoken.append(paragraph.text)
            if paragraph.content_key in held:
                ran.wrong.append(f"asked for although it was held: {request.text}")

        def evicted(file_id: str, sha256: str) -> None:
            text = self._paragraphs[file_id].text
            ran.committed.append(text)
            on_commit(text)
            if swept and not self._is_durable(calls.durable(), file_id):
                ran.wrong.append(f"evicted before it was durable: {text}")

        cache = store.root.parent / "cache"
        backend = CountedBackend(cache, calls, on_ask=asked, on_evict=evicted)
        try:
            asyncio.run(self._narrate(stage, store, backend))
        except BaseExceptionGroup as group:
            if calls.dead:
                raise Killed from group
            raise

    def texts(self, stage: int) -> set[str]:
        """See ``Scenario``."""
        return {paragraph.text for paragraph in self._spoken_ones([stage])}

    def at_rest(self, store: FileStore, texts: set[str]) -> list[str]:
        """See ``Scenario``."""
        inventory = AudioLibrary(store).inventory(NOVEL_ID)
        held = {audio.key for audio in inventory.held()}
        keys = {p.text: p.content_key for p in self._paragraphs.values()}
        wrong = [f"lost: {text}" for text in sorted(texts) if keys[text] not in held]
        wrong += [
            f"record without its WAV: {number}/{paragraph}"
            for number, chapter in inventory.chapters.items()
            for paragraph, found in chapter.paragraphs.items()
            if found.standing is Standing.MISSING
        ]
        return wrong

    def when_done(self, stage: int, store: SweptStore, *, failed: bool) -> list[str]:
        """See ``Scenario``."""
        library, wrong = AudioLibrary(store), []
        for script in self._scripts(stage):
            chapter = library.chapter_inventory(NOVEL_ID, script.key.number)
            if set(chapter.paragraphs) != set(range(1, len(script.paragraphs) + 1)):
                wrong.append(f"{script.key} holds {sorted(chapter.paragraphs)}")
            wrong += [
                f"{script.key}/{number} is {found.standing.value}, not as scripted"
                for number, found in chapter.paragraphs.items()
                if number > len(script.paragraphs)
                or not is_as_scripted(script.paragraphs[number - 1], found)
            ]
            if not chapter.settled or chapter.manifest is None or not chapter.manifest.complete:
                wrong.append(f"{script.key} is not settled and complete")
            if chapter.folder is None or not _is_titled(chapter.folder, script):
                wrong.append(f"{script.key} stands in {chapter.folder}")
        found = check_library(library, read_share=1.0, at_once=1)
        wrong += [f"check: {finding.code} {finding.path}" for finding in found]
        wrong += [f"left over: {n}" for n in names_in(store) if is_temporary(Path(n).name)]
        return wrong + list(self._left_in_cache(stage, store.root.parent / "cache", failed=failed))

    def _left_in_cache(self, stage: int, cache: Path, *, failed: bool) -> Iterator[str]:
        """Yield what lies in the cache and should not.

        What the library holds may wait for its expiry after a failure, and where another part of the
        paragraph is gone, for the parts prove only together what they are.
        """
        entries = {entry.stem for entry in cache.glob("*.wav")}
        for file_id in entries:
            paragraph = self._paragraphs[file_id]
            parts = {part.file_id for whole in paragraph.pieces for part in _parts(whole)}
            may_wait = failed or not parts <= entries
            if not may_wait or paragraph.text not in self.texts(stage):
                yield f"left in the cache: {paragraph.text}"

    def _is_durable(self, tree: Tree, file_id: str) -> bool:
        """Return whether record and WAV of an entry would be there after losing power now."""
        for path, data in tree.items():
            if data is None or not path.endswith("_metadata.json"):
                continue
            try:
                record = json.loads(data)
            except ValueError:
                continue
            wav = tree.get(path.replace("_metadata.json", ".wav")) or b""
            named = file_id in [piece["fileId"] for piece in record.get("pieces") or ()]
            digest = hashlib.sha256(wav).hexdigest()
            if named and digest == record["sha256"] == self._filed[file_id]:
                return True
        return False

    async def _narrate(self, stage: int, store: SweptStore, backend: CountedBackend) -> None:
        # What the threads of a killed process die of is nobody's business.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        progress = Progress()
        scripts = self._scripts(stage)
        narration = self._flow(
            library=AudioLibrary(store),
            speaker=Speaker(
                backend,
                concurrency=self._concurrency,
                wait=timedelta(0),
                progress=progress,
                sleep=lambda _seconds: asyncio.sleep(0),
            ),
            scripts=lambda _novel_id: scripts,
            evict="proven",
            concurrency=self._concurrency,
            progress=progress,
            now=lambda: datetime.now(UTC),
        )
        await narration.run([s.key for s in scripts], on_chapter=lambda _outcome: None)

    def _scripts(self, stage: int) -> list[Script]:
        return _scripts_of(self._stages[self.stages[stage]])

    def _spoken_ones(self, stages: Sequence[int]) -> Iterator[ScriptParagraph]:
        for stage in stages:
            for script in self._scripts(stage):
                yield from (p for p in script.paragraphs if p.content_key is not None)


class ThreadedScenario(NarrationScenario):
    """The same with the flow as it is: four paragraphs in work, in four threads, in any order."""

    _flow = Narration
    _concurrency = 2


def _novel(
    chapters: Sequence[Sequence[str]],
    *,
    title: str = "Số đỏ",
    titles: Sequence[str] = ("Chương một", "Chương hai"),
) -> Novel:
    return Novel(
        novel_id=NOVEL_ID,
        title=title,
        author="",
        language="vi",
        source="so-do.txt",
        chapters=tuple(
            Chapter(number, titles[number - 1], tuple(paragraphs))
            for number, paragraphs in enumerate(chapters, start=1)
        ),
    )


def _scripts_of(novel: Novel) -> list[Script]:
    return [
        write_script(novel, chapter, speech=SpeechSettings(), takes={})
        for chapter in novel.chapters
    ]


def _parts(whole: SpeechRequest) -> Sequence[SpeechRequest]:
    return parts_of(whole, max_chars=MAX_CHARS)


def _is_titled(folder: PurePosixPath, script: Script) -> bool:
    words = (script.novel_title.replace(" ", "_"), script.title.replace(" ", "_"))
    return folder.parent.name.endswith(words[0]) and folder.name.endswith(words[1])
