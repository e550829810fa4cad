"""``library publish``: what it prints, how it ends, and that the UI is told."""

import json
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from novel_audio_pipeline.cli.main import run
from novel_audio_pipeline_tests.reader_app.houses import NOVEL, House, new_house

TEXTS = ["Trời mưa.", "-", "Ừ."]


@dataclass
class Person:
    """Somebody at the command line."""

    house: House
    capsys: pytest.CaptureFixture[str]

    def types(self, *more: str, places: bool = True) -> tuple[int, str, str]:
        """Run the command; return exit status, standard output and standard error."""
        house = self.house
        named = ("--reader-database", str(house.database), "--static-root", str(house.storage))
        status = run(["library", "publish", *(named if places else ()), *more])
        out, err = self.capsys.readouterr()
        return status, out, err

    def json(self, *more: str, status: int = 0) -> Any:
        ended, out, err = self.types(*more, "--json")
        assert ended == status, err
        return json.loads(out)


@pytest.fixture
def person(tmp_path, monkeypatch, capsys) -> Person:
    house = new_house(tmp_path)
    house.script(TEXTS)
    house.narrate(TEXTS)
    dagster = tmp_path / "dagster"
    dagster.mkdir()
    (dagster / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    for name in ("NOVEL_AUDIO_READER_DATABASE", "NOVEL_AUDIO_READER_STATIC_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NOVEL_AUDIO_HOME", str(tmp_path))
    monkeypatch.setenv("NOVEL_AUDIO_DAGSTER_DIR", str(dagster))
    monkeypatch.setenv("DAGSTER_HOME", str(dagster))
    return Person(house, capsys)


def test_publish_then_publish_again_then_undo(person):
    house = person.house
    before = house.app.tables()
    told = person.json("--dry-run")
    assert house.app.tables() == before
    done = person.json()
    (chapter,) = done["chapters"]
    assert chapter | {"seconds": 0, "bytes": 0} == {
        "novel_id": NOVEL,
        "number": 1,
        "state": "published",
        "audio": 2,
        "skipped": 1,
        "withheld": 0,
        "rows_written": 3,
        "rows_replaced": 0,
        "rows_withdrawn": 0,
        "link": "linked",
        "seconds": 0,
        "bytes": 0,
    }
    assert told["chapters"] == done["chapters"]
    assert done["findings"] == []
    assert done["backup"] == str(house.backups()[0])
    again = person.json(NOVEL)
    assert (again["chapters"][0]["rows_written"], again["backup"]) == (0, None)
    undone = person.json("--undo")
    assert undone["novels"] == [
        {"novel_id": NOVEL, "rows_removed": 3, "rows_restored": 0, "links_removed": 1}
    ]
    assert house.app.tables() == before


def test_a_finding_ends_it_with_status_1_and_a_sentence_of_advice(person):
    person.house.execute("UPDATE paragraphs SET text = 'Khác.' WHERE id = 'c1p3'")
    status, out, err = person.types()
    assert status == 1
    assert "text_differs" in out
    assert "publish again" in err


def test_without_settings_or_options_it_says_what_to_set(person):
    status, _, err = person.types(places=False)
    assert status == 2
    assert "NOVEL_AUDIO_READER_DATABASE" in err
    assert "NOVEL_AUDIO_READER_STATIC_ROOT" in err


def test_a_novel_that_is_not_in_the_library_is_wrong_use(person):
    status, _, err = person.types("no-such-novel")
    assert status == 2
    assert NOVEL in err


def test_undoing_and_a_dry_run_do_not_go_together(person):
    status, _, err = person.types("--undo", "--dry-run")
    assert status == 2
    assert "do not go together" in err


def test_a_novel_that_is_named_and_that_the_app_has_not_ends_it_with_status_1(person):
    person.house.execute("DELETE FROM novels")
    document = person.json(NOVEL, status=1)
    assert [f["code"] for f in document["findings"]] == ["novel_not_in_app"]
    assert person.json()["chapters"] == []


def test_the_ui_shows_what_the_command_published(person):
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("chapters", [f"{NOVEL}/0001"])
        person.json()
        shown = instance.get_materialized_partitions(dg.AssetKey("reader_app_audio"))
    assert shown == {f"{NOVEL}/0001"}
