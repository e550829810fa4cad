"""The library as narration uses it: commits, moves, titles, reruns; on a disk and in memory."""

import threading
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from novel_audio_pipeline.library.inventory import Standing
from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.library.record import (
    AudioFacts,
    ParagraphFailure,
    ParagraphRecord,
    text_key,
)
from novel_audio_pipeline.library.record_json import record_from_json
from novel_audio_pipeline.storage.memory import MemoryFileStore
from novel_audio_pipeline_tests.library.making import (
    FOLDER,
    NOW,
    TEXTS,
    MiniScript,
    anything,
    audio_facts,
    files,
    key_of,
    narrated,
    nothing,
    open_chapter,
    sounds,
    speech,
)


@pytest.fixture(params=["local", "memory"])
def library(request: pytest.FixtureRequest, tmp_path: Path) -> AudioLibrary:
    if request.param == "local":
        return open_library(tmp_path / "library")
    return AudioLibrary(MemoryFileStore())


def test_an_absent_library_is_empty(library):
    assert library.novel_ids() == []
    assert library.inventory("so-do").chapters == {}
    assert library.chapter_inventory("so-do", 1).folder is None


def test_a_narrated_chapter_has_exactly_the_files_of_the_format(library):
    narrated(library, MiniScript(["Một.", "-"]))
    assert files(library) == [
        str(FOLDER / name)
        for name in (
            "chapter.m3u8",
            "chapter_manifest.json",
            "paragraph_001/paragraph_001.wav",
            "paragraph_001/paragraph_001_metadata.json",
            "paragraph_002/paragraph_002_metadata.json",
        )
    ]
    assert library.store.read(FOLDER / "paragraph_001/paragraph_001.wav") == speech("Một.")
    data = library.store.read(FOLDER / "paragraph_001/paragraph_001_metadata.json")
    record = record_from_json(data)
    assert record.storage_dir == str(FOLDER / "paragraph_001")
    assert replace(record, storage_dir="") == MiniScript(["Một.", "-"]).record(1)


def test_the_inventory_says_what_stands(library):
    narrated(library, MiniScript(TEXTS))
    inventory = library.inventory("so-do")
    chapter = inventory.chapters[1]
    assert chapter == library.chapter_inventory("so-do", 1)
    assert chapter.settled
    assert [held.standing for held in chapter.paragraphs.values()] == [
        Standing.INTACT,
        Standing.INTACT,
        Standing.SKIPPED,
        Standing.INTACT,
        Standing.INTACT,
    ]
    assert chapter.paragraphs[1].content_key == key_of("Một.")
    assert chapter.paragraphs[3].text_key == text_key("-")
    assert [audio.key for audio in inventory.held()] == [
        key_of(text) for text in TEXTS if text != "-"
    ]
    assert library.novel_ids() == ["so-do"]
    assert list(library.held("so-do")) == list(inventory.held())
    assert list(library.held("other")) == []


def test_a_rerun_speaks_and_writes_nothing(library):
    script = MiniScript(TEXTS)
    narrated(library, script)
    before = {name: library.store.facts(PurePosixPath(name)) for name in files(library)}
    assert narrated(library, script).spoken == []
    assert {name: library.store.facts(PurePosixPath(name)) for name in files(library)} == before


@pytest.mark.parametrize(
    ("texts", "spoken"),
    [
        pytest.param(["Mới.", *TEXTS], ["Mới."], id="one more at the top"),
        pytest.param(TEXTS[1:], [], id="the first removed"),
        pytest.param([*TEXTS[:2], *TEXTS[3:]], [], id="the skip removed"),
        pytest.param([TEXTS[1], TEXTS[0], *TEXTS[2:]], [], id="two swapped"),
        pytest.param(TEXTS[::-1], [], id="all turned round"),
        pytest.param([*TEXTS, *TEXTS], [], id="everything twice"),
        pytest.param(["Một.", "Khác.", *TEXTS[2:]], ["Khác."], id="one changed"),
        pytest.param(["-", "-", "Một.", "Hai."], [], id="skips where audio stood"),
        pytest.param([], [], id="nothing left"),
    ],
)
def test_a_changed_chapter_costs_what_is_new(library, texts, spoken):
    narrated(library, MiniScript(TEXTS))
    script = MiniScript(texts)
    assert narrated(library, script).spoken == spoken
    assert sounds(library, script) == [
        "no_letter_or_digit" if text == "-" else text for text in texts
    ]
    assert not any(".aside" in name or ".tmp" in name for name in files(library))
    assert narrated(library, script).spoken == []
    assert library.chapter_inventory("so-do", 1).settled


def test_a_chapter_inserted_before_the_others_costs_its_own_text(library):
    chapters = [MiniScript([f"{c}{p}." for p in "abc"], number=c) for c in (1, 2, 3)]
    narrated(library, *chapters)
    moved = [replace(script, number=script.number + 1) for script in chapters]
    new = MiniScript(["Mở đầu."])
    assert narrated(library, new, *moved).spoken == ["Mở đầu."]
    for script in moved:
        assert sounds(library, script) == list(script.texts)
    assert not any(".aside" in name for name in files(library))


def test_what_one_chapter_drops_and_another_takes_is_not_spoken(library):
    narrated(library, MiniScript(["a", "b", "c"]), MiniScript(["d"], number=2))
    first, second = MiniScript(["a"]), MiniScript(["d", "c", "b"], number=2)
    assert narrated(library, first, second).spoken == []
    assert sounds(library, second) == ["d", "c", "b"]
    assert not any(".aside" in name for name in files(library))


def test_displaced_audio_that_a_later_chapter_wants_waits_aside(library):
    narrated(library, MiniScript(["a", "b"]))
    wanted = {key_of(text) for text in "abx"}.__contains__
    script = MiniScript(["x"])
    with open_chapter(library, script) as folder:
        folder.commit_audio(script.record(1), speech("x"), wanted=wanted)
        folder.finish(script_digest="d", paragraphs=1, as_scripted=script.stands, wanted=wanted)
    aside = library.inventory("so-do").aside
    assert {audio.key for audio in aside} == {key_of("a"), key_of("b")}
    assert narrated(library, MiniScript(["x"]), MiniScript(["b"], number=2)).spoken == []
    assert not any(".aside" in name for name in files(library))


def test_what_stands_in_another_chapter_by_now_does_not_stay_aside(library):
    narrated(library, MiniScript(["x", "a"]), MiniScript(["c"], number=2))
    exchanged = [MiniScript(["c"]), MiniScript(["x", "a"], number=2)]
    assert narrated(library, *exchanged).spoken == []
    assert not any(".aside" in name for name in files(library))


def test_nothing_is_taken_from_aside_while_a_chapter_is_open(library):
    narrated(library, MiniScript(["a"]))
    script = MiniScript(["b"])
    with open_chapter(library, script) as folder:
        folder.commit_audio(script.record(1), speech("b"), wanted=anything)
        assert not library.tidy("so-do", wanted=nothing)
        assert len(aside(library)) == 1
    assert library.tidy("so-do", wanted=nothing)
    assert aside(library) == ()
    assert library.tidy("so-do", wanted=nothing)


def test_new_titles_rename_folders_and_cost_nothing(library):
    narrated(library, MiniScript(TEXTS))
    script = MiniScript(TEXTS, novel_title="Dumb Luck?", title="One / 1")
    assert narrated(library, script).spoken == []
    folder = "so-do_Dumb_Luck/chapter_001_One_1/"
    assert all(name.startswith(folder) for name in files(library))
    assert library.chapter_inventory("so-do", 1).manifest.title == "One / 1"
    playlist = library.store.read(PurePosixPath(folder) / "chapter.m3u8").decode()
    assert "#PLAYLIST:One / 1" in playlist


def test_a_folder_in_use_keeps_its_name_and_says_so(library):
    one, two = MiniScript(["a"]), MiniScript(["b"], number=2)
    narrated(library, one, two)
    two = replace(two, novel_title="New", title="Zwei")
    with open_chapter(library, one), open_chapter(library, two) as folder:
        assert "so-do_Số_Đỏ is in use" in folder.title_pending
        assert folder.path == PurePosixPath("so-do_Số_Đỏ/chapter_002_Zwei")
    with open_chapter(library, two) as folder:
        assert folder.title_pending is None
        assert folder.path == PurePosixPath("so-do_New/chapter_002_Zwei")


def test_a_chapter_in_use_is_waited_for_or_not(library):
    script = MiniScript(["a"])
    first = open_chapter(library, script)
    with open_chapter(library, replace(script, title="New")) as second:
        assert (second.locked, second.waited) == (False, False)
    narrated(library, script)
    with open_chapter(library, replace(script, title="New")) as second:
        assert "is in use" in second.title_pending
    timer = threading.Timer(0.2, first.close)
    timer.start()
    with library.chapter(
        "so-do", 1, novel_title="Số Đỏ", chapter_title="Chương một", wait_s=30
    ) as third:
        assert (third.locked, third.waited) == (True, True)
    timer.join()


def test_a_failure_stands_beside_what_is_there_and_goes_with_the_next_commit(library):
    script = MiniScript(TEXTS)
    narrated(library, script)
    failure = ParagraphFailure(
        script.text(1), "BackendBusyError", "it was busy", NOW, content_key="k", attempts=3
    )
    with open_chapter(library, script) as folder:
        folder.commit_failure(failure)
        held = folder.inventory().paragraphs[1]
        assert (held.standing, held.failure) == (Standing.INTACT, failure)
        folder.commit_audio(script.record(1), speech("Một."), wanted=anything)
        assert folder.inventory().paragraphs[1].failure is None


def test_a_failure_that_is_overcome_is_removed_when_the_chapter_is_finished(library):
    script = MiniScript(["a", "b"])
    narrated(library, script)
    with open_chapter(library, script) as folder:
        folder.commit_failure(ParagraphFailure(script.text(1), "E", "m", NOW))
        arguments = {"script_digest": "d", "paragraphs": 2, "wanted": anything}
        other = MiniScript(["x", "b"])
        manifest = folder.finish(as_scripted=other.stands, **arguments)
        assert not manifest.complete
        assert (manifest.paragraphs[1].status, manifest.count("audio")) == ("failed", 1)
        manifest = folder.finish(as_scripted=script.stands, **arguments)
        assert manifest.complete
    assert not any("failure" in name for name in files(library))


def test_a_chapter_is_complete_only_if_every_paragraph_is_as_scripted(library):
    script = MiniScript(["a", "b", "c"])
    with open_chapter(library, script) as folder:
        arguments = {"script_digest": script.digest, "paragraphs": 3, "wanted": anything}
        for number in (1, 3):
            folder.commit_audio(script.record(number), speech("abc"[number - 1]), wanted=anything)
            manifest = folder.finish(as_scripted=script.stands, **arguments)
            assert not manifest.complete
        assert [entry.status for entry in manifest.paragraphs.values()] == [
            "audio",
            "missing",
            "audio",
        ]
        folder.commit_audio(script.record(2), speech("b"), wanted=anything)
        assert folder.finish(as_scripted=script.stands, **arguments).complete


def test_a_wav_that_is_not_the_records_is_refused(library):
    script = MiniScript(["a", "-"])
    with open_chapter(library, script) as folder:
        with pytest.raises(ValueError, match="not the one of the record"):
            folder.commit_audio(script.record(1), speech("b"), wanted=anything)
        with pytest.raises(ValueError, match="commit_skip"):
            folder.commit_audio(script.record(2), b"", wanted=anything)
        with pytest.raises(ValueError, match="commit_audio"):
            folder.commit_skip(script.record(1), wanted=anything)
        other = MiniScript(["a"], number=2).record(1)
        with pytest.raises(ValueError, match="committed to so-do/1"):
            folder.commit_audio(other, speech("a"), wanted=anything)
    assert files(library) == []


def test_an_interrupted_chapter_keeps_what_was_committed(library):
    script = MiniScript(["a", "b"])
    with open_chapter(library, script) as folder:
        folder.commit_audio(script.record(1), speech("a"), wanted=anything)
    held = library.chapter_inventory("so-do", 1)
    assert (held.paragraphs[1].standing, held.settled) == (Standing.INTACT, False)
    quick = library.chapter_inventory("so-do", 1, verify=False)
    assert quick.paragraphs[1].standing is Standing.UNVERIFIED
    assert narrated(library, script).spoken == ["b"]


def test_adopted_audio_moves_by_its_text(library):
    script = MiniScript(["Ừ."])
    adopted = AudioFacts(
        **{
            name: getattr(audio_facts("Ừ."), name)
            for name in ("sha256", "size_bytes", "duration_s", "sample_rate_hz", "created_at")
        },
        content_key=None,
        verified_by="structure",
    )
    with open_chapter(library, script) as folder:
        record = ParagraphRecord(script.text(1), NOW, audio=adopted)
        held = folder.commit_audio(record, speech("Ừ."), wanted=anything)
        assert folder.inventory().paragraphs[1].adopted
    assert held.key == text_key("Ừ.")
    moved = MiniScript(["x", "Ừ."])
    with open_chapter(library, moved) as folder:
        folder.commit_audio(moved.record(1), speech("x"), wanted=anything)
        assert (FOLDER.parent / ".aside") in [audio.path.parent for audio in aside(library)]
        assert folder.commit_held(moved.text(2), held, wanted=anything)
    found = library.chapter_inventory("so-do", 1).paragraphs[2]
    assert (found.adopted, found.text_key) == (True, text_key("Ừ."))


def aside(library: AudioLibrary) -> tuple:
    return library.inventory("so-do").aside


def test_audio_that_is_nowhere_any_more_is_not_moved(library):
    script = MiniScript(["a", "b"])
    narrated(library, script)
    held = library.chapter_inventory("so-do", 1).paragraphs[1].audio
    library.store.write(held.path, b"damaged")
    with open_chapter(library, MiniScript(["a", "a"])) as folder:
        text = MiniScript(["a", "a"]).text(2)
        assert folder.commit_held(text, held, wanted=anything) is None
        assert folder.inventory().paragraphs[2].content_key == key_of("b")


def test_audio_that_moved_meanwhile_is_found_in_the_whole_novel(library):
    narrated(library, MiniScript(["a"]), MiniScript(["b"], number=2))
    held = library.chapter_inventory("so-do", 1).paragraphs[1].audio
    narrated(library, MiniScript(["x"]), MiniScript(["b", "a"], number=2))
    third = MiniScript(["a"], number=3)
    with open_chapter(library, third) as folder:
        assert folder.commit_held(third.text(1), held, wanted=anything)


def test_what_no_script_wants_is_not_put_aside(library):
    narrated(library, MiniScript(["a"]))
    script = MiniScript(["b"])
    with open_chapter(library, script) as folder:
        folder.commit_audio(script.record(1), speech("b"), wanted=nothing)
    assert aside(library) == ()
