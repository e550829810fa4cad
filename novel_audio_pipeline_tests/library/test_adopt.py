"""Adopting: libraries as the existing system writes them, made here after its contract."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.errors import UsageError
from novel_audio_pipeline.library.adopt import (
    AdoptableChapter,
    AdoptedChapter,
    adopt_chapter,
    refuse_live_database,
    survey,
)
from novel_audio_pipeline.library.adopt_read import was_spoken_otherwise
from novel_audio_pipeline.library.check import check_library
from novel_audio_pipeline.library.inventory import Standing
from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.library.record import text_key
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline_tests.library.making import NOW, MiniScript, open_chapter, speech

NOVEL = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
LONG = "Hai người cùng đi ra phố."
TEXTS = [LONG, "Buổi sáng hôm ấy trời mưa.", "Không ai nói gì với ai cả."]


def written(root: Path, texts: list[str], *, titled: bool = False, base: int = 1) -> Path:
    """Write a chapter as the existing system does; return its folder."""
    novel = root / (f"{NOVEL}_Số_Đỏ" if titled else NOVEL)
    chapter = novel / ("chapter_001_Một" if titled else "chapter_001")
    for index, text in enumerate(texts):
        name = f"paragraph_{index + base:03d}"
        folder = chapter / name
        folder.mkdir(parents=True)
        (folder / f"{name}.wav").write_bytes(speech(text))
        fields = metadata_of(text, index, base=base, total=len(texts))
        (folder / f"{name}_metadata.json").write_text(json.dumps(fields, ensure_ascii=False))
    return chapter


def metadata_of(text: str, index: int, *, base: int, total: int) -> dict[str, object]:
    return {
        "fileId": "a" * 32,
        "novelId": NOVEL,
        "novelTitle": "Số Đỏ",
        "chapterNumber": 1,
        "chapterTitle": "Một",
        "paragraphNumber": index + base,
        "paragraphId": f"id-{index}",
        "paragraphIndex": index,
        "totalParagraphsInChapter": total,
        "storageDir": "/srv/old",
        "subtitle": text,
        "normalizedText": text,
        "text": text,
        "sampleRate": None,
        "generationParams": {"speakerId": "05", "model": "viettts", "speedFactor": 1},
        "expiresAt": "2025-11-23T02:02:20.450686",
        "createdAt": "2025-11-23T00:02:20.450Z",
    }


def change(chapter: Path, number: int, **fields: object) -> None:
    path = chapter / f"paragraph_{number:03d}" / f"paragraph_{number:03d}_metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def surveyed(root: Path, **options) -> AdoptableChapter:
    (chapter,) = survey(LocalFileStore(root), **options)
    return chapter


def adopted(root: Path, library: AudioLibrary) -> list[AdoptedChapter]:
    source = LocalFileStore(root)
    return [adopt_chapter(library, source, chapter, now=NOW) for chapter in survey(source)]


def heard(library: AudioLibrary) -> list[str]:
    """Return the text that is heard at each place, by the bytes of its WAV."""
    known = {speech(text): text for text in TEXTS}
    paragraphs = library.chapter_inventory(NOVEL, 1).paragraphs
    return [known[library.store.read(paragraphs[n].audio.path)] for n in sorted(paragraphs)]


@pytest.mark.parametrize("titled", [False, True], ids=["untitled", "titled"])
@pytest.mark.parametrize("base", [0, 1], ids=["from 0", "from 1"])
def test_a_library_of_the_existing_system_is_taken_over(tmp_path, titled, base):
    written(tmp_path / "old", TEXTS, titled=titled, base=base)
    library = open_library(tmp_path / "new")
    assert adopted(tmp_path / "old", library) == [AdoptedChapter(NOVEL, 1, adopted=3, kept=0)]
    inventory = library.chapter_inventory(NOVEL, 1)
    assert heard(library) == TEXTS
    assert [p.text_key for p in inventory.paragraphs.values()] == [text_key(t) for t in TEXTS]
    assert all(p.adopted and p.standing is Standing.INTACT for p in inventory.paragraphs.values())
    assert inventory.settled
    assert {f.code for f in check_library(library, read_share=1)} == {"chapter_incomplete"}


def test_adopting_again_takes_nothing(tmp_path):
    written(tmp_path / "old", TEXTS)
    library = open_library(tmp_path / "new")
    adopted(tmp_path / "old", library)
    assert adopted(tmp_path / "old", library) == [AdoptedChapter(NOVEL, 1, adopted=0, kept=3)]


def test_the_source_and_a_dry_run_change_nothing(tmp_path):
    written(tmp_path / "old", TEXTS, titled=True)
    before = {p: p.lstat().st_mtime_ns for p in (tmp_path / "old").rglob("*")}
    surveyed(tmp_path / "old")
    adopted(tmp_path / "old", open_library(tmp_path / "new"))
    assert {p: p.lstat().st_mtime_ns for p in (tmp_path / "old").rglob("*")} == before


def test_a_record_keeps_what_was_known(tmp_path):
    written(tmp_path / "old", TEXTS)
    paragraph = surveyed(tmp_path / "old").paragraphs[0]
    assert paragraph.text.paragraph_id == "id-0"
    assert (paragraph.text.novel_title, paragraph.text.chapter_title) == ("Số Đỏ", "Một")
    audio = paragraph.audio
    assert (audio.model, audio.voice, audio.speed) == ("viettts", "05", 1.0)
    assert (audio.content_key, audio.verified_by) == (None, "structure")
    assert audio.created_at == datetime(2025, 11, 23, 0, 2, 20, 450_000, tzinfo=UTC)


def test_what_stands_in_the_library_is_kept(tmp_path):
    written(tmp_path / "old", TEXTS)
    library = open_library(tmp_path / "new")
    script = MiniScript(TEXTS[1:2], novel_id=NOVEL, title="Một")
    with open_chapter(library, script) as folder:
        folder.commit_audio(script.record(1), speech(TEXTS[1]), wanted=lambda _: True)
    assert adopted(tmp_path / "old", library) == [AdoptedChapter(NOVEL, 1, adopted=2, kept=1)]
    assert heard(library) == [TEXTS[1], TEXTS[1], TEXTS[2]]


@pytest.mark.parametrize("titled", [False, True], ids=["untitled", "titled"])
def test_a_library_is_adopted_in_its_own_place(tmp_path, titled):
    chapter = written(tmp_path, TEXTS, titled=titled)
    first = (chapter / "paragraph_001" / "paragraph_001_metadata.json").read_bytes()
    library = open_library(tmp_path)
    assert adopted(tmp_path, library) == [AdoptedChapter(NOVEL, 1, adopted=3, kept=0)]
    assert heard(library) == TEXTS
    kept = list((tmp_path / ".repair-aside" / "adopted").rglob("paragraph_001_metadata.json"))
    assert [path.read_bytes() for path in kept] == [first]
    assert {f.code for f in check_library(library, read_share=1)} == {
        "chapter_incomplete",
        "put_away",
    }


def test_a_chapter_numbered_from_0_is_not_adopted_in_its_own_place(tmp_path):
    written(tmp_path, TEXTS, base=0)
    with pytest.raises(UsageError, match="another folder"):
        adopted(tmp_path, open_library(tmp_path))
    assert len(list(tmp_path.rglob("*.wav"))) == 3


def test_a_chapter_that_is_open_is_not_adopted(tmp_path):
    written(tmp_path / "old", TEXTS)
    library = open_library(tmp_path / "new")
    with (
        open_chapter(library, MiniScript(TEXTS, novel_id=NOVEL)),
        pytest.raises(UsageError, match="being narrated"),
    ):
        adopted(tmp_path / "old", library)


def wav_of(chapter: Path, number: int) -> Path:
    return chapter / f"paragraph_{number:03d}" / f"paragraph_{number:03d}.wav"


def silence() -> bytes:
    return encode_wav(np.zeros(900, np.int16), 8000)


# What is done to the second of three paragraphs; what the survey says; which are adopted.
ODD = [
    pytest.param(lambda c: wav_of(c, 2).write_bytes(speech("x")[:99]), "adopt_damaged", [1, 3], id="truncated"),
    pytest.param(lambda c: wav_of(c, 2).write_bytes(b"<html>"), "adopt_damaged", [1, 3], id="no wav"),
    pytest.param(lambda c: wav_of(c, 2).write_bytes(silence()), "adopt_damaged", [1, 3], id="silent"),
    pytest.param(lambda c: wav_of(c, 2).write_bytes(b""), "adopt_not_spoken", [1, 3], id="empty wav"),
    pytest.param(lambda c: wav_of(c, 2).unlink(), "adopt_not_spoken", [1, 3], id="only metadata"),
    pytest.param(lambda c: (wav_of(c, 2).unlink(), change(c, 2, skipped=True)), "adopt_not_spoken", [1, 3], id="skipped there"),
    pytest.param(lambda c: change(c, 2, failed=True, status="failed"), None, [1, 2, 3], id="failed again, good wav"),
    pytest.param(lambda c: next(c.glob("paragraph_002/*.json")).unlink(), "adopt_without_text", [1, 3], id="no metadata"),
    pytest.param(lambda c: next(c.glob("paragraph_002/*.json")).write_text("{"), "adopt_without_text", [1, 3], id="metadata damaged"),
    pytest.param(lambda c: change(c, 2, subtitle=3, text=None), "adopt_without_text", [1, 3], id="no text in it"),
    pytest.param(lambda c: change(c, 2, normalizedText="Khác hẳn nguyên văn."), "adopt_spoken_text_changed", [1, 2, 3], id="spoken otherwise"),
    pytest.param(lambda c: change(c, 2, paragraphIndex=0), "adopt_two_for_one", [1, 3], id="two for one"),
    pytest.param(lambda c: (c / "f.wav").write_bytes(speech("x")), "adopt_unnumbered", [1, 2, 3], id="wav by file id"),
    pytest.param(lambda c: (c / "paragraph_009").mkdir(), None, [1, 2, 3], id="empty folder"),
    pytest.param(lambda c: change(c, 2, generationParams={"speedFactor": "fast"}, createdAt="x"), None, [1, 2, 3], id="odd fields"),
]  # fmt: skip


@pytest.mark.parametrize(("oddity", "code", "numbers"), ODD)
def test_what_is_odd_is_named_and_the_others_are_taken(tmp_path, oddity, code, numbers):
    oddity(written(tmp_path, TEXTS))
    chapter = surveyed(tmp_path)
    assert [finding.code for finding in chapter.findings] == ([code] if code else [])
    assert [p.text.paragraph_number for p in chapter.paragraphs] == numbers


def test_the_database_gives_texts_that_metadata_has_not(tmp_path):
    chapter = written(tmp_path, TEXTS)
    next(chapter.glob("paragraph_002/*.json")).unlink()
    known = {(NOVEL, 1, 2): TEXTS[1], (NOVEL, 1, 3): "another text"}
    found = surveyed(tmp_path, text_of=lambda *place: known.get(place))
    assert [p.text.original_text for p in found.paragraphs] == TEXTS
    assert [finding.code for finding in found.findings] == ["adopt_text_differs"]


@pytest.mark.parametrize(
    ("text", "spoken", "otherwise"),
    [
        (LONG, LONG, False),
        (LONG, None, False),
        ("Hai người\ncùng đi  ra phố", "Hai người cùng đi ra phố.", False),
        ("Giá là 3.14 đồng một.", "Giá là 3. 14 đồng một.", True),
        ("Ừ.", "Ừ.", True),
        ("123456789.", "123456789.", False),
    ],
)
def test_what_counts_as_spoken_otherwise(text, spoken, otherwise):
    assert was_spoken_otherwise(text, spoken) is otherwise


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal"])
def test_a_database_that_is_being_written_is_refused(tmp_path, suffix):
    database = tmp_path / "novels.db"
    refuse_live_database(database, now=NOW)
    for name in ("", "-wal", "-journal"):
        path = tmp_path / f"novels.db{name}"
        path.write_bytes(b"x")
        os.utime(path, times=((NOW - timedelta(hours=1)).timestamp(),) * 2)
    refuse_live_database(database, now=NOW)
    os.utime(
        tmp_path / f"novels.db{suffix}", times=((NOW - timedelta(seconds=59)).timestamp(),) * 2
    )
    with pytest.raises(UsageError, match="Stop it"):
        refuse_live_database(database, now=NOW)
    (tmp_path / f"novels.db{suffix}").write_bytes(b"")
    refuse_live_database(database, now=NOW)


def test_adopted_audio_is_kept_while_its_text_is_the_scripts(tmp_path):
    written(tmp_path / "old", TEXTS)
    library = open_library(tmp_path / "new")
    adopted(tmp_path / "old", library)
    script = MiniScript([TEXTS[2], TEXTS[0]], novel_id=NOVEL, title="Một")
    held = {audio.key: audio for audio in library.inventory(NOVEL).held()}
    with open_chapter(library, script) as folder:
        for number in (1, 2):
            source = held[text_key(script.texts[number - 1])]
            assert folder.commit_held(script.text(number), source, wanted=lambda _: True)
    first = library.chapter_inventory(NOVEL, 1).paragraphs[1]
    assert first.adopted
    assert heard(library)[:2] == [TEXTS[2], TEXTS[0]]
