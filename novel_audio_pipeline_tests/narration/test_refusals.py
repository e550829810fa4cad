"""What a backend refuses, and notes that fail: told by name, and nobody's audio goes for it."""

from pathlib import PurePosixPath

from novel_audio_pipeline.errors import (
    SpeechRefusedError,
    StorageError,
    WrongAudioError,
)
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.outcome import failures_by_message
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.storage.memory import MemoryFileStore
from novel_audio_pipeline.storage.store import FileFacts
from novel_audio_pipeline.upkeep.asked import AskedNotes
from novel_audio_pipeline_tests.narration.backends import FakeBackend
from novel_audio_pipeline_tests.narration.house import ONE, TWO, House


def test_one_reason_for_many_paragraphs_is_told_once():
    house = House([f"Câu {n}." for n in range(5)])
    house.backend.faults.extend(
        [*([SpeechRefusedError("no such voice", code="unknown_voice")] * 4), WrongAudioError("x")]
    )
    told = failures_by_message(house.narrate()[1].failed)
    assert sorted(message for _, message in told) == ["no such voice", "x"]
    assert sum(which.count(",") + 1 for which, _ in told) == 5


def test_refused_text_is_asked_for_again_in_another_take():
    house = House(TWO, backend=FakeBackend(refuse=lambda text: text == TWO[1]))
    house.narrate()
    house.asked()
    house.backend = FakeBackend()
    house.narrate()
    assert house.asked() == []
    paragraph = house.scripts("so-do")[0].paragraphs[1]
    house.takes = {str(paragraph.content_key): 1}
    outcome = house.narrate()[1]
    assert house.asked() == [TWO[1]]
    assert (outcome.state, outcome.spoken, outcome.skipped) == ("complete", 1, 0)


def test_another_take_that_the_backend_refuses_costs_nobody_the_earlier_reading():
    house = House(TWO)
    house.narrate()
    paragraph = house.scripts("so-do")[0].paragraphs[1]
    held = house.library.chapter_inventory("so-do", 1).paragraphs[2].audio
    house.takes = {str(paragraph.content_key): 1}
    house.backend = FakeBackend(refuse=lambda text: text == TWO[1])
    outcome = house.narrate()[1]
    assert outcome.state == "incomplete"
    assert [(f.number, f.code) for f in outcome.failed] == [(2, "refused_by_backend")]
    assert house.library.chapter_inventory("so-do", 1).paragraphs[2].audio == held
    house.takes = {}
    assert house.narrate()[1].state == "complete"
    assert house.asked() == [TWO[1]]  # only the take that was refused


def test_a_text_that_is_refused_in_each_take_is_named_each_time():
    house = House(TWO, backend=FakeBackend(refuse=lambda text: text == TWO[1]))
    house.narrate()
    paragraph = house.scripts("so-do")[0].paragraphs[1]
    house.takes = {str(paragraph.content_key): 1}
    for _ in range(2):
        outcome = house.narrate()[1]
        assert outcome.state == "incomplete"
        assert [(f.number, f.code) for f in outcome.failed] == [(2, "refused_by_backend")]
        assert outcome.problem == ""


def test_a_take_that_rots_before_it_is_moved_and_is_refused_costs_nobody_the_earlier_reading():
    class Rotting(MemoryFileStore):
        rotten: PurePosixPath | None = None

        def link_or_copy(
            self, source: PurePosixPath, target: PurePosixPath, *, sha256: str
        ) -> FileFacts | None:
            if source == self.rotten:
                return None
            return super().link_or_copy(source, target, sha256=sha256)

    house = House([TWO[0]], [TWO[0]])
    house.store = Rotting()
    house.library = AudioLibrary(house.store)
    house.narrate(1)
    first = house.library.chapter_inventory("so-do", 1).paragraphs[1].audio
    paragraph = house.scripts("so-do")[0].paragraphs[0]
    house.takes = {str(paragraph.content_key): 1}
    house.narrate(2)
    other = house.library.chapter_inventory("so-do", 2).paragraphs[1].audio
    assert other is not None
    house.store.rotten = other.path
    house.backend = FakeBackend(refuse=lambda text: text == TWO[0])
    assert house.narrate(1)[1].state == "incomplete"
    assert house.library.chapter_inventory("so-do", 1).paragraphs[1].audio == first


def test_what_cannot_be_noted_hinders_no_narration_and_is_told(tmp_path):
    (tmp_path / "reports").write_text("in the way")
    house = House(ONE, TWO)
    house.notes = AskedNotes(tmp_path / "reports")
    outcomes = house.narrate()
    assert [outcomes[n].state for n in (1, 2)] == ["complete", "complete"]
    told = [text for n in (1, 2) for text in outcomes[n].warnings if "not noted" in text]
    assert told
    assert str(tmp_path / "reports") in told[0]


def test_a_chapter_is_told_once_it_stands_whatever_becomes_of_its_notes(tmp_path):
    class Unforgetting(AskedNotes):
        def settle_chapter(self, key: ChapterKey) -> None:
            raise StorageError("the disk is gone")

    house = House(ONE, TWO)
    house.notes = Unforgetting(tmp_path)
    outcomes = house.narrate()
    assert [outcomes[n].state for n in (1, 2)] == ["complete", "complete"]
