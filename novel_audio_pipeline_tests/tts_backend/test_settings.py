"""Settings as people write them into their environment."""

from datetime import timedelta
from pathlib import Path

import pytest

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.tts_backend.settings import is_loopback_host, settings_from

EVERYWHERE = "0.0.0.0"  # noqa: S104  # told, not bound


def test_nothing_set_is_two_hours_on_this_machine_alone():
    settings = settings_from({})
    assert settings.ttl == timedelta(hours=2)
    assert (settings.host, settings.port, settings.token) == ("127.0.0.1", 11111, None)
    assert settings.storage_dir == Path("data/tts_cache").absolute()
    assert settings.library_dir == Path("data/library").absolute()


def test_one_folder_of_the_home_can_be_elsewhere():
    settings = settings_from({"NOVEL_AUDIO_HOME": "/h", "TTS_STORAGE_DIR": "/c"})
    assert (settings.storage_dir, settings.novels_dir) == (Path("/c"), Path("/h/novels"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("TTS_DEFAULT_EXPIRY_HOURS", v) for v in ("365", "8760", "0", "25", "-1", "2.5", "x")),
        *(("TTS_CLEANUP_INTERVAL_MINUTES", v) for v in ("0", "-1", "nan", "inf", "soon")),
        *(("API_PORT", v) for v in ("-1", "65536", "http")),
        ("TTS_ENGINE", "espeek"),
        ("TTS_DEFAULT_LANGUAGE", "fr"),
        ("TTS_QUEUE_LIMIT", "0"),
        ("API_TOKEN", "bí mật"),
        ("API_HOST", EVERYWHERE),
        ("API_HOST", "::"),
        ("API_HOST", "reader.example"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name, value):
    with pytest.raises(SettingError, match=name):
        settings_from({name: value})


def test_all_that_is_wrong_is_told_at_once():
    wrong = {"API_PORT": "http", "TTS_ENGINE": "openai,espeek", "TTS_QUEUE_LIMIT": "0"}
    with pytest.raises(SettingError) as refused:
        settings_from(wrong)
    assert "API_PORT='http' is no whole number" in str(refused.value)
    assert "names what is no engine" in str(refused.value)
    assert "TTS_QUEUE_LIMIT=0 is out of bounds" in str(refused.value)
    assert "TTS_OPENAI_URL='' must be the address" in str(refused.value)


def test_each_setting_tells_where_it_came_from_and_no_secret():
    told = settings_from({"API_TOKEN": "s3cret", "TTS_ENGINE_TIMEOUT_S": "1.5"}).origins
    assert told["API_TOKEN"] == ("(set)", "environment")
    assert told["TTS_ENGINE_TIMEOUT_S"] == ("1.5", "environment")
    assert told["TTS_MAX_TEXT_CHARS"] == ("20000", "default")
    assert "s3cret" not in str(told)


@pytest.mark.parametrize(("minutes", "seconds"), [("30", 60), ("1", 60), ("0.05", 3), ("", 60)])
def test_sweeps_are_never_more_than_a_minute_apart(minutes, seconds):
    settings = settings_from({"TTS_CLEANUP_INTERVAL_MINUTES": minutes})
    assert settings.cleanup_interval == timedelta(seconds=seconds)


@pytest.mark.parametrize(("token", "kept"), [("none", None), (" s3cret ", "s3cret")])
def test_beyond_this_machine_a_token_or_its_absence_is_written_out(token, kept):
    assert settings_from({"API_HOST": EVERYWHERE, "API_TOKEN": token}).token == kept


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("[::1]", True),
        ("localhost", True), (EVERYWHERE, False), ("::", False), ("192.168.0.2", False),
        ("localhost.evil.example", False), ("127.0.0.1.evil.example", False), ("", False),
    ],
)  # fmt: skip
def test_which_hosts_are_this_machine(host, is_loopback):
    assert is_loopback_host(host) is is_loopback


def test_a_piper_voice_that_is_a_link_keeps_its_name(tmp_path):
    (tmp_path / "blob").write_bytes(b"onnx")
    voice = tmp_path / "vi_VN-vais1000-medium.onnx"
    voice.symlink_to("blob")
    settings = settings_from({"TTS_ENGINE": "piper", "TTS_PIPER_VOICE": str(voice)})
    assert settings.piper_voice == voice
