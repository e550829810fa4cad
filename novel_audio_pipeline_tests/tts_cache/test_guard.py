"""Folders that may not be a TTS cache."""

import pytest

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.tts_cache.guard import refuse_wrong_root


def test_a_missing_folder_and_a_used_cache_are_accepted(tmp_path):
    refuse_wrong_root(tmp_path / "missing", library_dir=tmp_path / "library")
    cache = tmp_path / "cache"
    (cache / "metadata").mkdir(parents=True)
    (cache / f"{'a' * 32}.wav").write_bytes(b"RIFF")
    (cache / "metadata" / f"{'a' * 32}.json").write_text("{}")
    (cache / "some-folder").mkdir()
    refuse_wrong_root(cache, library_dir=tmp_path / "library", novels_dir=tmp_path / "novels")


@pytest.mark.parametrize("root", ["library", ".", "library/below/it"])
@pytest.mark.parametrize("setting", ["library_dir", "novels_dir"])
def test_a_cache_that_is_holds_or_lies_in_another_folder_is_refused(tmp_path, root, setting):
    (tmp_path / "library").mkdir()
    with pytest.raises(SettingError, match="refused"):
        refuse_wrong_root(tmp_path / root, **{setting: tmp_path / "library"})


def test_a_link_to_the_library_is_the_library(tmp_path):
    (tmp_path / "library").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "library")
    with pytest.raises(SettingError, match="it is the library"):
        refuse_wrong_root(tmp_path / "cache", library_dir=tmp_path / "library")


@pytest.mark.parametrize(
    "held",
    [
        "chapter_001/x.wav",
        "novel_Title/chapter_0012_Một/paragraph_001/paragraph_001.wav",
        "4f1c7a34-1111-2222-3333-444455556666/chapter_001/paragraph_001/paragraph_001.wav",
        "paragraph_001/paragraph_001.wav",
        "paragraph_001.wav",
        "chapter_manifest.json",
        "metadata.json",
        "novel/.aside/x.wav",
    ],
)
def test_a_folder_that_looks_like_a_library_is_refused(tmp_path, held):
    file = tmp_path / "cache" / held
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    with pytest.raises(SettingError, match="as a library does"):
        refuse_wrong_root(tmp_path / "cache")


def test_a_folder_inside_a_chapter_is_refused(tmp_path):
    with pytest.raises(SettingError, match="named like a part of a library"):
        refuse_wrong_root(tmp_path / "novel" / "chapter_001_Một" / "cache")
