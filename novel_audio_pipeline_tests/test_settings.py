"""Settings: defaults, origins, and one sentence for each thing that is wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from novel_audio_pipeline.environment import command_words
from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.settings import read_settings


def test_without_an_environment_everything_lies_below_the_project(tmp_path):
    settings = read_settings({}, project_root=tmp_path)
    assert settings.home == tmp_path / "data"
    assert settings.library_dir == tmp_path / "data" / "library"
    assert settings.cache_dir == tmp_path / "data" / "tts_cache"
    assert settings.cache_ttl == timedelta(hours=2)
    assert settings.backend_url is None
    assert settings.origins["TTS_DEFAULT_EXPIRY_HOURS"] == ("2", "default")


def test_each_setting_tells_where_it_came_from(tmp_path):
    settings = read_settings({"NOVEL_AUDIO_HOME": str(tmp_path), "NOVEL_AUDIO_SPEED": "1.25"})
    assert settings.origins["NOVEL_AUDIO_HOME"] == (str(tmp_path), "environment")
    assert settings.speech.speed == 1.25


@pytest.mark.parametrize("hours", ["365", "8760", "0", "-1", "25", "two", "1.5"])
def test_a_cache_life_that_is_no_few_hours_is_refused(tmp_path, hours):
    with pytest.raises(SettingError, match="TTS_DEFAULT_EXPIRY_HOURS"):
        read_settings({"TTS_DEFAULT_EXPIRY_HOURS": hours}, project_root=tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOVEL_AUDIO_SPEED", "nan"),
        ("NOVEL_AUDIO_SPEED", "9"),
        ("NOVEL_AUDIO_CONCURRENCY", "0"),
        ("NOVEL_AUDIO_EVICT", "sometimes"),
        ("TTS_BACKEND_URL", "localhost:11111"),
        ("TTS_BACKEND_URL", "http://"),
        ("TTS_BACKEND_URL", "http://[::1"),
        ("TTS_BACKEND_URL", "http://localhost:99999"),
        ("TTS_BACKEND_URL", "http://localhost:abc"),
        ("API_TOKEN", "mật"),
        ("NOVEL_AUDIO_NOTIFY_COMMAND", "mail 'me"),
        ("TTS_BACKEND_WAIT_S", "-5"),
    ],
)
def test_a_wrong_value_names_its_setting(tmp_path, name, value):
    with pytest.raises(SettingError, match=name):
        read_settings({name: value}, project_root=tmp_path)


def test_all_problems_are_told_at_once(tmp_path):
    with pytest.raises(SettingError, match=r"NOVEL_AUDIO_SPEED.*NOVEL_AUDIO_EVICT"):
        read_settings({"NOVEL_AUDIO_SPEED": "x", "NOVEL_AUDIO_EVICT": "x"}, project_root=tmp_path)


@pytest.mark.parametrize(
    ("cache", "library"), [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a/b/c", "a")]
)
def test_a_cache_that_touches_the_library_is_refused(tmp_path, cache, library):
    environ = {
        "TTS_STORAGE_DIR": str(tmp_path / cache),
        "NOVEL_AUDIO_LIBRARY_DIR": str(tmp_path / library),
    }
    with pytest.raises(SettingError, match="folder of its own"):
        read_settings(environ, project_root=tmp_path / "project")


def test_a_cache_that_holds_the_novels_is_refused(tmp_path):
    environ = {"TTS_STORAGE_DIR": str(tmp_path), "NOVEL_AUDIO_HOME": str(tmp_path / "home")}
    with pytest.raises(SettingError, match="NOVEL_AUDIO_NOVELS_DIR"):
        read_settings(environ)


def test_a_link_to_the_library_is_seen_through(tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    (tmp_path / "link").symlink_to(library, target_is_directory=True)
    environ = {"TTS_STORAGE_DIR": str(tmp_path / "link"), "NOVEL_AUDIO_LIBRARY_DIR": str(library)}
    with pytest.raises(SettingError):
        read_settings(environ, project_root=Path(tmp_path / "p"))


@pytest.mark.parametrize(
    ("text", "is_windows", "words"),
    [
        (
            r'"C:\Program Files\x.exe" "a b" --to=c:\d',
            True,
            (r"C:\Program Files\x.exe", "a b", r"--to=c:\d"),
        ),
        (r'--title="a b" #1', True, ("--title=a b", "#1")),
        (r"mail -s 'a b' c\ d", False, ("mail", "-s", "a b", "c d")),
        ("", False, ()),
    ],
)
def test_quotes_hold_an_argument_of_a_command_together(text, is_windows, words):
    assert command_words(text, is_windows=is_windows) == words


@pytest.mark.parametrize(
    ("command", "shown"),
    [("curl -H 'Authorization: secret'", "curl (arguments not shown)"), ("tell-me", "tell-me")],
)
def test_of_a_command_the_program_alone_is_shown(tmp_path, command, shown):
    settings = read_settings({"NOVEL_AUDIO_NOTIFY_COMMAND": command}, project_root=tmp_path)
    assert settings.origins["NOVEL_AUDIO_NOTIFY_COMMAND"] == (shown, "environment")


def test_a_command_that_cannot_be_read_is_not_repeated(tmp_path):
    with pytest.raises(SettingError) as told:
        read_settings({"NOVEL_AUDIO_NOTIFY_COMMAND": "curl 'secret"}, project_root=tmp_path)
    assert "secret" not in str(told.value)
