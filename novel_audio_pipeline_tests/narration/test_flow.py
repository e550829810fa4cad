"""The flow over chapters: what is asked for, filed, kept, moved, evicted, and what fails alone."""

import asyncio
import threading
from datetime import timedelta
from pathlib import PurePosixPath

import pytest

from novel_audio_pipeline.errors import (
    BackendDownError,
    BackendUnreachableError,
    SpeechRefusedError,
    StorageError,
)
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration import flow
from novel_audio_pipeline.narration.flow import Narration
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.narration.progress import Progress
from novel_audio_pipeline.narration.speaker import Speaker
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline.storage.memory import MemoryFileStore
from novel_audio_pipeline.storage.store import Space
from novel_audio_pipeline_tests.narration.backends import FakeBackend
from novel_audio_pipeline_tests.narration.house import NOW, ONE, TWO, House


def test_each_paragraph_gets_audio_or_a_reason_and_the_cache_is_empty_after():
    house = House(ONE, TWO)
    outcomes = house.narrate()
    assert house.asked() == sorted([ONE[0], ONE[1], ONE[3], *TWO])
    assert house.standing(1) == {1: "intact", 2: "intact", 3: "skipped", 4: "intact"}
    assert house.standing(2) == dict.fromkeys((1, 2, 3), "intact")
    assert [outcomes[n].state for n in (1, 2)] == ["complete", "complete"]
    first = outcomes[1]
    assert (first.paragraphs, first.spoken, first.skipped, first.evicted) == (4, 3, 1, 3)
    assert first.kept == first.moved == len(first.failed) == 0
    assert house.backend.cache == {}


def test_a_second_run_asks_for_nothing():
    house = House(ONE, TWO)
    first = house.narrate()
    house.asked()
    again = house.narrate()
    assert house.asked() == []
    assert (again[1].kept, again[1].spoken, again[1].skipped) == (3, 0, 1)
    assert again[1].audio_digest == first[1].audio_digest


def test_one_new_paragraph_at_the_top_costs_one_request():
    house = House(ONE, TWO)
    house.narrate()
    house.asked()
    house.write(["Câu mới.", *ONE], TWO)
    outcome = house.narrate()[1]
    assert house.asked() == ["Câu mới."]
    assert (outcome.spoken, outcome.moved, outcome.state) == (1, 3, "complete")


def test_a_removed_paragraph_costs_nothing():
    house = House(ONE, TWO)
    house.narrate()
    house.asked()
    house.write(ONE[1:], TWO)
    assert house.narrate()[1].state == "complete"
    assert house.asked() == []
    assert house.standing(1) == {1: "intact", 2: "skipped", 3: "intact"}


def test_swapped_paragraphs_cost_nothing():
    house = House(TWO)
    house.narrate()
    house.asked()
    house.write([TWO[1], TWO[0], TWO[2]])
    assert house.narrate()[1].state == "complete"
    assert house.asked() == []


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3)])
def test_a_chapter_inserted_before_the_others_costs_its_own_text_in_any_order(order):
    house = House(ONE, TWO)
    house.narrate()
    house.asked()
    house.write(["Lời tựa."], ONE, TWO)
    for number in order:
        assert house.narrate(number)[number].state == "complete"
    assert house.asked() == ["Lời tựa."]


def test_new_titles_cost_nothing():
    house = House(ONE)
    house.narrate()
    house.asked()
    house.write(ONE, titles=["Một tên khác"])
    outcome = house.narrate()[1]
    assert house.asked() == []
    assert outcome.folder.endswith("chapter_001_Một_tên_khác")


def test_another_voice_makes_the_chapter_new_and_keeps_the_old_until_then():
    house = House(TWO)
    house.narrate()
    house.speech = SpeechSettings(voices={"vi": "vi-vn-x-south"})
    house.backend.faults.extend([SpeechRefusedError("no", code="unknown_voice")] * 3)
    outcome = house.narrate()[1]
    assert outcome.state == "incomplete"
    assert len(outcome.failed) == 3
    assert house.standing(1) == dict.fromkeys((1, 2, 3), "intact")
    assert house.narrate()[1].spoken == 3


def test_the_same_line_is_asked_for_once_in_a_run_and_later():
    house = House(["Ừ.", "Khác.", "Ừ."], ["Ừ.", "Nữa."])
    outcomes = house.narrate()
    assert house.asked() == sorted(["Ừ.", "Khác.", "Nữa."])
    assert outcomes[1].moved + outcomes[2].moved == 2
    house.write(["Ừ.", "Khác.", "Ừ."], ["Ừ.", "Nữa."], ["Ừ."])
    house.narrate(3)
    assert house.asked() == []


def test_a_long_paragraph_is_spoken_in_pieces_and_filed_as_one():
    text = " ".join(f"Câu số {n} của một đoạn rất dài." for n in range(80))
    house = House([text])
    outcome = house.narrate()[1]
    pieces = house.scripts("so-do")[0].paragraphs[0].pieces
    assert len(pieces) == 3
    assert house.asked() == sorted(piece.text for piece in pieces)
    assert outcome.audio_s == pytest.approx(sum(len(p.text) / 16 for p in pieces), abs=0.01)
    assert outcome.evicted == 3


def test_a_backend_that_takes_less_at_once_gets_more_pieces_of_the_same_paragraph():
    text = " ".join(f"Câu số {n} của một đoạn." for n in range(30))
    house = House([text], backend=FakeBackend(max_chars=256))
    outcome = house.narrate()[1]
    (wanted,) = house.scripts("so-do")[0].paragraphs
    asked = house.asked()
    assert (len(wanted.pieces), len(asked)) == (1, 3)
    assert max(map(len, asked)) <= 256
    assert outcome.evicted == 3
    held = house.library.chapter_inventory("so-do", 1).paragraphs[1]
    assert held.content_key == wanted.content_key


def test_a_paragraph_that_fails_leaves_its_chapter_incomplete_and_the_others_go_on():
    house = House(ONE, TWO)
    house.backend.faults.append(SpeechRefusedError("too long", code="text_too_long"))
    outcomes = house.narrate()
    states = {outcome.state for outcome in outcomes.values()}
    assert states == {"complete", "incomplete"}
    (failed,) = [f for outcome in outcomes.values() for f in outcome.failed]
    assert (failed.code, failed.message) == ("text_too_long", "too long")
    house.asked()
    again = house.narrate()
    assert len(house.asked()) == 1
    assert {outcome.state for outcome in again.values()} == {"complete"}


def test_text_that_the_backend_refuses_is_skipped_with_a_warning():
    house = House(TWO, backend=FakeBackend(refuse=lambda text: text == TWO[1]))
    outcome = house.narrate()[1]
    assert (outcome.state, outcome.skipped, outcome.spoken) == ("complete", 1, 2)
    assert "refused" in outcome.warnings[0]
    house.asked()
    house.narrate()
    assert house.asked() == []


@pytest.mark.parametrize(
    ("evict", "proof", "left"),
    [
        ("proven", "digest", 0),
        ("proven", "folder", 0),
        ("proven", "size", 3),
        ("proven", "structure", 3),
        ("always", "size", 0),
        ("never", "digest", 3),
    ],
)
def test_what_is_not_proven_is_left_to_expire(evict, proof, left):
    house = House(TWO, backend=FakeBackend(proof=proof))
    house.evict = evict
    outcome = house.narrate()[1]
    assert len(house.backend.cache) == outcome.left_in_cache == left
    assert outcome.evicted == 3 - left
    assert (outcome.oldest_expiry is not None) == bool(left)


def test_a_backend_that_is_down_ends_the_run_and_keeps_what_is_done():
    house = House(TWO, ONE)
    seen: list[ChapterOutcome] = []

    def goes_down(outcome: ChapterOutcome) -> None:
        seen.append(outcome)
        house.backend.faults.extend([BackendUnreachableError("refused")] * 99)
        house.backend.health_faults.extend([BackendUnreachableError("refused")] * 99)

    house.narrate(1, on_chapter=goes_down)
    with pytest.raises(BackendDownError):
        house.narrate(2)
    assert [outcome.state for outcome in seen] == ["complete"]
    assert house.standing(1) == dict.fromkeys((1, 2, 3), "intact")


def test_a_chapter_that_is_gone_is_named_and_the_others_are_done():
    house = House(ONE)
    outcomes = house.narrate(1, 7)
    assert outcomes[1].state == "complete"
    assert outcomes[7].state == "missing"
    assert "has no chapter 7" in outcomes[7].problem


def test_an_empty_chapter_is_complete():
    house = House([], TWO)
    outcomes = house.narrate()
    assert (outcomes[1].state, outcomes[1].paragraphs) == ("complete", 0)
    assert outcomes[2].state == "complete"


def test_audio_that_was_lost_is_spoken_again_and_nothing_else():
    house = House(TWO)
    folder = PurePosixPath(house.narrate()[1].folder)
    house.asked()
    house.store.remove([folder / "paragraph_002" / "paragraph_002.wav"])
    assert house.narrate()[1].state == "complete"
    assert house.asked() == [TWO[1]]


class NearlyFullStore(MemoryFileStore):
    """A disk with little left."""

    def space(self) -> Space:
        return Space(free_bytes=10**9, total_bytes=10**12)


def test_a_disk_that_is_nearly_full_stops_the_run_before_anything_is_asked_for():
    house = House(TWO)
    house.library = AudioLibrary(NearlyFullStore())
    with pytest.raises(StorageError, match="free"):
        house.narrate()
    assert house.asked() == []


def test_interrupted_it_commits_what_was_downloaded_and_goes_on_later():
    house = House([f"Câu {n}." for n in range(30)])
    outcomes: list[ChapterOutcome] = []

    async def main() -> None:
        progress = Progress()
        speaker = Speaker(house.backend, concurrency=2, wait=timedelta(0), progress=progress)
        narration = Narration(
            library=house.library,
            speaker=speaker,
            scripts=house.scripts,
            evict="proven",
            concurrency=2,
            progress=progress,
            now=lambda: NOW,
        )
        task = asyncio.create_task(
            narration.run([ChapterKey("so-do", 1)], on_chapter=outcomes.append)
        )
        while progress.counts.spoken < 5:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert outcomes == []
    standing = house.standing(1)
    assert 5 <= len(standing) < 30
    assert set(standing.values()) == {"intact"}
    house.asked()
    assert house.narrate()[1].state == "complete"
    assert len(house.asked()) == 30 - len(standing)


def test_what_a_killed_narration_left_in_the_cache_is_evicted_by_the_next():
    house = House(TWO)
    house.evict = "never"  # as if killed between commit and eviction
    folder = PurePosixPath(house.narrate()[1].folder)
    house.store.remove([folder / "chapter_manifest.json"])
    wrong = house.scripts("so-do")[0].paragraphs[2].pieces[0].file_id
    house.backend.cache[wrong] = house.backend.cache[wrong] + b"other audio"
    house.evict = "proven"
    house.asked()
    outcome = house.narrate()[1]
    assert house.asked() == []
    assert (outcome.state, outcome.evicted) == ("complete", 2)
    assert set(house.backend.cache) == {wrong}


def test_audio_exchanged_between_chapters_leaves_nothing_aside():
    house = House(ONE, TWO)
    house.narrate()
    house.asked()
    house.write(TWO, ONE)
    outcomes = house.narrate()
    assert house.asked() == []
    assert {outcome.state for outcome in outcomes.values()} == {"complete"}
    assert house.library.inventory("so-do").aside == ()


def test_a_chapter_that_another_narrates_is_waited_for_and_not_spoken_twice(monkeypatch):
    monkeypatch.setattr(flow, "LOCK_POLL_S", 0.01)
    house = House(TWO)
    other = house.library.chapter("so-do", 1, novel_title="Số đỏ", chapter_title="Chương 1")
    closer = threading.Timer(0.2, other.close)
    closer.start()
    assert house.narrate()[1].state == "complete"
    assert closer.finished.is_set()


def test_a_chapter_that_another_keeps_for_ever_is_narrated_all_the_same(monkeypatch):
    monkeypatch.setattr(flow, "LOCK_POLL_S", 0.01)
    monkeypatch.setattr(flow, "LOCK_WAIT_S", 0.03)
    house = House(TWO)
    with house.library.chapter("so-do", 1, novel_title="Số đỏ", chapter_title="Chương 1"):
        assert house.narrate()[1].state == "complete"


def test_a_new_title_is_written_into_the_manifest_too():
    house = House(ONE)
    house.narrate()
    house.write(ONE, titles=["Một tên khác"])
    house.narrate()
    manifest = house.library.chapter_inventory("so-do", 1).manifest
    assert manifest is not None
    assert manifest.title == "Một tên khác"
