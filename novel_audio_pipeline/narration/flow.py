"""The flow for a run over chapters: plan, speak, commit, evict, several paragraphs at once.

Chapters are fed in order into one stream of steps, so that the backend is kept busy while the last
paragraphs of a chapter are being filed. Blocking work runs in threads; a commit that has begun is
always waited for.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from novel_audio_pipeline.errors import (
    NotFoundError,
    NovelAudioError,
    SourceError,
    SpeechRefusedError,
    StorageError,
    TransientError,
    WrongAudioError,
)
from novel_audio_pipeline.library.inventory import HeldAudio
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.assemble import assemble
from novel_audio_pipeline.narration.chapter_work import ChapterWork
from novel_audio_pipeline.narration.holdings import Holdings
from novel_audio_pipeline.narration.outcome import ChapterOutcome, not_narrated
from novel_audio_pipeline.narration.plan import (
    REFUSED_BY_BACKEND,
    Keep,
    Move,
    Skip,
    Speak,
    Step,
    is_first_take,
    plan_chapter,
)
from novel_audio_pipeline.narration.progress import Progress
from novel_audio_pipeline.narration.speaker import Speaker, SpokenPiece
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.novels.script import Script, ScriptParagraph
from novel_audio_pipeline.tts_client.replies import SkippedSpeech
from novel_audio_pipeline.upkeep.asked import AskedNotes

LEAST_FREE_BYTES = 2 * 1024**3
LEAST_FREE_SHARE = 0.05
LOCK_WAIT_S = 600.0  # for another process that narrates the same chapter
LOCK_POLL_S = 1.0
# What shows that the audio is that of the cache entry, byte by byte.
PROVEN = ("digest", "folder")

_Result = TypeVar("_Result")
# What fails one paragraph and lets the others go on; anything else ends the run.
_PARAGRAPH_ERRORS = (TransientError, SpeechRefusedError, WrongAudioError)


class Narration:
    """One run over chapters of one library through one speaker."""

    def __init__(
        self,
        *,
        library: AudioLibrary,
        speaker: Speaker,
        scripts: Callable[[str], Sequence[Script]],
        evict: str,
        concurrency: int,
        progress: Progress,
        now: Callable[[], datetime],
        notes: AskedNotes | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            library: Where audio is filed.
            speaker: Gets utterances out of the backend.
            scripts: Returns all scripts of a novel, in order, by its id.
            evict: ``proven``, ``always`` or ``never``.
            concurrency: Speech requests under way at once; twice as many paragraphs are in work.
            progress: Told what is done.
            now: Gives aware instants.
            notes: Where it is noted what was asked for and is not filed yet; None to note nothing.
        """
        self._library = library
        self._speaker = speaker
        self._scripts = scripts
        self._evict = evict
        self._progress = progress
        self._now = now
        self._notes = notes
        self._workers = 2 * concurrency
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="narration")
        self._spoken: dict[str, asyncio.Future[HeldAudio | SkippedSpeech]] = {}
        self._holdings: Holdings | None = None
        self._wanted: dict[str, Callable[[str], bool]] = {}

    async def run(
        self, keys: Sequence[ChapterKey], *, on_chapter: Callable[[ChapterOutcome], None]
    ) -> None:
        """Narrate chapters in order; each outcome is handed over as soon as it stands.

        A paragraph that fails leaves its chapter incomplete, and a chapter that is in no source
        (any more) is ``missing``; the others go on. Cancelled, it commits what has been downloaded
        and then stops.

        Args:
            keys: Which chapters, each once.
            on_chapter: Called in the event loop with each outcome.

        Raises:
            BackendDownError: If the backend did not come back in time.
            StorageError: If the library cannot be written or its disk is nearly full.
        """
        steps: asyncio.Queue[tuple[ChapterWork, Step] | None] = asyncio.Queue(self._workers)
        open_works: set[ChapterWork] = set()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed(keys, steps, open_works, on_chapter))
                for _ in range(self._workers):
                    group.create_task(self._work(steps, open_works, on_chapter))
            for novel_id, wanted in self._wanted.items():
                await self._in_thread(lambda n=novel_id, w=wanted: self._library.tidy(n, wanted=w))
        except* Exception as errors:  # noqa: BLE001  (unwrapped, not dropped)
            raise _first(errors) from None
        finally:
            for work in open_works:
                await self._in_thread(work.abandon)
            self._threads.shutdown()
            self._progress.tell()

    async def _feed(
        self,
        keys: Sequence[ChapterKey],
        steps: "asyncio.Queue[tuple[ChapterWork, Step] | None]",
        open_works: set[ChapterWork],
        on_chapter: Callable[[ChapterOutcome], None],
    ) -> None:
        """Plan each chapter when its turn comes, and put its steps on the stream."""
        for key in keys:
            try:
                work = await self._opened(key)
            except (NotFoundError, SourceError) as error:
                on_chapter(not_narrated(key, error))
                continue
            open_works.add(work)
            self._progress.add(total=len(work.plan.steps))
            if not work.plan.steps:
                await self._finish(work, open_works, on_chapter)
            for step in work.plan.steps:
                await steps.put((work, step))
        for _ in range(self._workers):
            await steps.put(None)

    async def _work(
        self,
        steps: "asyncio.Queue[tuple[ChapterWork, Step] | None]",
        open_works: set[ChapterWork],
        on_chapter: Callable[[ChapterOutcome], None],
    ) -> None:
        """Do steps until there are no more."""
        while (item := await steps.get()) is not None:
            work, step = item
            await self._do(work, step)
            work.steps_left -= 1
            if work.steps_left == 0:
                await self._finish(work, open_works, on_chapter)

    async def _finish(
        self,
        work: ChapterWork,
        open_works: set[ChapterWork],
        on_chapter: Callable[[ChapterOutcome], None],
    ) -> None:
        outcome = await self._in_thread(work.finish)
        open_works.discard(work)
        on_chapter(outcome)
        if outcome.state == "complete":
            await self._in_thread(self._note, work, lambda notes: notes.settle_chapter(outcome.key))

    async def _opened(self, key: ChapterKey) -> ChapterWork:
        """Open a chapter; wait a while if another process has it, then go on all the same."""
        waited_s = 0.0
        while (work := await self._in_thread(self._open, key, waited_s >= LOCK_WAIT_S)) is None:
            self._progress.note(f"{key} is being narrated by another process; waiting for it")
            await asyncio.sleep(LOCK_POLL_S)
            waited_s += LOCK_POLL_S
        if waited_s:
            self._progress.note("")
        return work

    def _open(self, key: ChapterKey, even_if_locked: bool) -> ChapterWork | None:  # noqa: FBT001
        """Plan a chapter and open its folder, None if another has it; runs in a thread."""
        if self._holdings is None or self._holdings.novel_id != key.novel_id:
            self._holdings = Holdings(self._library, key.novel_id, self._scripts(key.novel_id))
        holdings = self._holdings
        script = holdings.script(key)
        folder = self._library.chapter(
            key.novel_id,
            key.number,
            novel_title=script.novel_title,
            chapter_title=script.title,
        )
        try:
            if not folder.locked and not even_if_locked:
                folder.close()
                return None
            plan = plan_chapter(script, folder.inventory(), elsewhere=holdings.elsewhere)
        except BaseException:
            folder.close()
            raise
        self._wanted[key.novel_id] = holdings.wanted
        return ChapterWork(
            plan,
            folder,
            wanted=holdings.wanted,
            is_repeated=holdings.is_repeated,
            now=self._now,
        )

    async def _do(self, work: ChapterWork, step: Step) -> None:
        """Do one step; what fails only this paragraph is written down as its failure."""
        try:
            match step:
                case Keep(_, audio):
                    if audio is not None and work.plan.was_cut_short and self._evict != "never":
                        await self._evict_kept(work, audio)
                case Skip(paragraph):
                    reason = str(paragraph.skip_reason)
                    await self._in_thread(work.commit_skip, paragraph, reason)
                case Move(paragraph, source):
                    if not await self._in_thread(work.commit_held, paragraph, source):
                        await self._speak(work, paragraph)
                case Speak(paragraph):
                    await self._speak(work, paragraph)
        except _PARAGRAPH_ERRORS as error:
            await self._in_thread(self._file_failure, work, step.paragraph, error)
            self._progress.add(failed=1)
        else:
            self._progress.add(done=1)

    async def _speak(self, work: ChapterWork, paragraph: ScriptParagraph) -> None:
        """Speak a paragraph, or take what this run has spoken for the same content key."""
        key = str(paragraph.content_key)
        if not work.is_repeated(key):  # then nobody will ask for it again: nothing is remembered
            made = await self._speak_and_file(work, paragraph)
        elif (earlier := self._spoken.get(key)) is not None:
            made = await asyncio.shield(earlier)
            if isinstance(made, HeldAudio) and not await self._in_thread(
                work.commit_held, paragraph, made
            ):
                made = await self._speak_and_file(work, paragraph)
        else:
            made = await self._speak_for_all(work, paragraph)
        if isinstance(made, SkippedSpeech):
            await self._refused(work, paragraph, made)

    async def _speak_for_all(
        self, work: ChapterWork, paragraph: ScriptParagraph
    ) -> HeldAudio | SkippedSpeech:
        """Speak a paragraph whose content key others of the run have too; they wait for it."""
        future: asyncio.Future[HeldAudio | SkippedSpeech] = asyncio.Future()
        self._spoken[str(paragraph.content_key)] = future
        try:
            made = await self._speak_and_file(work, paragraph)
        except BaseException as error:
            if isinstance(error, Exception):
                future.set_exception(error)
                future.exception()  # read here, so that nobody need wait for it
            else:
                future.cancel()
            raise
        future.set_result(made)
        return made

    async def _speak_and_file(
        self, work: ChapterWork, paragraph: ScriptParagraph
    ) -> HeldAudio | SkippedSpeech:
        """Request, download, verify, join, commit, evict; nothing is filed if it is refused."""
        self._require_space()
        started = time.monotonic()
        pieces: list[SpokenPiece] = []
        for whole in paragraph.pieces:
            for request in await self._speaker.parts(whole):
                piece = await self._speaker.speak(request, asked=self._asked(work, paragraph))
                if isinstance(piece, SkippedSpeech):
                    return piece
                pieces.append(piece)
        work.note_speech(requests=len(pieces), synthesis_s=time.monotonic() - started)
        held = await self._in_thread(self._file, work, paragraph, pieces)
        self._progress.add(spoken=1, audio_s=held.duration_s)
        for piece in pieces:
            evicted = self._may_evict(piece) and await self._speaker.evict(piece)
            work.note_cache(evicted=evicted, expires_at=piece.cached.expires_at)
        return held

    def _asked(
        self, work: ChapterWork, paragraph: ScriptParagraph
    ) -> Callable[[str], Awaitable[None]] | None:
        """Return what notes the cache entries of a paragraph, so that none is lost unnamed."""
        if self._notes is None:
            return None
        key, number = work.script.key, paragraph.number
        return lambda file_id: self._in_thread(
            self._note, work, lambda notes: notes.asked(key, number, file_id)
        )

    def _settle(self, work: ChapterWork, paragraph: ScriptParagraph) -> None:
        """Forget that a paragraph was asked for, in one go with what is filed; runs in a thread."""
        self._note(work, lambda notes: notes.settled(work.script.key, paragraph.number))

    def _note(self, work: ChapterWork, act: Callable[[AskedNotes], None]) -> None:
        """Write or forget a note. They are hints: what cannot be noted hinders no narration."""
        if self._notes is None:
            return
        try:
            act(self._notes)
        except StorageError as error:
            self._notes = None
            work.warn(f"from here on it is not noted what is asked for: {error}")

    def _file(
        self, work: ChapterWork, paragraph: ScriptParagraph, pieces: Sequence[SpokenPiece]
    ) -> HeldAudio:
        """Join and commit in one go, so that what was downloaded is committed; runs in a thread."""
        wav, facts = assemble(paragraph, pieces, self._now())
        warnings = tuple(piece.warning for piece in pieces if piece.warning)
        held = work.commit_audio(paragraph, wav, facts, warnings=warnings)
        self._settle(work, paragraph)
        return held

    def _file_failure(
        self, work: ChapterWork, paragraph: ScriptParagraph, error: NovelAudioError
    ) -> None:
        """Write down what a paragraph failed of; runs in a thread."""
        work.commit_failure(paragraph, error)
        self._settle(work, paragraph)

    async def _refused(
        self, work: ChapterWork, paragraph: ScriptParagraph, answer: SkippedSpeech
    ) -> None:
        """File a paragraph that the backend will not speak as skipped, with a warning.

        Raises:
            SpeechRefusedError: If somebody asked for another take: what stands there is kept.
        """
        refusal = f"the backend refused to speak it: {answer.reason or 'no reason given'}"
        if not is_first_take(paragraph):
            raise SpeechRefusedError(
                f"{refusal}. What stands there is kept; take the text out of [takes] in the "
                "novel's settings file to be content with it",
                code=REFUSED_BY_BACKEND,
            )
        await self._in_thread(
            lambda: work.commit_skip(paragraph, REFUSED_BY_BACKEND, warning=refusal)
        )

    async def _evict_kept(self, work: ChapterWork, audio: HeldAudio) -> None:
        """Evict what a narration that was killed between commit and eviction has left."""
        for _ in await self._speaker.evict_kept(self._library.store, audio):
            work.note_cache(evicted=True, expires_at=None)

    def _may_evict(self, piece: SpokenPiece) -> bool:
        """Return whether the cache entry may be deleted now that the library holds its audio."""
        return self._evict == "always" or (
            self._evict == "proven" and piece.audio.verified_by in PROVEN
        )

    def _require_space(self) -> None:
        space = self._library.store.space()
        least = min(LEAST_FREE_BYTES, int(space.total_bytes * LEAST_FREE_SHARE))
        if space.free_bytes < least:
            raise StorageError(
                f"only {space.free_bytes / 1e6:,.0f} MB are free on the library's disk, and "
                f"{least / 1e6:,.0f} MB are kept free; make room, then run again: what is in the "
                "library stays"
            )

    async def _in_thread(self, function: Callable[..., _Result], *args: object) -> _Result:
        """Run a blocking function in a thread; when cancelled, let it end first."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, lambda: function(*args))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            future.exception()  # read here: the cancellation is what goes on
            raise


def _first(error: BaseException) -> BaseException:
    """Return the first of several errors that ended a run at once."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
