"""The served dialects behave as the existing backends do: status codes, headers, defects."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from novel_audio_pipeline.audio.wav import wav_facts
from novel_audio_pipeline_tests.dialects.serving import FIELDS, ServedDialect, served_dialect

NAMES = ("app", "vieneu", "coqui", "viettts")
OLD = timedelta(hours=2, minutes=1)


@pytest.fixture(params=NAMES, scope="module")
def dialect(request, tmp_path_factory):
    with served_dialect(request.param, tmp_path_factory.mktemp(request.param)) as served:
        yield served


def status(served: ServedDialect, method: str, path: str, **options: object) -> int:
    return served.client.request(method, path, **options).status_code


def test_speech_is_stored_and_served_without_a_length(dialect):
    (file_id,) = dialect.make(1)
    answer = dialect.client.get(f"/api/tts/audio/{file_id}")
    assert answer.status_code == 200
    assert "Content-Length" not in answer.headers
    assert answer.content == dialect.wav(file_id).read_bytes()
    assert wav_facts(answer.content).duration_s > 1
    metadata = json.loads(dialect.record(file_id).read_text())
    assert ("voice" if dialect.name == "viettts" else "speaker_id") in metadata
    assert datetime.fromisoformat(metadata["expires_at"]).tzinfo is None


def test_the_same_text_twice_is_two_entries(dialect):
    ids = {dialect.ask().json()["file_metadata"]["file_id"] for _ in range(2)}
    assert len(ids) == 2


def test_the_id_is_in_the_headers_except_of_coqui(dialect):
    quiet, loud = dialect.ask(), dialect.ask(return_audio=True)
    is_told = dialect.name != "coqui"
    for answer in (quiet, loud):
        assert ("X-File-ID" in answer.headers) == ("X-Expires-At" in answer.headers) == is_told
    assert loud.headers["Content-Type"] == "audio/wav"
    assert ("Content-Length" in loud.headers) == (not is_told)


@pytest.mark.parametrize(
    ("fields", "statuses"),
    [
        pytest.param({"text": " "}, (200, 400, 400, 400), id="blank text"),
        pytest.param({"model": "espeak"}, (422, 422, 422, 422), id="unknown model"),
        pytest.param({"text": None}, (422, 422, 422, 422), id="no text"),
        pytest.param({"model": None}, (400, 400, 500, 400), id="no model"),
        pytest.param({"expiry_hours": 10**9}, (500, 500, 500, 500), id="too many hours"),
        pytest.param({"expiry_hours": -1}, (200, 200, 200, 200), id="born expired"),
        pytest.param({"unknown": 1}, (200, 200, 200, 200), id="unknown field"),
    ],
)
def test_a_wrong_request_has_its_status(dialect, fields, statuses):
    assert dialect.ask(**fields).status_code == statuses[NAMES.index(dialect.name)]


def test_vieneu_tts_without_a_reference_is_a_500_of_app_only(tmp_path):
    for name, expected in (("app", 500), ("vieneu", 200)):
        with served_dialect(name, tmp_path / name) as served:
            answer = served.ask(model="vieneu-tts")
        assert answer.status_code == expected
        assert name == "vieneu" or answer.json()["detail"].startswith("400: ")


@pytest.mark.parametrize("text", ["Ừ.", "No!", "* * *", "-----", "…!"])
def test_short_lines_are_skipped_with_200_and_json_by_two(dialect, text):
    answer = dialect.ask(text, return_audio=True)
    assert answer.status_code == 200
    is_skipped = answer.headers.get("X-Skipped") == "true"
    assert is_skipped == (dialect.name in ("vieneu", "viettts"))
    assert not is_skipped or answer.json()["file_metadata"] is None


def test_what_is_missing_is_missing(dialect):
    (file_id,) = dialect.make(1)
    path = f"/api/tts/audio/{file_id}"
    has_less = dialect.name == "viettts"
    assert status(dialect, "HEAD", path) == 405
    assert status(dialect, "GET", f"{path}/metadata") == (404 if has_less else 200)
    assert status(dialect, "POST", "/api/tts/storage/cleanup") == (404 if has_less else 200)
    assert status(dialect, "DELETE", path) == (405 if has_less else 200)
    assert status(dialect, "GET", path) == (200 if has_less else 404)


def test_an_id_too_long_for_a_file_is_a_500(dialect):
    last = {"Connection": "close"}  # the server closes it in any case, after such an error
    assert status(dialect, "GET", f"/api/tts/audio/{'a' * 300}", headers=last) == 500


def test_an_expired_entry_is_unknown_and_stays(dialect):
    (file_id,) = dialect.make(1)
    dialect.set_age(file_id, OLD)
    path = f"/api/tts/audio/{file_id}"
    assert status(dialect, "GET", path) == 404
    assert status(dialect, "DELETE", path) == (405 if dialect.name == "viettts" else 404)
    assert dialect.wav(file_id).exists()


def test_the_clean_up_deletes_nothing_except_of_coqui(dialect):
    old, young = dialect.make(2)
    dialect.set_age(old, OLD)
    if dialect.name == "viettts":
        told = dialect.client.get("/api/tts/storage/stats").json()["stats"]
    else:
        told = dialect.client.post("/api/tts/storage/cleanup").json()["cleanup"]
    cleans = dialect.name == "coqui"
    assert bool(told["deleted_count"]) == cleans
    assert dialect.wav(old).exists() == dialect.record(old).exists() == (not cleans)
    assert dialect.wav(young).exists()


def test_torn_metadata_leave_their_wav_for_ever(dialect):
    (file_id,) = dialect.make(1)
    dialect.record(file_id).write_text('{"file_id":')
    dialect.storage.cleanup()
    assert dialect.wav(file_id).exists()
    assert not dialect.record(file_id).exists()


def test_dates_are_those_of_a_clock_on_a_wall(tmp_path):
    with served_dialect("vieneu", tmp_path, utc_offset=timedelta(hours=7)) as served:
        metadata = served.ask().json()["file_metadata"]
    ahead = datetime.fromisoformat(metadata["created_at"]).replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(hours=6, minutes=59) < ahead <= timedelta(hours=7)


def test_ages_are_set_by_hand(dialect):
    first, second = dialect.make(2)
    dialect.set_age(first, OLD, metadata=False)
    age_s = datetime.now(UTC).timestamp() - dialect.wav(first).stat().st_mtime
    assert age_s == pytest.approx(OLD.total_seconds(), abs=30)
    assert status(dialect, "GET", f"/api/tts/audio/{first}") == 200
    names = {f"{id_}.{ending}" for id_ in (first, second) for ending in ("wav", "json")}
    assert names <= set(dialect.files())


def test_every_call_is_noted(dialect):
    before = len(dialect.calls)
    dialect.ask()
    dialect.client.get("/health")
    assert dialect.calls[before:] == [("POST", "/api/tts/synthesize"), ("GET", "/health")]
    assert FIELDS.keys() == set(NAMES)
