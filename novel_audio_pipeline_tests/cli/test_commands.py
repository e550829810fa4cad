"""What the commands say of novels, scripts and settings, and how they end on wrong use."""

import pytest

from novel_audio_pipeline.cli import main
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.upkeep.asked import AskedNotes
from novel_audio_pipeline_tests.cli.homes import Home, new_home
from novel_audio_pipeline_tests.tts_backend.serving import served

NOVEL = """Chương 1: Gặp gỡ

“Anh đi đâu đấy?”

“Ừ.”

* * *

Trời mưa suốt đêm, và sáng ra thì cả xóm đã ngập trong nước.

Chương 2: Chia tay

Ông lão đóng cửa hàng, tắt đèn, rồi ra về.
"""


@pytest.fixture
def home(tmp_path) -> Home:
    home = new_home(tmp_path)
    (home.novels / "mua-lu.txt").write_text(NOVEL, encoding="utf-8")
    return home


def test_novels_are_listed_with_their_chapters(home):
    document = home.json("novels")
    (novel,) = document["novels"]
    assert (novel["novel_id"], novel["language"]) == ("mua-lu", "vi")
    assert [
        (c["number"], c["title"], c["paragraphs"], c["spoken"], c["skipped"])
        for c in novel["chapters"]
    ] == [(1, "Chương 1: Gặp gỡ", 4, 3, 1), (2, "Chương 2: Chia tay", 1, 1, 0)]
    assert document["problems"] == []


def test_a_bad_source_is_a_problem_and_the_others_are_listed(home):
    (home.novels / "bad.epub").write_text("no zip at all")
    (home.novels / "empty.txt").write_text("")
    (home.novels / "picture.jpg").write_bytes(b"\xff\xd8")
    document = home.json("novels", status=1)
    assert [novel["novel_id"] for novel in document["novels"]] == ["mua-lu"]
    assert len(document["problems"]) == 3
    for problem in document["problems"]:
        assert problem["source"] in problem["message"]


def test_a_novel_that_no_voice_speaks_is_a_problem_and_the_others_go_on(home):
    (home.novels / "other.txt").write_text("Chapter 1\n\nGuten Tag, mein Herr.\n")
    (home.novels / "other.toml").write_text('language = "de"\n')
    document = home.json("novels", status=1)
    assert [novel["novel_id"] for novel in document["novels"]] == ["mua-lu"]
    assert [problem["code"] for problem in document["problems"]] == ["no_voice_for_language"]
    assert len(home.json("status", status=1)["chapters"]) == 2
    assert home.json("narrate", "--dry-run", status=1)["to_come"]["paragraphs"] == 4
    assert home.run("narrate", "other").returncode == 2


def test_a_script_shows_each_paragraph_or_why_it_is_skipped(home):
    script = home.json("script", "mua-lu", "1")
    assert [p["skip_reason"] for p in script["paragraphs"]] == [
        None,
        None,
        "no_letter_or_digit",
        None,
    ]
    assert script["paragraphs"][1]["spoken_text"] == "“Ừ.”"
    assert len(script["paragraphs"][0]["content_key"]) == 64
    assert len(script["digest"]) == 64


def test_status_of_what_was_never_narrated_is_missing(home):
    document = home.json("status", status=1)
    assert [chapter["state"] for chapter in document["chapters"]] == ["missing", "missing"]
    assert document["requests"] == 0


def test_status_of_one_novel_is_of_that_one(home):
    (home.novels / "other.txt").write_text(
        "Chapter 1\n\nThe rain had stopped before the evening came.\n"
    )
    (home.novels / "broken.epub").write_text("no EPUB")
    document = home.json("status", "other", status=1)
    assert [(row["novel_id"], row["state"]) for row in document["chapters"]] == [
        ("other", "missing")
    ]
    assert "broken" not in home.run("status", "other").stderr


def test_status_of_a_novel_that_cannot_be_read_hides_no_other(home):
    (home.novels / "german.txt").write_text("Chapter 1\n\nGuten Tag, mein Herr.\n")
    (home.novels / "german.toml").write_text('language = "de"\n')
    done = home.run("status", "german", "mua-lu")
    assert done.returncode == 1
    assert "german" in done.stderr
    assert "mua-lu/0001" in done.stdout
    assert home.run("status", "mua-lu", "nobody").stdout == ""


def test_a_chapter_that_a_killed_run_had_asked_for_is_incomplete_not_missing(home):
    (first, *others) = home.json("status", status=1)["chapters"]
    AskedNotes(home.path / "reports").asked(
        ChapterKey(first["novel_id"], first["number"]), 1, "0" * 32
    )
    after = home.json("status", status=1)["chapters"]
    assert [chapter["state"] for chapter in after] == ["incomplete"] + ["missing"] * len(others)


def test_a_dry_run_tells_what_is_to_come_and_writes_nothing(home):
    before = sorted(home.path.rglob("*"))
    document = home.json("narrate", "--dry-run")
    assert document["to_come"]["paragraphs"] == 4
    assert document["to_come"]["minutes"] > 0
    assert document["to_come"]["seconds"] is None
    assert sorted(home.path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "environ", "status", "told"),
    [
        pytest.param(("script", "nobody", "1"), {}, 2, "nobody", id="no such novel"),
        pytest.param(("status", "nobody"), {}, 2, "nobody", id="status of no such novel"),
        pytest.param(("script", "mua-lu", "9"), {}, 2, "1 to 2", id="no such chapter"),
        pytest.param(("script", "Mưa Lũ", "1"), {}, 2, "novel_id", id="no id"),
        pytest.param(("narrate", "mua-lu", "--chapters", "2-9"), {}, 2, "chapter 9", id="range"),
        pytest.param(("narrate", "--chapters", "9"), {}, 2, "none of the novels", id="no chapter"),
        pytest.param(("narrate", "--chapters", "x"), {}, 2, "1-3,7", id="no range"),
        pytest.param(("frobnicate",), {}, 2, "frobnicate", id="no such command"),
        pytest.param(
            ("status",), {"TTS_DEFAULT_EXPIRY_HOURS": "365"}, 2, "TTS_DEFAULT", id="wrong setting"
        ),
        pytest.param(
            ("narrate", "--again", "mua-lu", "--again", "nope"), {}, 2, "nope", id="again nobody"
        ),
        pytest.param(("narrate",), {"DAGSTER_HOME": "/nowhere"}, 2, "DAGSTER_HOME", id="instance"),
        pytest.param(
            ("status",), {"NOVEL_AUDIO_NOVELS_DIR": "/nowhere"}, 2, "/nowhere", id="no folder"
        ),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(home, arguments, environ, status, told):
    done = home.run(*arguments, **environ)
    assert done.returncode == status
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (home.novels / "mua-lu.toml").exists()


def test_settings_tell_their_origin_and_what_can_be_reached(home):
    document = home.json("settings", NOVEL_AUDIO_SPEED="1.25")
    by_name = {row["name"]: row for row in document["settings"]}
    assert by_name["NOVEL_AUDIO_SPEED"] == {
        "name": "NOVEL_AUDIO_SPEED",
        "value": "1.25",
        "origin": "environment",
    }
    assert by_name["TTS_DEFAULT_EXPIRY_HOURS"]["origin"] == "default"
    checks = {check["what"]: check["ok"] for check in document["checks"]}
    assert checks["library"]
    assert not checks["Dagster daemon"]


def test_settings_show_those_of_the_backend_and_no_secret(home):
    environ = {"TTS_QUEUE_LIMIT": "7", "API_TOKEN": "s3cret"}
    document = home.json("settings", **environ)
    by_name = {row["name"]: (row["value"], row["origin"]) for row in document["settings"]}
    assert len(by_name) == len(document["settings"])
    assert by_name["TTS_QUEUE_LIMIT"] == ("7", "environment")
    assert by_name["TTS_ENGINE"] == ("espeak", "default")
    assert by_name["API_TOKEN"] == ("(set)", "environment")
    assert by_name["TTS_STORAGE_DIR"][1] == "default"
    assert "s3cret" not in str(document)


def test_settings_tell_what_is_wrong_with_those_of_the_backend(home, tmp_path):
    def message(*, status: int, **environ: str) -> str:
        document = home.json("settings", status=status, TTS_ENGINE="espeek", **environ)
        (check,) = [one for one in document["checks"] if one["what"] == "backend's settings"]
        assert not check["ok"]
        return check["message"]

    assert "TTS_ENGINE='espeek'" in message(status=1)
    with served(tmp_path / "elsewhere") as backend:  # which has settings of its own
        assert "TTS_ENGINE='espeek'" in message(status=0, TTS_BACKEND_URL=backend.url)


def test_settings_tell_that_a_backend_cannot_be_reached(home):
    document = home.json("settings", status=1, TTS_BACKEND_URL="http://127.0.0.1:9")
    (check,) = [check for check in document["checks"] if check["what"] == "TTS backend"]
    assert not check["ok"]
    assert "127.0.0.1:9" in check["message"]


def test_a_closed_terminal_that_was_to_be_told_of_an_interrupt_is_status_130(monkeypatch):
    told = OSError(5, "the terminal is still gone")
    told.__context__ = OSError(5, "the terminal is gone")
    told.__context__.__context__ = KeyboardInterrupt()

    def interrupted(*_arguments, **_options):
        raise told

    monkeypatch.setattr(main.cli, "main", interrupted)
    assert main.run(["status"]) == 130


def test_an_error_of_the_disk_that_is_not_ours_is_not_hidden(monkeypatch):
    def broken(*_arguments, **_options):
        raise OSError(5, "input/output error")

    monkeypatch.setattr(main.cli, "main", broken)
    with pytest.raises(OSError, match="input/output"):
        main.run(["status"])
