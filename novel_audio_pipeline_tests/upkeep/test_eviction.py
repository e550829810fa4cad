"""Evicting before the time: with proof by digest, and never else."""

import asyncio
import hashlib
from datetime import timedelta

import pytest

from novel_audio_pipeline.audio.wav import join_wavs
from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.library.record import AudioFacts, ParagraphRecord, Piece
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.tts_cache.entry import CacheEntry
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.upkeep.asked import AskedNotes
from novel_audio_pipeline.upkeep.eviction import evict_kept
from novel_audio_pipeline_tests.library.making import (
    NOW,
    MiniScript,
    anything,
    key_of,
    open_chapter,
    speech,
)
from novel_audio_pipeline_tests.narration.backends import FakeBackend
from novel_audio_pipeline_tests.upkeep.places import TTL, House

SCRIPT = MiniScript(["Một.", "Hai.", "Ba."])
IDS = [key_of(text)[:32] for text in SCRIPT.texts]
HOUR = timedelta(hours=1)


def filed_house(tmp_path) -> House:
    """Return a house whose library holds the script, known to the index."""
    house = House(tmp_path)
    house.write_novel("so-do", SCRIPT.texts)
    house.narrate(SCRIPT)
    return house


def cached(house: House) -> set[str]:
    return {entry.file_id for entry in house.cache.entries()}


def test_what_the_library_holds_goes_before_its_time(tmp_path):
    house = filed_house(tmp_path)
    for file_id, text in zip(IDS, SCRIPT.texts, strict=True):
        house.store(file_id, speech(text), age=HOUR)
    house.store("f" * 32, speech("Bốn."), age=HOUR)
    assert house.found()["cache_entry_held"] == [f"{file_id}.wav" for file_id in sorted(IDS)]
    done = house.round()
    assert cached(house) == {"f" * 32}
    assert {(one.action, one.reason, one.in_library) for one in done.removed} == {
        ("evicted", "held_by_library", "yes")
    }
    assert {line["file_id"] for line in house.audit()} == set(IDS)


def test_what_is_not_proven_stays(tmp_path):
    house = filed_house(tmp_path)
    for file_id, text in zip(IDS, SCRIPT.texts, strict=True):
        house.store(file_id, speech(text), age=HOUR)
    house.report()
    folder = house.library_dir / "so-do_Số_Đỏ" / "chapter_001_Chương_một"
    house.store(IDS[0], speech("something else"), age=HOUR)  # other audio under its id
    wav = folder / "paragraph_002" / "paragraph_002.wav"
    wav.write_bytes(wav.read_bytes()[:-2] + b"\x01\x02")  # the library's copy is damaged
    (folder / "paragraph_003" / "paragraph_003_metadata.json").write_text("{")  # no record
    assert house.round().removed == ()
    assert cached(house) == set(IDS)


@pytest.mark.parametrize("error", [StorageError("the disk says no"), KeyboardInterrupt()])
def test_what_was_evicted_before_something_went_wrong_is_written_down(tmp_path, monkeypatch, error):
    house = filed_house(tmp_path)
    for file_id, text in zip(IDS, SCRIPT.texts, strict=True):
        house.store(file_id, speech(text), age=HOUR)
    house.report()
    remove = CacheFolder.remove_same
    gone: list[str] = []

    def not_the_second(folder: CacheFolder, entry: CacheEntry, **how: bool) -> bool:
        gone.append(entry.file_id)
        if len(gone) == 2:
            raise error
        return remove(folder, entry, **how)

    monkeypatch.setattr(CacheFolder, "remove_same", not_the_second)
    if isinstance(error, StorageError):
        assert house.round().refused == "the disk says no"
        evicted = {gone[0], gone[2]}  # one that does not go holds up no other
    else:
        with pytest.raises(KeyboardInterrupt):
            house.round()
        evicted = {gone[0]}
    assert cached(house) == set(IDS) - evicted
    assert {line["file_id"] for line in house.audit()} == evicted


def test_a_paragraph_that_cannot_be_read_proves_nothing_and_holds_up_nothing(tmp_path):
    house = filed_house(tmp_path)
    for file_id, text in zip(IDS, SCRIPT.texts, strict=True):
        house.store(file_id, speech(text), age=HOUR)
    house.store("e" * 32, age=TTL)
    house.report()
    folder = house.library_dir / "so-do_Số_Đỏ" / "chapter_001_Chương_một"
    wav = folder / "paragraph_001" / "paragraph_001.wav"
    wav.unlink()
    wav.mkdir()  # what nobody can read as a file, root neither
    done = house.round()
    assert cached(house) == {IDS[0]}
    assert {(one.file_id, one.action) for one in done.removed} == {
        ("e" * 32, "expired"),
        (IDS[1], "evicted"),
        (IDS[2], "evicted"),
    }
    assert str(wav.relative_to(house.library_dir)) in done.refused
    assert done.why_not == ""


@pytest.mark.parametrize("evict", ["never", "proven"])
def test_nothing_is_evicted_that_is_under_way_or_not_to_be(tmp_path, evict):
    house = filed_house(tmp_path)
    house.evict = evict
    age = timedelta(minutes=14) if evict == "proven" else HOUR
    house.store(IDS[0], speech("Một."), age=age)
    house.report()
    assert house.round().removed == ()


def test_what_expires_is_written_down_with_whether_the_library_holds_it(tmp_path):
    house = filed_house(tmp_path)
    house.evict = "never"
    for file_id in (IDS[0], "e" * 32):
        house.store(file_id, age=HOUR)
    house.report()
    house.now += 3 * HOUR
    house.store("f" * 32, age=2 * HOUR)  # it came after the last report
    house.round()
    told = {line["file_id"]: (line["action"], line["in_library"]) for line in house.audit()}
    assert told == {
        IDS[0]: ("expired", "yes"),
        "e" * 32: ("expired", "no"),
        "f" * 32: ("expired", "unknown"),
    }


@pytest.mark.parametrize("wav", [None, b"RIFF"])
def test_a_record_without_its_wav_holds_nothing(tmp_path, wav):
    house = filed_house(tmp_path)
    house.store(IDS[0], speech("Một."), age=HOUR)
    folder = house.library_dir / "so-do_Số_Đỏ" / "chapter_001_Chương_một"
    path = folder / "paragraph_001" / "paragraph_001.wav"
    path.unlink()
    if wav is not None:
        path.write_bytes(wav)
    AskedNotes(house.reports_dir).asked(ChapterKey("so-do", 1), 1, IDS[0])
    found = house.found()
    assert "cache_entry_held" not in found
    assert {"record_without_audio", "size_differs"} & found.keys()
    house.now += HOUR
    (gone,) = house.round().lost
    assert (gone.in_library, gone.asked_for) == ("no", "so-do/0001 paragraph 1")


def test_a_paragraph_of_several_pieces_is_proven_whole_or_not_at_all(tmp_path):
    house = House(tmp_path)
    house.write_novel("so-do", ["Một. Hai."])
    script = MiniScript(["Một. Hai."])
    pieces = [speech("Một."), speech("Hai.")]
    joined = join_wavs(pieces)
    record = ParagraphRecord(
        script.text(1),
        NOW,
        audio=AudioFacts(
            content_key="c" * 64,
            sha256=hashlib.sha256(joined).hexdigest(),
            size_bytes=len(joined),
            duration_s=0.1,
            sample_rate_hz=8000,
            verified_by="digest",
            created_at=NOW,
            pieces=(Piece("1" * 64, "1" * 32), Piece("2" * 64, "2" * 32)),
        ),
    )
    with open_chapter(house.library, script) as chapter:
        chapter.commit_audio(record, joined, wanted=anything)
        chapter.finish(
            script_digest=script.digest,
            paragraphs=1,
            as_scripted=lambda _held: True,
            wanted=anything,
        )
    house.store("2" * 32, pieces[1], age=HOUR)
    house.report()
    assert house.round().removed == ()  # the first piece is gone, so nothing proves the second
    house.store("1" * 32, pieces[0], age=HOUR)
    house.report()
    assert {removal.file_id for removal in house.round().removed} == {"1" * 32, "2" * 32}


def test_a_later_narration_evicts_what_a_killed_one_left(tmp_path):
    house = filed_house(tmp_path)
    backend = FakeBackend()
    backend.cache = {IDS[0]: speech("Một."), IDS[1]: speech("not this"), "f" * 32: b"RIFF"}
    held = house.library.inventory("so-do").held()
    evicted = asyncio.run(evict_kept(backend, store=house.library.store, held=held))
    assert evicted == [IDS[0]]
    assert set(backend.cache) == {IDS[1], "f" * 32}


def test_a_record_that_a_killed_run_left_visible_is_durable_before_its_entry_goes(tmp_path):
    house = filed_house(tmp_path)
    held = next(iter(house.library.inventory("so-do").held()))
    record = house.library.store.root / held.record_path
    inode = record.stat().st_ino
    seen: list[bool] = []

    class Watching(FakeBackend):
        async def evict(self, file_id: str, *, sha256: str) -> bool:
            seen.append(record.stat().st_ino != inode)  # written anew, and so synced
            return await super().evict(file_id, sha256=sha256)

    backend = Watching()
    backend.cache = {IDS[0]: speech("Một.")}
    asyncio.run(evict_kept(backend, store=house.library.store, held=[held]))
    assert seen == [True]
