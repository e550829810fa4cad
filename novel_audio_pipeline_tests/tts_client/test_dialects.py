"""Each kind of backend: recognised, asked its own way, refused where it could not, read rightly."""

import asyncio
import hashlib
import json
from datetime import timedelta

import pytest

from novel_audio_pipeline.errors import (
    BackendBusyError,
    CacheEntryGoneError,
    SettingError,
    SpeechRefusedError,
)
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_client.dialect import NEEDED_CALLS
from novel_audio_pipeline.tts_client.http import TtsClient
from novel_audio_pipeline.tts_client.openapi import BackendDocument, read_document
from novel_audio_pipeline.tts_client.own_dialect import OwnDialect
from novel_audio_pipeline.tts_client.recognition import recognized
from novel_audio_pipeline.tts_client.replies import CachedSpeech, SkippedSpeech
from novel_audio_pipeline_tests.dialects.serving import served_dialect
from novel_audio_pipeline_tests.tts_backend.serving import served
from novel_audio_pipeline_tests.tts_client.asking import ask

NAMES = ("app", "vieneu", "coqui", "viettts")
MODELS = {"app": "dia", "vieneu": "vieneu-tts", "coqui": "xtts-v2", "viettts": "viet-tts"}
VOICES = {"app": "05", "vieneu": "id_0001", "coqui": "Ana", "viettts": "nam-tram"}
TEXT = "Đây là một câu đủ dài để nói."


def request(name: str, text: str = TEXT, **changes: object) -> SpeechRequest:
    fields = {"model": MODELS[name], "voice": VOICES[name], "language": "vi"} | changes
    return SpeechRequest(text=text, **fields)


@pytest.fixture(params=NAMES, scope="module")
def dialect(request, tmp_path_factory):
    with served_dialect(request.param, tmp_path_factory.mktemp(request.param)) as served_one:
        yield served_one


def test_each_is_recognized_by_its_document_alone(dialect):
    before = len(dialect.calls)
    told = ask(dialect.url, lambda client: client.dialect())
    assert told.name == dialect.name
    assert told.has_delete == (dialect.name != "viettts")
    assert told.one_at_a_time
    assert not told.keeps_its_word
    assert dialect.calls[before:] == [("GET", "/openapi.json")]


def test_our_own_is_recognized(tmp_path):
    with served(tmp_path) as backend:
        told = ask(backend.url, lambda client: client.dialect())
    assert (told.name, told.has_delete, told.keeps_its_word) == ("own", True, True)
    assert not told.one_at_a_time
    assert told.max_chars("espeak") is None


def test_speech_is_cached_downloaded_by_structure_and_asked_for_in_no_other_way(dialect):
    async def trip(client: TtsClient) -> None:
        cached = await client.synthesize(request(dialect.name))
        assert isinstance(cached, CachedSpeech)
        assert not cached.already_cached
        assert cached.expires_at is None, "a date without a zone is a guess"
        assert cached.engine == (
            "xtts-english" if dialect.name == "coqui" else MODELS[dialect.name]
        )
        audio = await client.download(cached.file_id)
        assert audio.verified_by == "structure"
        held = dialect.wav(cached.file_id).read_bytes()
        assert audio.sha256 == hashlib.sha256(held).hexdigest()
        record = json.loads(dialect.record(cached.file_id).read_text())
        assert record["expiry_hours"] == 2

    before = len(dialect.calls)
    ask(dialect.url, trip)
    methods = [method for method, _ in dialect.calls[before:]]
    assert methods == ["GET", "POST", "GET"]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("app", {"text": f"[05] {TEXT}", "speed_factor": 1.0, "trim_silence": False}),
        (
            "vieneu",
            {"voice": "id_0001", "auto_voice": False, "auto_chunk": True, "max_chars": 256},
        ),
        ("coqui", {"speaker": "Ana", "language": "vi"}),
        ("viettts", {"voice": "nam-tram", "speed": 1.0}),
    ],
)
def test_each_is_asked_with_its_own_fields(tmp_path, name, fields):
    with served_dialect(name, tmp_path) as backend:
        told = ask(backend.url, lambda client: client.dialect())
    common = {
        "text": TEXT,
        "model": MODELS[name],
        "store": True,
        "expiry_hours": 3,
        "return_audio": False,
    }
    assert told.body(request(name), expiry_hours=3) == common | fields


def test_our_own_is_asked_for_all_of_a_request():
    body = OwnDialect(BackendDocument()).body(request("app", take=2, speed=1.25), expiry_hours=2)
    assert body == {
        "text": TEXT,
        "model": "dia",
        "voice": "05",
        "language": "vi",
        "speed": 1.25,
        "take": 2,
        "store": True,
        "return_audio": False,
    }


@pytest.mark.parametrize(
    ("name", "changes", "code", "told"),
    [
        ("app", {"model": "vieneu-tts"}, "reference_needed", "ref_audio_path"),
        ("app", {"voice": "vi"}, "unknown_voice", "05"),
        ("vieneu", {"model": "dia", "voice": "id_0001"}, "unknown_voice", "two digits"),
        ("vieneu", {"speed": 1.2}, "speed_not_supported", "NOVEL_AUDIO_SPEED"),
        ("coqui", {"speed": 0.9}, "speed_not_supported", "NOVEL_AUDIO_SPEED"),
        *((name, {"model": "espeak"}, "unknown_model", "NOVEL_AUDIO_MODEL") for name in NAMES),
    ],
)
def test_what_it_could_not_speak_rightly_is_never_asked_for(tmp_path, name, changes, code, told):
    with (
        served_dialect(name, tmp_path) as backend,
        pytest.raises(SpeechRefusedError, match=told) as caught,
    ):
        ask(backend.url, lambda client: client.synthesize(request(name, **changes)))
    assert caught.value.code == code
    assert backend.calls == [("GET", "/openapi.json")]


def test_a_speed_is_asked_for_where_there_is_one(tmp_path):
    for name, field in (("viettts", "speed"), ("app", "speed_factor")):
        with served_dialect(name, tmp_path / name) as backend:
            told = ask(backend.url, lambda client: client.dialect())
        assert told.body(request(name, speed=1.2), expiry_hours=2)[field] == 1.2


def test_a_speed_that_rounds_to_the_voices_own_is_that(tmp_path):
    with served_dialect("vieneu", tmp_path) as backend:
        spoken = ask(backend.url, lambda client: client.synthesize(request("vieneu", speed=1.004)))
    assert isinstance(spoken, CachedSpeech)


@pytest.mark.parametrize(
    ("name", "model", "limit"),
    [
        ("vieneu", "vieneu-tts", 256),
        ("vieneu", "dia", None),
        ("app", "dia", None),
        ("coqui", "xtts-v2", None),
        ("viettts", "viet-tts", None),
    ],
)
def test_a_limit_of_a_model_is_told(tmp_path, name, model, limit):
    with served_dialect(name, tmp_path) as backend:
        assert ask(backend.url, lambda client: client.max_chars(model)) == limit


def test_a_limit_is_that_of_the_document():
    fields = {"voice": {}, "max_chars": {"default": 200}}
    document = BackendDocument(calls=NEEDED_CALLS, fields=fields, models=frozenset({"vieneu-tts"}))
    assert recognized(document, where="here").max_chars("vieneu-tts") == 200


def test_a_short_line_is_skipped_with_its_reason_where_it_is(dialect):
    spoken = ask(dialect.url, lambda client: client.synthesize(request(dialect.name, "Ừ.")))
    assert isinstance(spoken, SkippedSpeech) == (dialect.name in ("vieneu", "viettts"))
    assert not isinstance(spoken, SkippedSpeech) or "too short" in spoken.reason


def test_the_life_of_the_cache_that_is_asked_for_is_ours(tmp_path):
    async def synthesize(url: str) -> None:
        async with TtsClient(url, cache_ttl=timedelta(hours=5)) as client:
            await client.synthesize(request("coqui"))

    with served_dialect("coqui", tmp_path) as backend:
        asyncio.run(synthesize(backend.url))
    (record,) = backend.storage.metadata_cache.values()
    assert record["expiry_hours"] == 5


def test_several_at_once_wait_here_for_a_backend_that_answers_one_at_a_time(tmp_path):
    async def trips(client: TtsClient) -> None:
        async def trip(n: int) -> None:
            cached = await client.synthesize(request("viettts", f"{TEXT} {n}"))
            assert isinstance(cached, CachedSpeech)
            await client.download(cached.file_id)

        await asyncio.gather(*(trip(n) for n in range(8)))

    with served_dialect("viettts", tmp_path) as backend:
        ask(backend.url, trips)
    assert backend.most_at_once == 1


def test_an_expired_entry_that_its_backend_denies_does_not_count_as_evicted(dialect):
    async def trip(client: TtsClient) -> None:
        cached = await client.synthesize(request(dialect.name))
        assert isinstance(cached, CachedSpeech)
        dialect.set_age(cached.file_id, timedelta(hours=3))
        assert not await client.evict(cached.file_id), "a 404 is not believed, a 405 not asked for"
        with pytest.raises(CacheEntryGoneError):
            await client.download(cached.file_id)
        assert dialect.wav(cached.file_id).exists()

    before = len(dialect.calls)
    ask(dialect.url, trip)
    asked = [method for method, _ in dialect.calls[before:]]
    assert ("DELETE" in asked) == (dialect.name != "viettts")


def test_a_500_stays_transient(tmp_path):
    with served_dialect("vieneu", tmp_path) as backend:
        backend.storage.local_time = None  # type: ignore[assignment]
        with pytest.raises(BackendBusyError):
            ask(backend.url, lambda client: client.synthesize(request("vieneu")))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"paths": {"/api/tts/synthesize": {"post": {}}}}, id="no download"),
        pytest.param(
            {"paths": {"/api/tts/synthesize": {"post": {}}, "/api/tts/audio/{id}": {"get": {}}}},
            id="the calls, but no form known here",
        ),
        pytest.param({"paths": {"/v1/audio/speech": {"post": {}}}}, id="another kind of service"),
    ],
)
def test_what_is_none_of_them_is_named_with_what_it_has(document):
    with pytest.raises(SettingError, match=r"http://x .*none|http://x .*no TTS backend known"):
        recognized(read_document(document), where="http://x")
