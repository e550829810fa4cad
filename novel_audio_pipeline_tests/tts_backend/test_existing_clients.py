"""The request forms of the four existing backends, sent as their clients send them."""

import pytest

from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine
from novel_audio_pipeline.tts_backend.existing_clients import language_of
from novel_audio_pipeline_tests.tts_backend.serving import CountingEngine, served

VIENEU = {
    "text": "Xin chào.", "model": "vieneu-tts", "store": True, "expiry_hours": 2,
    "return_audio": False, "voice": "id_0002", "auto_voice": True, "auto_chunk": True,
    "max_chars": 256,
}  # fmt: skip
VIETTTS = {"text": "Xin chào.", "voice": "quynh", "speed": 1.0}
COQUI = {
    "text": "Hello there.", "model": "coqui-xtts-v2", "store": True, "expiry_hours": 2,
    "return_audio": False, "speaker": "Claribel Dervla", "language": "en",
}  # fmt: skip
APP = {
    "text": "[05] Xin chào.", "model": "dia", "temperature": 1.3, "top_p": 0.95, "cfg_scale": 3.0,
    "max_tokens": None, "speed_factor": 1.0, "trim_silence": True, "normalize": False,
    "ref_audio_path": None, "return_audio": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    with served(tmp_path_factory.mktemp("existing"), engine=CountingEngine()) as running:
        yield running


def post(backend, form):
    return backend.client.post("/api/tts/synthesize", json=form)


@pytest.mark.parametrize(
    ("form", "voice", "notices"),
    [
        pytest.param(VIENEU, "vi", ["'vieneu-tts' is not here", "'id_0002' is not here"], id="vieneu"),
        pytest.param(COQUI, "en-us", ["'coqui-xtts-v2' is not", "'Claribel Dervla' is not"], id="coqui"),
        pytest.param(APP, "vi", ["speaker number", "'dia' is not here"], id="app"),
    ],
)  # fmt: skip
def test_a_form_is_answered_and_what_was_changed_is_told(backend, form, voice, notices):
    answer = post(backend, form)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    document = body["file_metadata"]
    assert {"success", "request_id", "model", "sample_rate", "duration_seconds"} <= set(body)
    assert {"file_id", "speaker_id", "expires_at", "file_size_mb", "request_id"} <= set(document)
    assert (body["voice"], body["success"]) == (voice, True)
    assert answer.headers["X-File-ID"] == document["file_id"]
    for notice in notices:
        assert any(notice in told for told in body["notices"]), body["notices"]
    assert "is not here" in answer.headers["X-Notices"]


def test_the_viettts_form_gets_audio_at_once_and_by_its_id(backend):
    answer = post(backend, VIETTTS)
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["X-Voice"] == "vi"
    assert "'quynh' is not here" in answer.headers["X-Notices"]
    again = backend.client.get(f"/api/tts/audio/{answer.headers['X-File-ID']}")
    assert again.content == answer.content


def test_the_speaker_number_is_not_read_aloud(backend):
    post(backend, APP | {"text": "[05] Chào chị."})
    assert backend.engine.spoken[-1].text == "Chào chị."
    post(backend, {"text": "[06] Xin chào."})
    assert backend.engine.spoken[-1].text == "[06] Xin chào."


@pytest.mark.parametrize("model", ["xtts-english", "coqui-tts", "xtts-v2"])
def test_coqui_speaks_english_unless_told_otherwise(backend, model):
    form = {"text": "One.", "model": model, "return_audio": False}
    assert post(backend, form).json()["language"] == "en"
    assert post(backend, form | {"language": "vi"}).json()["language"] == "vi"


@pytest.mark.parametrize("name", ["ref_audio_path", "speaker_wav", "voice_file"])
def test_a_path_in_a_request_is_ignored_and_that_is_said(backend, tmp_path, name):
    planted = tmp_path / "secret.wav"
    planted.write_bytes(b"secret")
    plain = post(backend, {"text": "Đường dẫn.", "return_audio": False})
    answer = post(backend, {"text": "Đường dẫn.", "return_audio": False, name: str(planted)})
    assert answer.json()["file_id"] == plain.json()["file_id"]
    assert f"{name} is ignored" in answer.headers["X-Notices"]
    assert str(planted) not in answer.text


def test_a_request_that_names_our_model_is_taken_at_its_word(backend):
    answer = post(backend, {"text": "a", "model": "tone", "voice": "quynh"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unknown_voice")


def test_the_speed_factor_is_the_speed(backend):
    slow = post(backend, {"text": "Nhanh hơn.", "return_audio": False}).json()
    fast = post(backend, {"text": "Nhanh hơn.", "return_audio": False, "speed_factor": 2.0}).json()
    assert fast["duration_seconds"] < slow["duration_seconds"]


def test_model_info_and_speakers_are_answered(backend):
    info = backend.client.post("/api/tts/model/info", json={"model": "viet-tts"}).json()["info"]
    assert (info["model"], info["sample_rate"], info["requires_reference"]) == (
        "tone",
        22050,
        False,
    )
    assert backend.client.get("/api/tts/speakers").json()["speakers"] == ["vi", "en-us"]
    assert backend.client.post("/api/tts/model/info", json={"model": "x"}).status_code == 422


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Xin chào.", "vi"), ("Đi đâu?", "vi"), ("Ừ", "vi"), ("tay", "en"), ("Hello!", "en"),
        ("", "en"), ("U\u031b\u0300", "vi"),
    ],
)  # fmt: skip
def test_vietnamese_is_known_by_its_marks(text, language):
    assert language_of(text) == language


def test_every_language_of_the_models_has_a_voice():
    assert {"vi", "en"} <= {voice.language for voice in EspeakEngine(workers=1).voices}
