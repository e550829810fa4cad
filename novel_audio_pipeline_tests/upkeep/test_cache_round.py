"""One round over a real cache folder: what goes, what stays, what is written down."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from novel_audio_pipeline.errors import SettingError, StorageError
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.tts_cache import expiring
from novel_audio_pipeline.tts_cache.expiring import expire
from novel_audio_pipeline.tts_cache.folder import LOCK_NAME
from novel_audio_pipeline.tts_cache.watch import WATCH_NAME
from novel_audio_pipeline.upkeep.asked import AskedNotes
from novel_audio_pipeline.upkeep.known_entries import KnownEntries
from novel_audio_pipeline_tests.upkeep.places import SPOILED, TTL, House, set_date, spoil_knowledge

OLD, YOUNG = "a" * 32, "b" * 32


def left_in(house: House) -> list[str]:
    root = house.place.root
    found = (p.relative_to(root).as_posix() for p in root.rglob("*") if not p.is_dir())
    return sorted(name for name in found if name not in (LOCK_NAME, WATCH_NAME))


def test_what_is_past_its_time_goes_and_every_removal_is_written_down(tmp_path):
    house = House(tmp_path)
    house.store(OLD, b"RIFF-old", age=TTL)
    house.store(YOUNG, age=timedelta(hours=1, minutes=59))
    done = house.round()
    assert left_in(house) == [f"{YOUNG}.wav", f"metadata/{YOUNG}.json"]
    assert (done.count("expired"), done.left.entries, done.left.overdue) == (1, 1, 0)
    assert house.audit() == [
        {
            "at": house.now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "action": "expired",
            "name": f"{OLD}.wav",
            "file_id": OLD,
            "reason": "past_its_time",
            "age_s": 7200.0,
            "bytes": 8,
            "in_library": "unknown",
            "asked_for": None,
            "place": str(house.place.root),
        }
    ]
    assert house.round().removed == ()
    assert len(house.audit()) == 1


@pytest.mark.parametrize("record", [None, b"", b"{", b"[1]", b'{"expires_at": "2099-01-01T00:00"}'])
def test_metadata_that_is_torn_missing_or_foreign_changes_nothing(tmp_path, record):
    house = House(tmp_path)
    for file_id, age in ((OLD, TTL), (YOUNG, TTL - timedelta(seconds=1))):
        house.store(file_id, age=age)
        path = house.place.root / "metadata" / f"{file_id}.json"
        path.unlink() if record is None else path.write_bytes(record)
    house.round()
    assert [name for name in left_in(house) if name.endswith(".wav")] == [f"{YOUNG}.wav"]


def test_records_without_audio_and_dead_writers_files_go_and_are_written_down(tmp_path):
    house = House(tmp_path)
    house.store(OLD, age=TTL).unlink()
    dead = house.place.root / f".{YOUNG}.wav.elsewhere-77-0123456789ab.tmp"
    dead.write_bytes(b"RI")
    set_date(dead, house.now - TTL)
    house.round()
    assert left_in(house) == []
    assert {(line["name"], line["reason"]) for line in house.audit()} == {
        (f"metadata/{OLD}.json", "record_without_audio"),
        (dead.name, "writer_is_dead"),
    }


def test_what_a_writer_of_the_watch_left_goes_too(tmp_path):
    house = House(tmp_path)
    house.store(OLD, age=TTL)
    killed_at_the_rename = (
        "import os, pathlib, sys;"
        "from datetime import datetime, UTC;"
        "from novel_audio_pipeline.tts_cache.watch import WATCH_NAME;"
        "from novel_audio_pipeline.tts_cache.writing import write_whole;"
        "pathlib.Path.replace = lambda *_: os._exit(9);"
        "write_whole((pathlib.Path(sys.argv[1]) / WATCH_NAME, b'{}'), dated=datetime.now(UTC))"
    )
    root = house.place.root
    subprocess.run([sys.executable, "-c", killed_at_the_rename, str(root)], check=False)
    (left,) = root.glob(f".{WATCH_NAME}.*.tmp")
    house.round()
    assert left_in(house) == []
    assert {(line["name"], line["reason"]) for line in house.audit()} >= {
        (left.name, "writer_is_dead")
    }


def test_entries_in_the_future_have_no_age(tmp_path):
    house = House(tmp_path)
    house.store(YOUNG, age=timedelta(hours=-5))
    assert house.round().left.oldest_age == timedelta(0)


def test_what_is_not_of_the_cache_is_never_touched_and_is_counted(tmp_path):
    house = House(tmp_path)
    root = house.cache.root
    outside = tmp_path / "outside.wav"
    outside.write_bytes(b"RIFF")
    (root / f"{OLD}.wav").symlink_to(outside)
    (root / f"{YOUNG}.wav").mkdir()
    (root / "notes.txt").write_text("mine")
    (root / f"{'c' * 31}.wav").write_bytes(b"RIFF")
    (root / "metadata" / "foreign.json").write_text("{}")
    (root / "sub").mkdir()
    (root / "sub" / f"{OLD}.wav").write_bytes(b"RIFF")
    for path in [*root.iterdir(), *(root / "metadata").iterdir(), *(root / "sub").iterdir()]:
        set_date(path, house.now - timedelta(days=400))
    before = left_in(house)
    done = house.round()
    assert left_in(house) == before
    assert outside.read_bytes() == b"RIFF"
    assert (done.removed, done.left.unknown) == ((), 6)
    assert "notes.txt" in done.left.unknown_names


def test_a_removal_that_was_interrupted_is_finished_or_undone(tmp_path):
    house = House(tmp_path)
    for file_id, age in ((OLD, TTL), (YOUNG, timedelta(minutes=5))):
        wav = house.store(file_id, age=age)
        wav.rename(wav.with_name(f"{wav.name}.expiring-0123456789ab"))
    house.round()
    assert [name for name in left_in(house) if "wav" in name] == [f"{YOUNG}.wav"]
    assert {line["file_id"] for line in house.audit()} == {OLD}


def test_what_gets_its_name_back_and_stays_is_not_written_down_as_removed(tmp_path, monkeypatch):
    house = House(tmp_path)
    wav = house.store(OLD, age=TTL)
    wav.rename(wav.with_name(f"{wav.name}.expiring-0123456789ab"))

    def refuse(*_arguments, **_options):
        raise StorageError("the disk refuses")

    monkeypatch.setattr(expiring, "remove_wav", refuse)
    done = house.round()
    assert done.refused == "the disk refuses"
    assert wav.exists()
    assert house.audit() == []


def test_one_file_that_does_not_go_ends_no_round(tmp_path, monkeypatch):
    house = House(tmp_path)
    stuck = house.store(OLD, age=TTL + timedelta(hours=1))
    house.store(YOUNG, age=TTL)
    unlink = os.unlink

    def refuse(path, **named):
        if str(path) == str(stuck):
            raise PermissionError(1, "Operation not permitted")
        unlink(path, **named)

    monkeypatch.setattr(os, "unlink", refuse)
    done = house.round()
    assert str(stuck) in done.refused
    assert [line["file_id"] for line in house.audit()] == [YOUNG]
    assert (done.left.entries, done.left.overdue) == (1, 1)


def test_what_was_stored_anew_meanwhile_is_not_written_down_as_removed(tmp_path, monkeypatch):
    house = House(tmp_path)
    house.store(OLD, age=TTL)
    about = KnownEntries.about

    def stored_anew(self, stored_at):
        house.store(OLD, age=timedelta(0))
        return about(self, stored_at)

    monkeypatch.setattr(KnownEntries, "about", stored_anew)
    done = house.round()
    assert (done.removed, house.audit()) == ((), [])
    assert done.left.entries == 1


def test_an_old_file_that_comes_after_the_look_goes_in_the_next_round_written_down(
    tmp_path, monkeypatch
):
    house = House(tmp_path)
    house.store(OLD, age=TTL)
    about = KnownEntries.about

    def copied_in_meanwhile(self, stored_at):
        if OLD in stored_at:
            house.store(YOUNG, age=TTL + timedelta(hours=1))
        return about(self, stored_at)

    monkeypatch.setattr(KnownEntries, "about", copied_in_meanwhile)
    assert house.round().left.overdue == 1
    assert left_in(house) == [f"{YOUNG}.wav", f"metadata/{YOUNG}.json"]
    assert house.round().left.entries == 0
    assert left_in(house) == []
    assert [line["file_id"] for line in house.audit()] == [OLD, YOUNG]


def test_what_the_backend_does_meanwhile_changes_no_verdict(tmp_path, monkeypatch):
    house = House(tmp_path)
    house.store(OLD, age=-timedelta(days=1))
    house.round()
    began = house.now
    about = KnownEntries.about

    def sweep_with_the_clock_set_back(self, stored_at):
        expire(house.cache, now=began + timedelta(minutes=90), ttl=TTL)
        expire(house.cache, now=began, ttl=TTL)
        return about(self, stored_at)

    house.now = began + timedelta(minutes=90)
    monkeypatch.setattr(KnownEntries, "about", sweep_with_the_clock_set_back)
    done = house.round()
    assert left_in(house) == [f"{OLD}.wav", f"metadata/{OLD}.json"]
    assert not done.removed
    assert house.audit() == []


def test_a_name_that_only_looks_like_an_interrupted_removal_is_not_ours(tmp_path):
    house = House(tmp_path)
    wav = house.store(OLD, age=TTL)
    other = wav.with_name(f"{wav.name}.expiring-mine")
    other.write_bytes(b"precious")
    os.utime(other, (1, 1))
    done = house.round()
    assert other.read_bytes() == b"precious"
    assert [line["name"] for line in house.audit()] == [wav.name]
    assert (done.left.overdue, done.left.unknown) == (0, 1)


def test_a_date_before_our_era_ends_nothing(tmp_path):
    house = House(tmp_path)
    wav = house.store(OLD, age=TTL)
    os.utime(wav, (-62_135_597_801, -62_135_597_801))
    house.round()
    assert left_in(house) == []


def test_a_link_beside_audio_is_not_of_the_cache(tmp_path):
    house = House(tmp_path)
    house.store(YOUNG, age=timedelta(minutes=5))
    record = house.place.root / "metadata" / f"{YOUNG}.json"
    record.unlink()
    record.symlink_to(tmp_path)
    assert house.round().left.unknown == 1
    assert record.is_symlink()


def test_entries_in_the_future_go_after_two_hours_of_watching(tmp_path):
    house = House(tmp_path)
    house.store(OLD, age=timedelta(days=-2))
    assert house.round().removed == ()
    house.now += TTL - timedelta(seconds=1)
    assert house.round().removed == ()
    house.now += timedelta(seconds=1)
    (removal,) = house.round().removed
    assert removal.reason == "watched_past_its_time"
    assert left_in(house) == []


def test_a_cache_that_was_never_made_holds_nothing(tmp_path):
    done = House(tmp_path).round()
    assert (done.removed, done.left.entries, done.why_not) == ((), 0, "")
    assert not (tmp_path / "tts_cache").exists()


@pytest.mark.parametrize("kind", ["missing", "file", "dangling link"])
def test_a_folder_that_was_set_and_cannot_be_read_is_an_error_not_nothing(tmp_path, kind):
    root = tmp_path / "elsewhere"
    if kind == "file":
        root.write_text("no folder")
    elif kind == "dangling link":
        root.symlink_to(tmp_path / "nowhere")
    house = House(tmp_path, cache_root=root, is_chosen=True)
    with pytest.raises(StorageError, match="elsewhere"):
        house.round()


@pytest.mark.skipif(os.name != "posix", reason="rights of folders; would run on POSIX systems")
def test_a_folder_without_the_right_to_read_is_an_error(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything; run the tests as another user to run this")
    house = House(tmp_path)
    house.store(OLD, age=TTL)
    house.place.root.chmod(0)
    try:
        with pytest.raises(StorageError):
            house.round()
    finally:
        house.place.root.chmod(0o700)


@pytest.mark.parametrize("where", ["library", "novels", "library/so-do", ".", "old/so-do"])
def test_a_folder_set_wrongly_is_refused_before_anything_is_looked_at(tmp_path, where):
    house = House(tmp_path, cache_root=tmp_path / where, is_chosen=True)
    house.library_dir.mkdir()
    old = tmp_path / "old" / "so-do" / "chapter_001" / "paragraph_001"
    old.mkdir(parents=True)
    (tmp_path / "library" / "so-do").mkdir()
    victim = tmp_path / where / f"{OLD}.wav"
    victim.write_bytes(b"RIFF")
    set_date(victim, house.now - timedelta(days=9))
    with pytest.raises(SettingError, match="TTS_STORAGE_DIR"):
        house.round()
    with pytest.raises(SettingError, match="TTS_STORAGE_DIR"):
        house.report()
    assert victim.exists()
    assert not (tmp_path / where / WATCH_NAME).exists()


@pytest.mark.parametrize("how", SPOILED)
def test_what_goes_is_written_down_also_if_nothing_can_be_known_of_it(tmp_path, how):
    house = House(tmp_path)
    house.store(OLD, age=TTL)
    spoil_knowledge(house, how)
    house.round()
    assert left_in(house) == []
    (line,) = house.audit()
    assert (line["file_id"], line["in_library"]) == (OLD, "unknown")
    assert line["asked_for"] == ("unknown" if how == "no notes" else None)


def test_an_index_that_cannot_be_read_proves_nothing_and_ends_no_round(tmp_path):
    house = House(tmp_path)
    house.store(OLD, age=TTL)
    house.store(YOUNG, age=timedelta(minutes=30))
    spoil_knowledge(house, "no index")
    done = house.round()
    assert "library_chapters" in done.refused
    assert [line["file_id"] for line in house.audit()] == [OLD]
    assert (done.left.entries, done.left.overdue) == (1, 0)


def test_notes_that_nobody_came_back_for_go_after_thirty_days(tmp_path):
    house = House(tmp_path)
    notes = AskedNotes(house.reports_dir)
    for number, days in ((1, 30), (2, 29)):
        notes.asked(ChapterKey("so-do", 1), number, OLD)
        set_date(
            house.reports_dir / "asked" / f"0001.{number:04d}.so-do",
            house.now - timedelta(days=days),
        )
    other = house.reports_dir / "asked" / "mine.txt"
    other.write_text("mine")
    set_date(other, house.now - timedelta(days=400))
    house.round()
    assert [note.number for note in notes.read()] == [2]
    assert other.exists()
