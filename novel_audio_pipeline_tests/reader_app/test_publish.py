"""Publishing small chapters: which rows stand after it, which gave way, what is left alone."""

import sqlite3
from contextlib import closing
from datetime import datetime

import pytest

from novel_audio_pipeline_tests.reader_app.houses import NOVEL, later, new_house

TEXTS = ["Trời mưa.", "-", "Ừ."]


def rows(house, table="audio_cache"):
    return [{k: v for k, v in row.items() if k != "place"} for row in house.app.table(table)]


def test_a_row_says_all_that_the_app_looks_at(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.publish()
    first, second = rows(house)
    wav = house.wav(1)
    assert first | {"id": "", "tts_file_id": ""} == {
        "id": "",
        "novel_id": NOVEL,
        "chapter_id": "c1",
        "chapter_number": 1,
        "paragraph_id": "c1p1",
        "paragraph_number": 1,
        "tts_file_id": "",
        "speaker_id": "05",
        "model": None,
        "local_audio_path": str(wav),
        "audio_duration": 0.051,
        "audio_file_size": wav.stat().st_size,
        "expires_at": "9999-12-31T23:59:59.000Z",
        "created_at": "2026-05-04T12:00:00.000Z",
    }
    assert len(first["tts_file_id"]) == 32
    assert second["paragraph_number"] == 3


def test_a_skipped_paragraph_has_no_audio_and_the_app_is_told_why(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.old_row(2, row_id="dead")
    house.publish()
    assert [row["paragraph_number"] for row in rows(house)] == [1, 3]
    (told,) = rows(house, "generation_progress")
    assert (told["paragraph_id"], told["status"]) == ("c1p2", "skipped")
    assert "no_letter_or_digit" in told["error_message"]
    assert house.app.is_complete(NOVEL, 1)


def test_the_link_is_relative_and_leads_to_the_titled_folder(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.publish()
    assert house.link().readlink().as_posix() == (
        f"../../../../library/{NOVEL}_Số_Đỏ/chapter_001_Chương_một"
    )
    assert not house.link().parent.is_symlink()


def test_rows_of_the_app_for_the_same_paragraph_give_way_whoever_speaks_in_them(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.old_row(1, row_id="old")
    house.old_row(1, row_id="older")
    house.execute("UPDATE audio_cache SET speaker_id = 'quynh' WHERE id = 'older'")
    house.execute("UPDATE audio_cache SET paragraph_number = NULL WHERE id = 'old'")
    (done,) = house.publish()
    assert (done.written, done.replaced) == (3, 2)
    assert [row["paragraph_number"] for row in rows(house)] == [1, 3]


def test_publishing_twice_changes_nothing(house):
    house.script(TEXTS, ["Hai."])
    house.narrate(TEXTS, ["Hai."])
    house.old_row(1, row_id="old")
    house.publish()
    before, backups, place = house.app.tables(), house.backups(), house.link().lstat()
    again = house.publish(now=later(5))
    assert [(done.changed, done.link) for done in again] == [(False, "kept"), (False, "kept")]
    assert house.app.tables() == before
    assert house.link().lstat() == place
    assert house.backups() == backups


def test_another_take_of_a_paragraph_renews_its_row_and_no_other(house):
    house.script(["Một.", "Hai."])
    house.narrate(["Một.", "Hai."])
    house.publish()
    first, second = rows(house)
    house.narrate(["Một.", "Hai ba bốn."])
    house.execute("UPDATE paragraphs SET text = 'Hai ba bốn.' WHERE id = 'c1p2'")
    (done,) = house.publish(now=later(5))
    assert (done.written, done.withdrawn) == (1, 1)
    kept, renewed = rows(house)
    assert kept == first
    assert renewed["id"] == second["id"]
    assert renewed["tts_file_id"] != second["tts_file_id"]
    assert datetime.fromisoformat(renewed["created_at"]) == later(5)


def test_a_text_that_differs_is_a_finding_and_is_not_published(house):
    house.script(["Một.", "Khác hẳn.", "Ba."])
    house.narrate(["Một.", "Hai.", "Ba."])
    house.old_row(2, row_id="old")
    (done,) = house.publish()
    assert (done.state, done.audio, done.withheld) == ("partly", 2, 1)
    assert [(f.code, f.path) for f in done.findings] == [("text_differs", f"{NOVEL}/0001/2")]
    assert [row["paragraph_number"] for row in rows(house)] == [1, 3], "old would play another text"


def test_a_text_changed_in_the_app_after_publishing_is_withdrawn(house):
    house.script(["Một.", "Hai."])
    house.narrate(["Một.", "Hai."])
    house.publish()
    house.execute("UPDATE paragraphs SET text = 'Sửa rồi.' WHERE id = 'c1p2'")
    (done,) = house.publish()
    assert done.withdrawn == 1
    assert [row["paragraph_number"] for row in rows(house)] == [1]


def test_line_breaks_and_decomposed_accents_sound_the_same(house):
    house.script(["Trời\nmưa.", "U\u031b\u0300."])
    house.narrate(["Trời mưa.", "Ừ."])
    (done,) = house.publish()
    assert (done.state, done.audio) == ("published", 2)


def test_a_text_that_stands_under_another_number_is_told_so(house):
    house.script(["Một.", "Ba."])
    house.narrate(["Một.", "Hai.", "Ba."])
    (done,) = house.publish()
    assert [(f.code, f.path[-1]) for f in done.findings] == [
        ("number_differs", "2"),
        ("paragraph_not_in_app", "3"),
    ]
    assert "number 3" in done.findings[0].message
    assert [row["paragraph_number"] for row in rows(house)] == [1]


def test_audio_that_is_damaged_is_withdrawn_and_what_the_app_wrote_stays(house):
    house.script(["Một.", "Hai."])
    house.narrate(["Một.", "Hai."])
    house.publish()
    house.wav(2).write_bytes(b"the app has spoken this anew, in place")
    house.old_row(2, row_id="anew", created_at="2026-05-05T00:00:00.000Z")
    (done,) = house.publish()
    assert [f.code for f in done.findings] == ["audio_not_intact"]
    assert {row["id"] for row in rows(house) if row["paragraph_number"] == 2} == {"anew"}


def test_a_paragraph_that_only_the_app_has_keeps_the_apps_row(house):
    house.script(["Một.", "Hai."])
    house.narrate(["Một."])
    house.old_row(2, row_id="own")
    (done,) = house.publish()
    assert [f.code for f in done.findings] == ["paragraph_not_in_library"]
    assert [row["id"] for row in rows(house) if row["paragraph_number"] == 2] == ["own"]


def test_a_chapter_of_which_nothing_fits_is_left_as_it_was(house):
    house.script(["Chẳng giống gì."])
    house.narrate(["Một."])
    house.old_row(1, row_id="own")
    before = house.app.tables()
    (done,) = house.publish()
    assert (done.state, done.link) == ("not_published", "")
    assert house.app.tables() == before
    assert not house.link().parent.exists()


def test_novels_and_chapters_that_the_app_has_not_are_findings(house):
    house.narrate(["Một."], ["Hai."])
    house.script(["Một."])
    assert [[f.code for f in done.findings] for done in house.publish()] == [
        [],
        ["chapter_not_in_app"],
    ]
    house.execute("DELETE FROM novels")
    assert [f.code for done in house.publish() for f in done.findings] == ["novel_not_in_app"] * 2


@pytest.mark.parametrize("wrong", ["../../etc", "a/b", "..", "", "x" * 65, "số-đỏ"])
def test_an_id_that_can_be_no_folder_is_never_made_one(house, wrong):
    house.script(["Một."])
    house.narrate(["Một."])
    house.execute("PRAGMA foreign_keys = OFF")
    with closing(sqlite3.connect(house.database)) as connection, connection:
        connection.execute("UPDATE novels SET id = ?", (wrong,))
    (done,) = house.publish()
    assert done.state == "not_published"
    assert list(house.storage.iterdir()) == []


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.old_row(1, row_id="old")
    before = house.app.tables()
    (told,) = house.publish(dry_run=True)
    assert house.app.tables() == before
    assert list(house.storage.iterdir()) == []
    assert house.backups() == []
    (done,) = house.publish()
    assert told == done


def test_the_database_is_copied_before_the_first_write_and_then_no_more(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.old_row(1, row_id="old")
    before = house.app.tables()
    house.publish()
    (backup,) = house.backups()
    assert backup.suffix != ".db", "it would be taken for a source of novels"
    house.database.with_name(backup.name).write_bytes(backup.read_bytes())
    copied = house.app
    copied.database = house.database.with_name(backup.name)
    assert copied.tables() == before
    house.narrate(["Một."])
    house.publish()
    assert house.backups() == [backup]


def test_an_older_database_gets_what_it_has_columns_for(tmp_path):
    house = new_house(tmp_path, older=True)
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.publish()
    assert [row["paragraph_number"] for row in rows(house)] == [1, 3]
    assert "audio_duration" not in rows(house)[0]
    (again,) = house.publish()
    assert not again.changed
    house.undo()
    assert house.app.table("audio_cache") == []


def test_a_novel_of_another_title_takes_the_links_of_all_its_chapters_along(house):
    house.script(["Một."], ["Hai."])
    house.narrate(["Một."], ["Hai."])
    house.publish()
    house.narrate(["Một."], ["Hai."], title="Số Đỏ (tái bản)")
    assert not house.wav(1, chapter=2).exists()
    house.publish(numbers=[1])
    assert house.wav(1, chapter=1).exists()
    assert house.wav(1, chapter=2).exists()
    assert house.codes() == []
