"""Expiry and eviction every second beside sixteen readers and narrators: is anything broken by it?

The clock of backend and upkeep is one that runs faster than the wall's, so that entries live through
their two hours in the time of a test. What each worker knows of its own entries is compared with what
upkeep has written down; nothing is believed that only one side says.
"""

import asyncio
import contextlib
import hashlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from novel_audio_pipeline.errors import CacheEntryGoneError, TransientError
from novel_audio_pipeline.library.chapter import ChapterFolder
from novel_audio_pipeline.library.record import AudioFacts, ParagraphRecord, ParagraphText, Piece
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_client.http import TtsClient
from novel_audio_pipeline.tts_client.replies import CachedSpeech
from novel_audio_pipeline.upkeep.library_index import read_index, write_index
from novel_audio_pipeline.upkeep.library_inventory import take_library_inventory
from novel_audio_pipeline_tests.library.making import anything
from novel_audio_pipeline_tests.tts_backend.serving import Clock, Served, served
from novel_audio_pipeline_tests.upkeep.places import TTL, House

WORKERS = 16
POPULAR = 5  # texts that several workers ask for at once
KEPT_AT_MOST = 200


@dataclass(frozen=True)
class Kept:
    """An entry that its worker leaves in the cache.

    Attributes:
        sha256: Of its audio.
        known_since: The clock after it was handed out: it was stored then or before.
        stored_after: The clock before it was asked for.
    """

    sha256: str
    known_since: datetime
    stored_after: datetime


@dataclass
class SoakResult:
    """What happened.

    Attributes:
        cycles: Rounds of upkeep.
        events: POST, GET, DELETE, expired, evicted; each counted.
        broken: Downloads that failed or held something else, a sentence each.
        early: Entries removed before their time without proof.
        orphans: What is left where nothing should be.
    """

    cycles: int = 0
    events: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    def line(self) -> str:
        total = sum(self.events.values())
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.events.items()))
        return (
            f"{self.cycles} cycles, {total} events ({kinds}): {len(self.broken)} downloads broken, "
            f"{len(self.early)} entries removed early, {len(self.orphans)} orphans"
        )


class Soak:
    """One soak over one served backend."""

    def __init__(self, backend: Served, house: House, *, step: timedelta) -> None:
        self.result = SoakResult()
        self._backend = backend
        self._house = house
        self._step = step
        self._clock: Clock = backend.clock
        self._kept: dict[str, Kept] = {}
        self._filed: dict[str, str] = {}
        self._stop = asyncio.Event()

    async def run(self, *, cycles: int, events: int) -> SoakResult:
        """Work beside at least so many rounds, a second apart, and events; then look what is left."""
        async with (
            TtsClient(self._backend.url, connections=WORKERS) as client,
            asyncio.TaskGroup() as group,
        ):
            for number in range(WORKERS):
                group.create_task(self._work(client, number))
            while self.result.cycles < cycles or sum(self.result.events.values()) < events:
                await self._cycle(self.result.cycles)
            self._stop.set()
        await asyncio.to_thread(self._look_at_the_end)
        return self.result

    async def _cycle(self, cycle: int) -> None:
        """One round of upkeep, then the rest of its second; every tenth beside a rival."""
        loop = asyncio.get_running_loop()
        due = loop.time() + 1.0
        await asyncio.to_thread(self._upkeep)
        if cycle % 10 == 9:  # it removes as well, and writes nothing down
            self.result.events["POST"] += 1
            await asyncio.to_thread(self._backend.client.post, "/api/tts/storage/cleanup")
        self._clock.move(self._step)
        await asyncio.sleep(max(0.0, due - loop.time()))

    def _upkeep(self) -> None:
        house = self._house
        house.now = self._clock()
        inventory = take_library_inventory(
            house.library_dir,
            now=house.now,
            before=read_index(house.reports_dir),
            read_since=house.now - timedelta(days=9999),
        )
        write_index(house.reports_dir, inventory.index())
        done = house.round()
        self.result.cycles += 1
        for removal in done.removed:
            self.result.events[removal.action] += 1
            kept = self._kept.pop(removal.file_id, None)
            if removal.action == "expired" and kept and done.at - kept.stored_after < TTL:
                self.result.early.append(f"{removal.file_id} at {removal.age}")
            if removal.action == "evicted" and removal.file_id not in self._filed:
                self.result.early.append(f"{removal.file_id} evicted without being filed")

    async def _work(self, client: TtsClient, number: int) -> None:
        chance = random.Random(number)
        async with self._chapter(number) as chapter:
            for count in range(1, 10**9):
                if self._stop.is_set():
                    return
                match chance.choices(
                    ["narrate", "leave", "share", "file", "again"], [50, 15, 10, 5, 20]
                )[0]:
                    case "narrate":
                        await self._narrate(client, f"Câu {number} {count}.")
                    case "leave" if len(self._kept) < KEPT_AT_MOST:
                        await self._leave(client, f"Để lại {number} {count}.")
                    case "share":
                        await self._narrate(client, f"Chung {chance.randrange(POPULAR)}.")
                    case "file":
                        await self._file(client, chapter, number, f"Giữ {number} {count}.")
                    case _:
                        await self._again(client, chance)

    async def _narrate(self, client: TtsClient, text: str) -> None:
        """Ask, download, evict; another worker may have evicted what they share: ask again."""
        for _ in range(6):
            cached = await self._ask(client, text)
            try:
                sha256 = await self._download(client, cached.file_id)
            except CacheEntryGoneError:
                continue
            if sha256:
                await self._delete(client, cached.file_id, sha256)
            return
        self.result.broken.append(f"{text} was gone six times")

    async def _leave(self, client: TtsClient, text: str) -> None:
        before = self._clock()
        cached = await self._ask(client, text)
        after = self._clock()
        if sha256 := await self._own(client, cached.file_id):
            self._kept[cached.file_id] = Kept(sha256, after, before)

    async def _again(self, client: TtsClient, chance: random.Random) -> None:
        """Download an entry that was left before; it must be there until its time is over."""
        if not self._kept:
            return
        file_id, kept = chance.choice(list(self._kept.items()))
        try:
            sha256 = await self._download(client, file_id)
        except CacheEntryGoneError:
            if self._clock() - kept.stored_after < TTL:
                self.result.early.append(f"{file_id} was gone before its time")
            self._kept.pop(file_id, None)
        else:
            if sha256 != kept.sha256:
                self.result.broken.append(f"{file_id} holds something else now")

    async def _file(
        self, client: TtsClient, chapter: ChapterFolder, number: int, text: str
    ) -> None:
        """File what was downloaded and die before the eviction: upkeep is to mend that."""
        cached = await self._ask(client, text)
        if not await self._own(client, cached.file_id):
            return
        wav = (await client.download(cached.file_id)).data
        paragraph = len([f for f in self._filed.values() if f == str(number)]) + 1
        self._filed[cached.file_id] = str(number)
        record = _record(number, paragraph, text, cached, wav, at=self._clock())
        await asyncio.to_thread(chapter.commit_audio, record, wav, wanted=anything)

    async def _ask(self, client: TtsClient, text: str) -> CachedSpeech:
        self.result.events["POST"] += 1
        request = SpeechRequest(text=text, model="tone", voice="vi", language="vi")
        answer = await client.synthesize(request)
        assert isinstance(answer, CachedSpeech)
        return answer

    async def _own(self, client: TtsClient, file_id: str) -> str | None:
        """Download what nobody else may remove now."""
        try:
            return await self._download(client, file_id)
        except CacheEntryGoneError:
            self.result.broken.append(f"{file_id} was gone just after it was handed out")
            return None

    async def _download(self, client: TtsClient, file_id: str) -> str | None:
        self.result.events["GET"] += 1
        try:
            audio = await client.download(file_id)
        except CacheEntryGoneError:
            raise
        except TransientError as error:
            self.result.broken.append(f"{file_id}: {error}")
            return None
        if audio.verified_by != "digest" or hashlib.sha256(audio.data).hexdigest() != audio.sha256:
            self.result.broken.append(f"{file_id} came without proof")
        return audio.sha256

    async def _delete(self, client: TtsClient, file_id: str, sha256: str) -> None:
        self.result.events["DELETE"] += 1
        await client.evict(file_id, sha256=sha256)

    @contextlib.asynccontextmanager
    async def _chapter(self, number: int) -> AsyncIterator[ChapterFolder]:
        library = self._house.library
        chapter = await asyncio.to_thread(
            lambda: library.chapter("ngam", number + 1, novel_title="", chapter_title="")
        )
        try:
            yield chapter
            count = len([f for f in self._filed.values() if f == str(number)])
            await asyncio.to_thread(
                lambda: chapter.finish(
                    script_digest="d" * 64,
                    paragraphs=count,
                    as_scripted=lambda _held: True,
                    wanted=anything,
                )
            )
        finally:
            chapter.close()

    def _look_at_the_end(self) -> None:
        """Let the time of everything pass, then see that nothing is left, here or there."""
        house = self._house
        self._clock.move(timedelta(minutes=20))
        self._upkeep()
        held = {entry.file_id for entry in house.cache.entries()} & set(self._filed)
        self.result.orphans += [f"{file_id} is filed and was not evicted" for file_id in held]
        self._clock.move(TTL)
        self._upkeep()
        root = house.place.root
        self.result.orphans += [
            path.name
            for path in (*root.iterdir(), *(root / "metadata").iterdir())
            if path.name not in (".lock", ".first_seen.json", "metadata")
        ]
        house.now = datetime.now(self._clock().tzinfo) + timedelta(hours=1)
        findings = house.report().findings
        serious = findings[findings["severity"] != "info"]
        self.result.orphans += [
            f"{code} {path}" for code, path in zip(serious["code"], serious["path"], strict=True)
        ]


def _record(
    number: int, paragraph: int, text: str, cached: CachedSpeech, wav: bytes, *, at: datetime
) -> ParagraphRecord:
    request = SpeechRequest(text=text, model="tone", voice="vi", language="vi")
    return ParagraphRecord(
        ParagraphText("ngam", "", number + 1, "", paragraph, paragraph, text, text),
        at,
        audio=AudioFacts(
            content_key=request.content_key,
            sha256=hashlib.sha256(wav).hexdigest(),
            size_bytes=len(wav),
            duration_s=1.0,
            sample_rate_hz=22050,
            verified_by="digest",
            created_at=at,
            pieces=(Piece(request.content_key, cached.file_id),),
        ),
    )


def soak(root: Path, *, cycles: int, step: timedelta, events: int = 0) -> SoakResult:
    """Run one soak below a folder.

    Args:
        root: Empty.
        cycles: Rounds of upkeep at least, a second apart.
        events: Events at least.
        step: How far the clock moves from one round to the next.
    """
    with served(root) as backend:
        house = House(root, backend.clock(), cache_root=backend.cache.root)
        return asyncio.run(Soak(backend, house, step=step).run(cycles=cycles, events=events))
