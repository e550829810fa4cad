"""The settings file of a novel: what it may say, and one sentence for what it may not."""

import pytest

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.model import NovelSettings
from novel_audio_pipeline.novels.settings_file import read_novel_settings

KEY = "a" * 64


@pytest.fixture
def write(tmp_path):
    def write_settings(text):
        path = tmp_path / "book.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_settings


def test_all_keys_are_read(write):
    path = write(
        'id = "the-well"\ntitle = "The Well"\nauthor = "A"\nlanguage = "en-GB"\nvoice = "v"\n'
        f'speed = 1.5\nmodel = "m"\n[takes]\n{KEY} = 2\n'
    )
    assert read_novel_settings(path) == NovelSettings(
        "the-well", "The Well", "A", "en", "v", 1.5, "m", {KEY: 2}
    )


def test_a_file_that_is_not_there_or_empty_says_nothing(tmp_path, write):
    assert read_novel_settings(tmp_path / "none.toml") == NovelSettings()
    assert read_novel_settings(write("")) == NovelSettings()


def test_a_mark_that_an_editor_wrote_is_no_mistake(write):
    assert read_novel_settings(write(b'\xef\xbb\xbftitle = "x"\n')).title == "x"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour = 1", "colour"),
        ("title = 5", "title"),
        ('title = ""', "title"),
        ('author = "a\\nb"', "author"),
        ('id = "Số đỏ"', "id"),
        ('id = "con"', "id"),
        ('id = "../x"', "id"),
        ('language = "Vietnamese"', "language"),
        ("speed = 9", "speed"),
        ("speed = nan", "speed"),
        ("speed = true", "speed"),
        ('speed = "1"', "speed"),
        ('voice = "default"', "voice"),
        ("takes = 1", "takes"),
        ("[takes]\nshort = 1", "short"),
        (f"[takes]\n{KEY} = 0", "take"),
        (f"[takes]\n{KEY} = 100", "take"),
        (f"[takes]\n{KEY} = true", "take"),
        ("title = ", "TOML"),
        (b"title = '\xff'", "TOML"),
        ("#" * 1_100_000, "1 MiB"),
    ],
)
def test_a_mistake_is_named_in_a_sentence_with_the_file(write, text, named):
    path = write(text)
    with pytest.raises(SourceError, match=named) as caught:
        read_novel_settings(path)
    assert caught.value.code == "wrong_novel_settings"
    assert str(path) in str(caught.value)
