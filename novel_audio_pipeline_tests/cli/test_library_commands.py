"""``library check``, ``repair`` and ``adopt`` as a person runs them."""

import json
import shutil

import numpy as np
import pytest

from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline_tests.cli.homes import Home, new_home

TEXT = "Chapter 1\n\nIt was a bright cold day in April.\n\nThe clocks were striking thirteen.\n"


@pytest.fixture(scope="module")
def narrated(tmp_path_factory) -> Home:
    home = new_home(tmp_path_factory.mktemp("narrated"))
    (home.novels / "clocks.txt").write_text(TEXT)
    assert home.run("narrate").returncode == 0
    return home


@pytest.fixture
def home(narrated, tmp_path) -> Home:
    return Home(shutil.copytree(narrated.path, tmp_path / "home"))


def test_a_sound_library_has_no_findings(home):
    assert home.json("library", "check", "--read-data") == {"findings": []}
    assert home.json("library", "check", "--read-data=5%") == {"findings": []}


def test_damage_is_found_put_away_and_spoken_again(home):
    first, second = home.wavs()
    first.write_bytes(first.read_bytes()[:-100])
    data = bytearray(second.read_bytes())
    data[5000] ^= 1
    second.write_bytes(data)
    seen = {f["code"] for f in home.json("library", "check", status=1)["findings"]}
    assert "size_differs" in seen
    assert "digest_differs" not in seen, "that takes --read-data"
    codes = {f["code"] for f in home.json("library", "check", "--read-data", status=1)["findings"]}
    assert {"size_differs", "digest_differs"} <= codes
    orphans = home.json("library", "orphans", status=1)["findings"]
    assert "digest_differs" in {finding["code"] for finding in orphans}
    repairs = home.json("library", "repair", "--read-data", "--yes")["repairs"]
    assert {r["code"] for r in repairs} >= {"size_differs", "digest_differs"}
    assert all(repair["done"] for repair in repairs)
    put_away = [p.name for p in (home.library / ".repair-aside").rglob("*.wav")]
    assert sorted(put_away) == ["paragraph_001.wav", "paragraph_002.wav"]
    assert home.json("narrate")["requests"] == 2
    left = home.json("library", "check", "--read-data")["findings"]
    assert {f["severity"] for f in left} <= {"info"}


def test_repair_asks_and_no_means_no(home):
    home.wavs()[0].unlink()
    process = home.start("library", "repair")
    process.communicate()  # end of input is no
    assert process.returncode != 0
    assert not (home.library / ".repair-aside").exists()


def test_a_share_must_be_one(home):
    done = home.run("library", "check", "--read-data=0%")
    assert done.returncode == 2
    assert "5%" in done.stderr


def old_library(home: Home) -> None:
    """Write two paragraphs as the existing system does, one of them intact."""
    chapter = home.path / "old" / "clocks" / "chapter_001"
    for number, text in enumerate(
        ["It was a bright cold day in April.", "The clocks were striking thirteen."], start=1
    ):
        folder = chapter / f"paragraph_{number:03d}"
        folder.mkdir(parents=True)
        tone = (np.sin(np.arange(44_100) / 10) * 9000).astype(np.int16)
        wav = encode_wav(tone, 22_050)
        name = f"paragraph_{number:03d}"
        (folder / f"{name}.wav").write_bytes(wav if number == 1 else wav[:100])
        metadata = {
            "novelId": "clocks",
            "novelTitle": "Clocks",
            "chapterNumber": 1,
            "chapterTitle": "One",
            "paragraphNumber": number,
            "paragraphIndex": number - 1,
            "subtitle": text,
            "text": text,
            "normalizedText": text,
        }
        (folder / f"{name}_metadata.json").write_text(json.dumps(metadata))


def test_old_audio_is_taken_over_and_not_spoken_again(tmp_path):
    home = new_home(tmp_path)
    (home.novels / "clocks.txt").write_text(TEXT)
    old_library(home)
    before = {p: p.read_bytes() for p in (home.path / "old").rglob("*") if p.is_file()}
    dry = home.json("library", "adopt", str(home.path / "old"), "--dry-run", status=1)
    assert (dry["chapters"][0]["adoptable"], dry["chapters"][0]["adopted"]) == (1, 0)
    assert not home.library.exists()
    done = home.json("library", "adopt", str(home.path / "old"), status=1)
    assert done["chapters"][0]["adopted"] == 1
    assert [f["code"] for f in done["findings"]] == ["adopt_damaged"]
    document = home.json("narrate")
    assert document["requests"] == 1
    assert document["chapters"][0]["state"] == "complete"
    assert {p: p.read_bytes() for p in (home.path / "old").rglob("*") if p.is_file()} == before
    assert home.json("narrate")["requests"] == 0
