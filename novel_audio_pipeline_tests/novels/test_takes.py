"""Asking for another reading: what is written into the settings file, and what becomes of it."""

import pytest

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.novels.takes import raise_takes
from novel_audio_pipeline.speech.voices import SpeechSettings

KEY = ChapterKey("mua", 1)


@pytest.fixture
def catalog(tmp_path) -> NovelCatalog:
    text = "Chương 1\n\nTrời mưa suốt đêm.\n\nỪ.\n\n* * *\n\nỪ.\n"
    (tmp_path / "mua.txt").write_text(text, encoding="utf-8")
    return NovelCatalog(tmp_path, speech=SpeechSettings())


def takes(catalog: NovelCatalog) -> list[int | None]:
    paragraphs = catalog.script(KEY).paragraphs
    return [p.pieces[0].take if p.pieces else None for p in paragraphs]


def test_a_take_is_one_more_each_time_and_changes_the_key(catalog):
    path = catalog.settings_path("mua")
    before = catalog.script(KEY)
    for expected in (1, 2, 3):
        assert raise_takes(path, catalog.script(KEY).paragraphs[:1]) == 1
        assert takes(catalog) == [expected, 0, None, 0]
    assert catalog.script(KEY).digest != before.digest


def test_equal_lines_share_their_take(catalog):
    assert raise_takes(catalog.settings_path("mua"), catalog.script(KEY).paragraphs) == 2
    assert takes(catalog) == [1, 1, None, 1]


def test_comments_and_other_settings_stay(catalog):
    path = catalog.settings_path("mua")
    path.write_text('# mine\nvoice = "vi-vn-x-south"  # southern\n', encoding="utf-8")
    raise_takes(path, catalog.script(KEY).paragraphs[1:2])
    text = path.read_text(encoding="utf-8")
    assert text.startswith('# mine\nvoice = "vi-vn-x-south"  # southern\n')
    assert takes(catalog) == [0, 1, None, 1]


def test_nothing_to_speak_writes_nothing(catalog):
    assert raise_takes(catalog.settings_path("mua"), catalog.script(KEY).paragraphs[2:3]) == 0
    assert not catalog.settings_path("mua").exists()


def test_a_file_that_is_no_toml_stays_as_it_is(catalog):
    paragraphs = catalog.script(KEY).paragraphs
    path = catalog.settings_path("mua")
    path.write_text("= broken", encoding="utf-8")
    with pytest.raises(SourceError, match="TOML"):
        raise_takes(path, paragraphs)
    assert path.read_text(encoding="utf-8") == "= broken"


def test_there_is_an_end_to_takes(catalog):
    path = catalog.settings_path("mua")
    raise_takes(path, catalog.script(KEY).paragraphs[:1])
    path.write_text(path.read_text("utf-8").replace("= 1", "= 99"), encoding="utf-8")
    with pytest.raises(SourceError, match="99"):
        raise_takes(path, catalog.script(KEY).paragraphs[:1])
