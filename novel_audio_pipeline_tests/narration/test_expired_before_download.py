"""Audio that expires in a real backend before it is downloaded: named, incomplete, narrated again."""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from novel_audio_pipeline.narration.flow import Narration
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.narration.progress import Progress
from novel_audio_pipeline.narration.speaker import Speaker
from novel_audio_pipeline.narration.status import chapter_statuses
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.novels.script import Script
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline.tts_client.http import TtsClient
from novel_audio_pipeline.tts_client.replies import DownloadedAudio
from novel_audio_pipeline.upkeep.asked import AskedNotes
from novel_audio_pipeline_tests.tts_backend.serving import CountingEngine, Served, served
from novel_audio_pipeline_tests.upkeep.places import TTL, House

KEY = ChapterKey("so-do", 1)
TEXTS = ["Một câu dài vừa phải.", "Hai câu dài vừa phải.", "Ba câu dài vừa phải."]
SPEECH = SpeechSettings(model="tone", voices={"vi": "vi"})


class LateClient(TtsClient):
    """The real client; before it downloads some entries, the two hours pass, or it never does."""

    late: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    moved = timedelta(0)
    clock = staticmethod(lambda _by: None)

    async def download(self, file_id: str) -> DownloadedAudio:
        if file_id in self.late:
            self.clock(TTL)
        if file_id in self.never:
            await asyncio.Event().wait()
        return await super().download(file_id)


@dataclass
class Place:
    """A novel of one chapter, its library, and a backend that is served."""

    house: House
    backend: Served

    @property
    def notes(self) -> AskedNotes:
        return AskedNotes(self.house.reports_dir)

    def scripts(self, novel_id: str) -> tuple[Script, ...]:
        return NovelCatalog(self.house.novels_dir, speech=SPEECH).scripts(novel_id)

    def file_id(self, number: int) -> str:
        (request,) = self.scripts("so-do")[0].paragraphs[number - 1].pieces
        return request.file_id

    def narrate(self, *, late: int = 0, killed_at: int = 0) -> ChapterOutcome | None:
        """Narrate the chapter; a paragraph may come late, or the run end before its download."""

        async def main() -> ChapterOutcome | None:
            outcomes: list[ChapterOutcome] = []
            progress = Progress()
            async with LateClient(self.backend.url) as client:
                client.clock = self.backend.clock.move
                client.late = frozenset({self.file_id(late)} if late else ())
                client.never = frozenset({self.file_id(killed_at)} if killed_at else ())
                narration = Narration(
                    library=self.house.library,
                    speaker=Speaker(client, concurrency=1, wait=timedelta(0), progress=progress),
                    scripts=self.scripts,
                    evict="proven",
                    concurrency=1,
                    progress=progress,
                    now=lambda: datetime.now(UTC),
                    notes=self.notes,
                )
                run = asyncio.create_task(narration.run([KEY], on_chapter=outcomes.append))
                if killed_at:
                    async with asyncio.timeout(30):
                        while self.file_id(killed_at) not in self.noted():
                            await asyncio.sleep(0.01)
                    run.cancel()
                    await asyncio.gather(run, return_exceptions=True)
                await asyncio.gather(run, return_exceptions=bool(killed_at))
            return outcomes[0] if outcomes else None

        return asyncio.run(main())

    def noted(self) -> list[str]:
        return [file_id for note in self.notes.read() for file_id in note.file_ids]

    def spoken(self) -> list[str]:
        """Return what the engine was asked for since the last look."""
        engine = self.backend.engine
        assert isinstance(engine, CountingEngine)
        texts = [request.text for request in engine.spoken]
        engine.spoken.clear()
        return texts

    def state(self) -> str:
        (status,) = chapter_statuses(self.scripts("so-do"), self.house.library)
        return status.state

    def told(self) -> list[tuple[str, str, str]]:
        """Return code, path and message of what the orphan report says about this chapter."""
        found = self.house.report().findings
        found = found[found["area"].isin(["library", "cache"])]
        return list(zip(found["code"], found["path"], found["message"], strict=True))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with served(tmp_path) as backend:
        backend.clock.move(datetime.now(UTC) - backend.clock())
        house = House(tmp_path, cache_root=backend.cache.root)
        house.write_novel("so-do", TEXTS)
        yield Place(house, backend)


def test_what_expires_each_time_fails_under_its_own_name_and_a_rerun_completes_it(place):
    outcome = place.narrate(late=2)
    assert outcome is not None
    assert outcome.state == "incomplete"
    ((number, code),) = [(failed.number, failed.code) for failed in outcome.failed]
    assert (number, code) == (2, "expired_before_download")
    assert place.spoken().count(TEXTS[1]) == 4  # once, and three times more
    (record,) = place.house.library_dir.rglob("paragraph_002_failure.json")
    assert json.loads(record.read_bytes())["errorCode"] == "expired_before_download"
    assert place.state() == "incomplete"
    place.house.now = place.backend.clock()  # which has moved by the lives of four entries
    place.house.round()
    codes = {code: (path, message) for code, path, message in place.told()}
    assert set(codes) == {"expired_before_download", "chapter_incomplete"}
    path, message = codes["expired_before_download"]
    assert path.endswith("chapter_001_Chương_1/paragraph_002")
    assert message.startswith("so-do chapter 1 paragraph 2: it expired before it was downloaded")
    assert place.notes.read() == []  # the failure stands in the library: no note is needed

    again = place.narrate()
    assert again is not None
    assert (again.state, again.spoken, again.kept) == ("complete", 1, 2)
    assert place.spoken() == [TEXTS[1]]
    assert place.state() == "complete"
    assert place.told() == []


def test_what_a_run_that_ended_never_downloaded_is_named_when_it_expires(place):
    place.narrate(killed_at=2)
    (note,) = place.notes.read()
    assert (note.key, note.number, note.file_ids) == (KEY, 2, (place.file_id(2),))
    place.backend.clock.move(timedelta(hours=1))
    codes = {code: message for code, _, message in place.told()}
    assert codes["cache_entry_unclaimed"] == "made for so-do/0001 paragraph 2, and not filed yet"
    assert "expired_before_download" not in codes

    place.house.now += timedelta(hours=1, minutes=5)
    place.backend.clock.move(timedelta(hours=1, minutes=5))
    done = place.house.round()
    assert [removal.asked_for for removal in done.lost] == ["so-do/0001 paragraph 2"]
    assert "so-do/0001 paragraph 2" in done.lost_sentence()
    (line,) = [line for line in place.house.audit() if line["file_id"] == place.file_id(2)]
    assert (line["in_library"], line["asked_for"]) == ("no", "so-do/0001 paragraph 2")
    assert place.state() == "incomplete"
    (told,) = [one for one in place.told() if one[0] == "expired_before_download"]
    assert told[1].endswith("chapter_001_Chương_1")
    assert told[2].startswith("so-do chapter 1 paragraph 2: its speech was asked for at ")

    place.spoken()
    again = place.narrate()
    assert again is not None
    assert again.state == "complete"
    assert place.spoken()[0] == TEXTS[1]
    assert place.notes.read() == []
    place.house.now += timedelta(hours=1)
    assert place.told() == []


def test_a_note_of_text_that_nobody_wants_any_more_is_not_told_and_goes(place):
    place.narrate(killed_at=3)
    place.house.write_novel("so-do", TEXTS[:2])
    place.house.now += TTL
    assert "expired_before_download" not in {code for code, _, _ in place.told()}
    outcome = place.narrate()
    assert outcome is not None
    assert outcome.state == "complete"
    assert place.notes.read() == []


def test_what_has_been_filed_since_by_another_is_not_told(place):
    place.narrate(killed_at=2)
    (note,) = place.notes.read()
    place.narrate()
    place.notes.asked(note.key, note.number, note.file_ids[0])
    path = place.house.reports_dir / "asked" / "0001.0002.so-do"
    assert path.is_file()
    os.utime(path, (note.at.timestamp(), note.at.timestamp()))
    place.house.now += TTL
    assert place.told() == []


def test_notes_that_are_none_are_passed_over(tmp_path):
    notes = AskedNotes(tmp_path)
    assert notes.read() == []
    notes.asked(KEY, 7, "a" * 32)
    notes.asked(KEY, 7, "b" * 32)
    for name in ("0000.0001.so-do", "0001.0001.So-Do", "notes.txt", ".tmp"):
        (tmp_path / "asked" / name).write_text("c" * 32)
    (tmp_path / "asked" / "0002.0001.so-do").write_bytes(b"\xff torn")
    assert [(str(note), note.file_ids) for note in notes.read()] == [
        ("so-do/0001 paragraph 7", ("a" * 32, "b" * 32)),
        ("so-do/0002 paragraph 1", ()),
    ]


def test_a_chapter_is_settled_by_the_names_of_its_notes_and_no_other_is_touched(tmp_path):
    notes = AskedNotes(tmp_path)
    notes.asked(KEY, 7, "a" * 32)
    notes.asked(KEY, 12345, "b" * 32)
    for other in ("0002.0007.so-do", "0001.0007.so-do-2", "0001.0007.so"):
        (tmp_path / "asked" / other).write_text("c" * 32)
    (tmp_path / "asked" / "0002.0008.so-do").mkdir()  # no note, and in nobody's way
    notes.settle_chapter(KEY)
    assert sorted(path.name for path in (tmp_path / "asked").iterdir()) == [
        *("0001.0007.so", "0001.0007.so-do-2", "0002.0007.so-do", "0002.0008.so-do"),
    ]
