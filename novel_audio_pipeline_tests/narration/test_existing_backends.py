"""A chapter through each of the four existing backends, from text to library, cache empty after."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.library.library import open_library
from novel_audio_pipeline.narration.narrate import NarrationSettings, narrate
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.novels.model import Chapter, ChapterKey, Novel
from novel_audio_pipeline.novels.script import Script, write_script
from novel_audio_pipeline.speech.voices import SpeechSettings
from novel_audio_pipeline_tests.dialects.serving import ServedDialect, served_dialect
from novel_audio_pipeline_tests.tts_client.scripted_server import answer, scripted_server

NAMES = ("app", "vieneu", "coqui", "viettts")
MODELS = {"app": "dia", "vieneu": "vieneu-tts", "coqui": "xtts-v2", "viettts": "viet-tts"}
VOICES = {"app": "05", "vieneu": "id_0001", "coqui": "Ana", "viettts": "nam-tram"}
SHORT = "Ừ."
LONG = "Ừ. " + " ".join(f"Câu số {n} của một đoạn văn khá dài." for n in range(20))
PARAGRAPHS = ("Hắn vừa đi vừa chửi.", SHORT, "* * *", LONG, "Hết chương một rồi.")


class House:
    """A library on disk, a chapter, and a backend to speak it."""

    def __init__(self, root: Path, *, model: str, voice: str) -> None:
        self.library_dir = root / "library"
        self.speech = SpeechSettings(model=model, voices={"vi": voice})

    def scripts(self, novel_id: str) -> tuple[Script, ...]:
        chapter = Chapter(1, "Một", PARAGRAPHS)
        novel = Novel(novel_id, "Chí Phèo", "", "vi", "chi-pheo.txt", (chapter,))
        return (write_script(novel, chapter, speech=self.speech, takes={}),)

    def narrate(self, url: str, *, cache_dir: Path | None, evict: str = "proven") -> ChapterOutcome:
        flow = narrate(
            [ChapterKey("chi-pheo", 1)],
            settings=NarrationSettings(
                backend_url=url,
                backend_token="",
                backend_wait=timedelta(0),
                cache_ttl=timedelta(hours=3),
                concurrency=4,
                evict=evict,
                cache_dir=cache_dir,
            ),
            library=open_library(self.library_dir),
            scripts=self.scripts,
            now=lambda: datetime.now(UTC),
        )
        (outcome,) = [item for item in flow if isinstance(item, ChapterOutcome)]
        return outcome

    def records(self) -> list[dict[str, object]]:
        found = sorted(self.library_dir.rglob("paragraph_*_metadata.json"))
        return [json.loads(path.read_text()) for path in found]


def house_for(name: str, root: Path) -> House:
    return House(root, model=MODELS[name], voice=VOICES[name])


@pytest.fixture(params=NAMES)
def dialect(request, tmp_path) -> Iterator[ServedDialect]:
    with served_dialect(request.param, tmp_path / "cache") as served:
        yield served


def test_a_chapter_is_complete_proven_by_the_folder_and_leaves_an_empty_cache(dialect, tmp_path):
    house = house_for(dialect.name, tmp_path)
    outcome = house.narrate(dialect.url, cache_dir=dialect.root)
    skips_short_lines = dialect.name in ("vieneu", "viettts")
    assert (outcome.state, outcome.failed) == ("complete", ())
    assert (outcome.spoken, outcome.skipped) == ((3, 2) if skips_short_lines else (4, 1))
    assert ("refused" in "".join(outcome.warnings)) == skips_short_lines
    assert dialect.files() == []
    assert outcome.left_in_cache == 0
    proofs = [record.get("verifiedBy") for record in house.records()]
    assert sorted(map(str, proofs)) == ["None"] * outcome.skipped + ["folder"] * outcome.spoken
    assert not [call for call in dialect.calls if "/storage/" in call[1] or call[0] == "HEAD"]
    assert dialect.most_at_once == 1


def test_a_second_run_asks_for_nothing(dialect, tmp_path):
    house = house_for(dialect.name, tmp_path)
    house.narrate(dialect.url, cache_dir=dialect.root)
    dialect.calls.clear()
    assert house.narrate(dialect.url, cache_dir=dialect.root).spoken == 0
    assert dialect.calls == [("GET", "/health")]


def test_a_folder_out_of_reach_leaves_the_cache_to_expire(dialect, tmp_path):
    house = house_for(dialect.name, tmp_path)
    outcome = house.narrate(dialect.url, cache_dir=tmp_path / "on another machine")
    assert outcome.state == "complete"
    assert outcome.evicted == 0
    assert len(dialect.files()) == 2 * outcome.left_in_cache > 0
    assert {record.get("verifiedBy") for record in house.records()} == {"structure", None}


def test_a_smaller_limit_of_the_backend_makes_more_pieces_of_one_file(tmp_path):
    with served_dialect("vieneu", tmp_path / "cache") as dialect:
        house = house_for("vieneu", tmp_path)
        outcome = house.narrate(dialect.url, cache_dir=None, evict="never")
        entries = list(dialect.storage.metadata_cache.values())
    asked = [entry["text"] for entry in entries]
    assert {entry["expiry_hours"] for entry in entries} == {3}
    pieces = [str(text) for text in asked if str(text) in LONG]
    assert len(house.scripts("chi-pheo")[0].paragraphs[3].pieces) == 1
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 256
    assert sorted(" ".join(pieces).split()) == sorted(LONG.split())
    (record,) = [r for r in house.records() if str(r["text"]).startswith("Ừ. Câu")]
    assert len(record["pieces"]) == len(pieces)
    assert record["contentKey"] == house.scripts("chi-pheo")[0].paragraphs[3].content_key
    assert outcome.left_in_cache == len(asked)


@pytest.mark.parametrize(
    ("name", "model", "code"),
    [
        ("app", "vieneu-tts", "reference_needed"),
        ("viettts", "espeak", "unknown_model"),
    ],
)
def test_speech_it_cannot_make_fails_each_paragraph_without_a_request(tmp_path, name, model, code):
    house = House(tmp_path, model=model, voice="vi")
    with served_dialect(name, tmp_path / "cache") as dialect:
        outcome = house.narrate(dialect.url, cache_dir=dialect.root)
    assert outcome.state == "incomplete"
    assert {failed.code for failed in outcome.failed} == {code}
    assert dialect.calls == [("GET", "/health"), ("GET", "/openapi.json")]


def test_another_service_ends_the_run_with_a_sentence(tmp_path):
    house = house_for("viettts", tmp_path)
    body = json.dumps({"info": {"title": "A shop"}, "paths": {"/cart": {"get": {}}}}).encode()
    answers = {
        "/health": answer("404 No", {"Content-Length": "0"}),
        "/openapi.json": answer("200 OK", {"Content-Length": str(len(body))}, body),
    }
    with (
        scripted_server(answers) as url,
        pytest.raises(SettingError, match=r"A shop.*POST /api/tts/synthesize.*TTS_BACKEND_URL"),
    ):
        house.narrate(url, cache_dir=None)


def test_a_cache_folder_that_looks_like_a_library_is_refused_before_anything(tmp_path):
    house = house_for("viettts", tmp_path)
    (tmp_path / "cache" / "chapter_001").mkdir(parents=True)
    with served_dialect("viettts", tmp_path / "cache") as dialect:
        with pytest.raises(SettingError, match="chapter_001"):
            house.narrate(dialect.url, cache_dir=dialect.root)
        assert dialect.calls == [("GET", "/health")]


def test_a_cache_folder_that_cannot_be_read_stops_nobody(tmp_path):
    house = house_for("coqui", tmp_path)
    (tmp_path / "a file").touch()
    with served_dialect("coqui", tmp_path / "cache") as dialect:
        assert house.narrate(dialect.url, cache_dir=tmp_path / "a file").state == "complete"
