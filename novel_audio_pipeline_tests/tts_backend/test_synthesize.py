"""``POST /api/tts/synthesize`` as a client sees it."""

import asyncio
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest

from novel_audio_pipeline.audio.wav import decode_wav, wav_facts
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import Speech
from novel_audio_pipeline.tts_backend.engines.tone import ToneEngine
from novel_audio_pipeline_tests.tts_backend.serving import CountingEngine, served


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    with served(tmp_path_factory.mktemp("backend")) as running:
        yield running


def key(text: str) -> str:
    return SpeechRequest(text, "tone", "vi", "vi").file_id


def test_the_audio_is_the_answer_unless_it_is_declined(backend):
    answer = backend.ask("Một hai ba.")
    assert answer.headers["Content-Type"] == "audio/wav"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert wav_facts(answer.content).sample_rate_hz == 22050
    assert answer.headers["X-File-ID"] == key("Một hai ba.")
    assert answer.headers["X-Expires-At"] == "2026-05-04T14:00:00.000000Z"
    assert answer.headers["X-Request-ID"]
    assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'


def test_the_record_names_the_file_and_what_spoke(backend):
    record = backend.record("Bốn năm sáu.", reference="n/1/4")
    document = record["file_metadata"]
    assert document["file_id"] == record["file_id"] == key("Bốn năm sáu.")
    assert document["expires_at"] == record["expires_at"] == "2026-05-04T14:00:00.000000Z"
    assert document["expiry_hours"] == 2
    assert document["engine"] == "tone 1"
    assert record["success"] is True
    assert (record["sample_rate"], record["model"], record["reference"]) == (22050, "tone", "n/1/4")
    assert str(backend.cache.root) not in json.dumps(record)


def test_asking_again_answers_at_once_from_the_cache(backend):
    first = backend.record("Bảy tám chín.")
    again = backend.record("Bảy tám chín.")
    assert (first["cached"], again["cached"]) == (False, True)
    assert again["file_metadata"] == first["file_metadata"]
    audio = backend.ask("Bảy tám chín.")
    assert audio.headers["X-Cached"] == "true"
    assert hashlib.sha256(audio.content).hexdigest() == first["file_metadata"]["sha256"]
    assert [r.text for r in backend.engine.spoken].count("Bảy tám chín.") == 1


def test_a_hundred_who_ask_at_once_cost_one_synthesis(tmp_path):
    engine = CountingEngine(real_time=2)
    with served(tmp_path, engine=engine) as backend, ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(backend.ask, "Cùng một câu.") for _ in range(100)]
        answers = [one.result() for one in asked]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(engine.spoken) == 1


@pytest.mark.parametrize(
    ("age", "syntheses"), [(timedelta(minutes=110), 1), (timedelta(minutes=110, seconds=1), 2)]
)
def test_with_less_than_ten_minutes_to_live_it_is_made_anew(tmp_path, age, syntheses):
    with served(tmp_path) as backend:
        backend.record()
        backend.clock.move(age)
        record = backend.record()
        assert record["cached"] is (syntheses == 1)
        assert len(backend.engine.spoken) == syntheses
        expires_at = (
            "2026-05-04T14:00:00.000000Z" if syntheses == 1 else "2026-05-04T15:50:01.000000Z"
        )
        assert record["expires_at"] == expires_at


def test_a_file_that_was_cut_short_or_has_no_record_is_made_anew(tmp_path):
    with served(tmp_path) as backend:
        wav = backend.ask().content
        path = backend.cache.root / f"{key('Ừ.')}.wav"
        path.write_bytes(wav[:100])
        assert backend.ask().content == wav
        (backend.cache.metadata_dir / f"{key('Ừ.')}.json").write_text("{")
        assert backend.record()["cached"] is False


def cut_short(wav: Path, record: Path) -> None:
    os.truncate(wav, 100)


def grown(wav: Path, record: Path) -> None:
    with wav.open("ab") as file:
        file.write(b"x")


def without_its_date(wav: Path, record: Path) -> None:
    os.utime(wav, (1, 1))


def removed(wav: Path, record: Path) -> None:
    wav.unlink()


def replaced_by_a_link(wav: Path, record: Path) -> None:
    wav.rename(wav.with_name("elsewhere.wav"))
    wav.symlink_to("elsewhere.wav")


def with_a_torn_record(wav: Path, record: Path) -> None:
    os.truncate(record, 100)


def with_a_record_of_others(wav: Path, record: Path) -> None:
    document = json.loads(record.read_text())
    same = {name: document[name] for name in ("file_id", "created_at", "file_size")}
    record.write_text(json.dumps(same))


def without_a_record(wav: Path, record: Path) -> None:
    record.unlink()


@pytest.mark.parametrize(
    "spoil",
    [
        cut_short, grown, without_its_date, removed, replaced_by_a_link, with_a_torn_record,
        with_a_record_of_others, without_a_record,
    ],
)  # fmt: skip
def test_a_cached_answer_is_about_what_lies_there_now(tmp_path, spoil):
    with served(tmp_path) as backend:
        made = backend.record()
        assert [backend.record()["cached"] for _ in range(3)] == [True] * 3
        spoil(*map(Path, backend.cache.paths(made["file_id"])))
        again = backend.record()
        assert again["cached"] is False
        assert len(backend.engine.spoken) == 2
        audio = backend.client.get(f"/api/tts/audio/{made['file_id']}").content
        assert hashlib.sha256(audio).hexdigest() == made["file_metadata"]["sha256"]
        assert backend.record()["cached"] is True


def test_a_cached_answer_ends_ten_minutes_before_its_entry_however_often_it_was_given(tmp_path):
    with served(tmp_path) as backend:
        backend.record()
        for _ in range(3):
            assert backend.record()["cached"] is True
            backend.clock.move(timedelta(minutes=36))
        backend.clock.move(timedelta(minutes=2, seconds=1))
        assert backend.record()["cached"] is False


def test_an_entry_that_another_backend_made_anew_is_answered_as_it_is_now(tmp_path):
    with served(tmp_path) as one:
        one.record()
        first = one.record()
        with served(tmp_path) as other:
            other.clock.move(timedelta(minutes=111))
            renewed = other.record()
        assert (first["cached"], renewed["cached"]) == (True, False)
        now = one.record()
        assert now["cached"] is True
        assert now["file_metadata"] == renewed["file_metadata"] != first["file_metadata"]


@pytest.mark.parametrize("wanted", [1, 2, 24, 8760, 10**9])
def test_no_wish_changes_how_long_an_entry_lives(backend, wanted):
    record = backend.record(f"Sống {wanted} giờ.", expiry_hours=wanted)
    assert record["expires_at"] == "2026-05-04T14:00:00.000000Z"


def test_what_is_not_to_be_stored_is_not(tmp_path):
    with served(tmp_path) as backend:
        answer = backend.ask(store=False)
        assert wav_facts(answer.content)
        assert answer.headers["X-File-ID"] == answer.headers["X-Expires-At"] == ""
        assert backend.record(store=False)["file_metadata"] is None
        assert list(backend.cache.entries()) == []


def test_a_long_text_is_cut_at_sentence_ends_and_joined(tmp_path):
    text = " ".join(f"Đây là câu số {number}." for number in range(300))
    with served(tmp_path) as backend:
        record = backend.record(text)
        spoken = [request.text for request in backend.engine.spoken]
    assert len(spoken) > 1
    assert " ".join(spoken) == text
    assert all(len(piece) <= 2000 and piece.endswith(".") for piece in spoken)
    assert record["duration_seconds"] == pytest.approx(sum(len(p) for p in spoken) / 17, rel=0.01)


class LoudEngine(CountingEngine):
    """An engine whose speech begins and ends at full level, or that leaves a piece out."""

    def __init__(self, *, silent_from: int = 1000) -> None:
        super().__init__()
        self.silent_from = silent_from

    async def speak(self, request: SpeechRequest) -> Speech:
        self.spoken.append(request)
        count = 4000 if len(self.spoken) < self.silent_from else 0
        level = 20_000 * (-1) ** len(self.spoken)
        return Speech(np.full(count, level, dtype="<i2").tobytes(), 22_050)


LONG = " ".join(f"Đây là câu số {number}." for number in range(300))


def test_pieces_are_joined_without_a_click(tmp_path):
    with served(tmp_path, engine=LoudEngine()) as backend:
        samples, _ = decode_wav(backend.ask(LONG).content)
        pieces = len(backend.engine.spoken)
    assert pieces > 1
    assert len(samples) == 4000 * pieces
    assert np.abs(np.diff(samples[:, 0].astype(int))).max() < 400
    assert {abs(samples[0, 0]), abs(samples[-1, 0])} == {20_000}


def test_a_piece_that_comes_back_empty_is_an_error_and_not_a_gap(tmp_path):
    with served(tmp_path, engine=LoudEngine(silent_from=2)) as backend:
        answer = backend.ask(LONG)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "engine_failed")
        assert list(backend.cache.entries()) == []


@pytest.mark.parametrize("text", ["...", "— — —", "* * *", "😀", "!?"])
@pytest.mark.parametrize("return_audio", [True, False])
def test_a_text_with_nothing_to_say_is_skipped_and_says_so(backend, text, return_audio):
    answer = backend.ask(text, return_audio=return_audio)
    assert answer.status_code == 200
    assert answer.headers["X-Skipped"] == "true"
    body = answer.json()
    assert (body["success"], body["skipped"], body["file_metadata"]) == (True, True, None)
    assert body["duration_seconds"] == 0.0
    assert "letter or digit" in body["reason"]


@pytest.mark.parametrize("text", ["Ừ.", "No!", "À", "7", "Ừm…", "漢"])
def test_short_lines_are_spoken_and_nothing_is_added(backend, text):
    backend.record(text)
    assert backend.engine.spoken[-1].text == text


BAD = [
    ({"text": ""}, 400, "text_blank"),
    ({"text": " \n\t\u3000"}, 400, "text_blank"),
    ({"text": "a" * 20_001}, 422, "text_too_long"),
    ({}, 422, "invalid_request"),
    ({"text": None}, 422, "invalid_request"),
    ({"text": 7}, 422, "invalid_request"),
    ({"text": ["a"]}, 422, "invalid_request"),
    ({"text": "a", "speed": "fast"}, 422, "invalid_request"),
    ({"text": "a", "speed": 9}, 422, "speed_out_of_range"),
    ({"text": "a", "speed": -1}, 422, "speed_out_of_range"),
    ({"text": "a", "take": -1}, 422, "invalid_request"),
    ({"text": "a", "take": 100}, 422, "invalid_request"),
    ({"text": "a", "expiry_hours": 0}, 422, "invalid_request"),
    ({"text": "a", "expiry_hours": -1}, 422, "invalid_request"),
    ({"text": "a", "expiry_hours": 1.5}, 422, "invalid_request"),
    ({"text": "a", "voice": "nobody", "model": "tone"}, 422, "unknown_voice"),
    ({"text": "a", "voice": "x" * 300}, 422, "invalid_request"),
    ({"text": "a", "model": "../../etc"}, 422, "unknown_model"),
    ({"text": "a", "language": "tlh"}, 422, "unknown_language"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD, ids=[str(bad[0])[:50] for bad in BAD])
def test_what_is_wrong_is_refused_with_a_stable_code(backend, body, status, code):
    answer = backend.client.post("/api/tts/synthesize", json=body)
    assert answer.status_code == status
    document = answer.json()
    assert document["error"]["code"] == code
    assert document["detail"] == document["error"]["message"]
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"text": "a\\ud800"}',
        b'{"text": "\xc3\x28"}',
        b'{"text": "a", "voice": "\\udfff"}',
        b'{"text": "a", "speed": NaN}',
    ],
)
def test_a_body_that_is_no_form_is_refused(backend, body):
    answer = backend.client.post(
        "/api/tts/synthesize", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_request"


def test_unknown_fields_and_nulls_are_as_if_left_out(backend):
    nulls = dict.fromkeys(("model", "voice", "language", "speed", "take", "expiry_hours", "store"))
    record = backend.record("Thừa.", **nulls, temperature=1.3, anything={"a": [1]})
    assert record["file_id"] == key("Thừa.")


class BrokenEngine(ToneEngine):
    """An engine that gives what it was told to."""

    def __init__(self, pcm: bytes) -> None:
        super().__init__()
        self.pcm = pcm

    async def speak(self, request: SpeechRequest) -> Speech:
        return Speech(self.pcm, 22050)


@pytest.mark.parametrize("pcm", [b"", b"x", b"xyz"])
def test_an_engine_that_gives_no_audio_is_an_error_and_nothing_is_stored(tmp_path, pcm):
    with served(tmp_path, engine=BrokenEngine(pcm)) as backend:
        answer = backend.ask()
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "engine_failed")
        assert list(backend.cache.entries()) == []


def test_a_full_queue_says_when_to_come_back(tmp_path):
    engine = CountingEngine(real_time=1, workers=1, queue_limit=1)
    with served(tmp_path, engine=engine) as backend, ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(backend.ask, f"Câu {number}") for number in range(6)]
        answers = [one.result() for one in asked]
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[:2] == [200, 200]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 4
    assert refused[0].json()["error"]["code"] == "queue_full"
    assert int(refused[0].headers["Retry-After"]) >= 1


def test_health_is_quick_while_every_engine_is_busy(tmp_path):
    engine = CountingEngine(real_time=1, workers=1)
    with served(tmp_path, engine=engine) as backend, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(backend.ask, f"Câu dài hơn {number}") for number in range(4)]
        took_s = [backend.client.get("/health").elapsed.total_seconds() for _ in range(20)]
        assert not all(one.done() for one in asked)
    assert sorted(took_s)[15] < 0.05


def test_a_client_that_leaves_loses_nothing(tmp_path):
    engine = CountingEngine(real_time=1)
    with served(tmp_path, engine=engine) as backend:
        with pytest.raises(httpx.ReadTimeout):
            backend.client.post("/api/tts/synthesize", json={"text": "Ừ."}, timeout=0.05)
        assert backend.record()["cached"] in (True, False)
        assert len(engine.spoken) == 1
        assert backend.record()["cached"] is True


def test_asking_from_one_loop_many_times_keeps_every_text_apart(tmp_path):
    async def ask_all(url: str) -> dict[str, bytes]:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            texts = [f"Câu thứ {number}" for number in range(40)]
            answers = await asyncio.gather(
                *(client.post("/api/tts/synthesize", json={"text": text}) for text in texts)
            )
            return {text: answer.content for text, answer in zip(texts, answers, strict=True)}

    with served(tmp_path) as backend:
        together = asyncio.run(ask_all(backend.url))
        assert len(set(together.values())) == 40
        for text in list(together)[::8]:
            assert backend.ask(text, store=False).content == together[text]
