"""Undoing row by row, and what is found where rows, files and links do not agree."""

import pytest

from novel_audio_pipeline_tests.reader_app.houses import NOVEL, later

TEXTS = ["Trời mưa.", "-", "Ừ."]


def test_undoing_gives_every_row_back_as_it_was(house):
    house.script(TEXTS, ["Hai."])
    house.narrate(TEXTS, ["Hai."])
    for number, row_id in ((1, "a"), (1, "b"), (2, "c"), (3, "d")):
        house.old_row(number, row_id=row_id)
    house.execute(
        "UPDATE audio_cache SET audio_duration = 0.1 + 0.2, model = x'00ff' WHERE id = 'b'"
    )
    house.execute(
        "INSERT INTO generation_progress (id, novel_id, chapter_id, chapter_number, paragraph_id, "
        "paragraph_number, status, created_at) VALUES ('p', ?, 'c1', 1, 'c1p2', 2, 'failed', 'x')",
        NOVEL,
    )
    before = house.app.tables()
    house.publish()
    assert house.app.tables() != before
    (done,) = house.undo()
    assert house.app.tables() == before
    assert (done.removed, done.restored, done.links) == (4, 5, 2)
    assert not house.link().parent.exists()


def test_what_the_app_wrote_in_the_meantime_outlives_undoing(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.old_row(1, row_id="old")
    house.publish()
    house.old_row(1, row_id="newer", created_at="2026-06-01T00:00:00.000Z")
    house.undo()
    assert {row["id"] for row in house.app.table("audio_cache")} == {"old", "newer"}


def test_rows_of_what_the_app_has_deleted_do_not_come_back(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.old_row(1, row_id="old")
    house.old_row(3, row_id="gone")
    house.publish()
    house.execute("DELETE FROM paragraphs WHERE id = 'c1p3'")
    (done,) = house.undo()
    assert [row["id"] for row in house.app.table("audio_cache")] == ["old"]
    assert [finding.code for finding in done.findings] == ["row_not_restored"]


def test_undoing_takes_the_links_of_a_novel_that_left_the_library(house):
    house.script(["Một."])
    house.narrate(["Một."])
    house.publish()
    (house.root / "library").rename(house.root / "elsewhere")
    house.undo()
    assert list((house.storage / "audio").iterdir()) == []
    assert house.app.table("audio_cache") == []


def test_undoing_what_was_never_done_does_nothing(house):
    house.script(["Một."])
    house.old_row(1, row_id="own")
    before = house.app.tables()
    assert house.undo() == []
    assert house.app.tables() == before


def test_publishing_can_begin_again_after_undoing(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.publish()
    published = house.app.table("audio_cache")
    house.undo()
    house.publish()
    assert house.app.table("audio_cache") == published


@pytest.fixture
def published(house):
    house.script(TEXTS)
    house.narrate(TEXTS)
    house.publish()
    assert house.codes() == []
    return house


def test_a_row_without_its_file_is_found(published):
    published.wav(3).unlink()
    assert [(f.code, f.path) for f in published.check()] == [
        ("published_row_without_file", f"{NOVEL}/0001/3")
    ]


def test_a_file_that_is_not_as_long_as_its_row_says_is_found(published):
    published.wav(3).write_bytes(b"RIFF")
    assert published.codes() == ["published_file_differs"]


def test_a_file_whose_row_is_gone_is_found_and_publishing_mends_it(published):
    published.execute("DELETE FROM audio_cache WHERE paragraph_number = 1")
    assert [(f.code, f.path) for f in published.check()] == [
        ("file_without_row", f"{NOVEL}/0001/1")
    ]
    published.publish(now=later(1))
    assert published.codes() == []


def test_a_link_that_dangles_is_found_and_so_are_its_rows(published):
    (published.root / "library").rename(published.root / "elsewhere")
    assert published.codes() == ["dangling_link", *["published_row_without_file"] * 2]


def test_a_row_that_the_app_wrote_and_that_leads_nowhere_is_told_apart(published):
    published.script([], ["Hai."])
    published.execute(
        "INSERT INTO audio_cache (id, novel_id, chapter_id, chapter_number, paragraph_id, "
        "paragraph_number, tts_file_id, speaker_id, local_audio_path, created_at) "
        "VALUES ('own', ?, 'c2', 2, 'c2p1', 1, 'x', '05', '/srv/x.wav', 'x')",
        NOVEL,
    )
    assert [(f.code, f.path) for f in published.check()] == [
        ("app_row_without_file", f"{NOVEL}/0002/1")
    ]


def test_looking_changes_nothing(published):
    published.wav(3).unlink()
    before = published.app.tables()
    published.check()
    assert published.app.tables() == before


def test_a_published_chapter_that_left_the_library_loses_its_rows(published):
    (published.root / "library").rename(published.root / "elsewhere")
    (done,) = published.publish(numbers=[1])
    assert done.withdrawn == 3
    assert published.app.table("audio_cache") == []
