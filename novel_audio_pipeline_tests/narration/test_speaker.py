"""When to ask again, when to wait, when to give up."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import pytest

from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.errors import (
    AudioTransferError,
    BackendBusyError,
    BackendDownError,
    BackendUnreachableError,
    CacheEntryGoneError,
    SpeechRefusedError,
    WrongAudioError,
)
from novel_audio_pipeline.narration.progress import Progress
from novel_audio_pipeline.narration.speaker import MAX_FAILURES_IN_A_ROW, Speaker, SpokenPiece
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_client.replies import SkippedSpeech
from novel_audio_pipeline_tests.narration.backends import FakeBackend, speech_of

LONG = "Một hai ba bốn năm sáu bảy tám chín mười mười một mười hai."


def request(text: str = LONG, take: int = 0) -> SpeechRequest:
    return SpeechRequest(text=text, model="m", voice="v", language="vi", take=take)


class Speaking:
    """A speaker over a fake backend, whose waits take no time and are remembered."""

    def __init__(self, backend: FakeBackend, *, wait_s: float = 10.0) -> None:
        self.waits: list[float] = []
        self.progress = Progress()
        self.speaker = Speaker(
            backend,
            concurrency=2,
            wait=timedelta(seconds=wait_s),
            progress=self.progress,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

    def speak(self, *requests: SpeechRequest) -> list[SpokenPiece | SkippedSpeech]:
        async def main() -> list[SpokenPiece | SkippedSpeech]:
            return [await self.speaker.speak(one) for one in requests]

        return asyncio.run(main())


def faults(*errors: Exception | None) -> Iterable[Exception | None]:
    return errors


def test_a_request_is_spoken_and_verified():
    backend = FakeBackend()
    (piece,) = Speaking(backend).speak(request())
    assert isinstance(piece, SpokenPiece)
    assert piece.audio.data == speech_of(request())
    assert piece.warning == ""
    assert backend.synthesized == {LONG: 1}


@pytest.mark.parametrize("error", [BackendBusyError("busy"), AudioTransferError("cut")])
def test_what_is_transient_is_asked_for_again(error):
    backend = FakeBackend(faults=[error, error, error])
    speaking = Speaking(backend)
    speaking.speak(request())
    assert backend.synthesized[LONG] == 4
    assert speaking.progress.counts.retries == 3
    assert len(speaking.waits) == 3


def test_what_fails_four_times_has_failed():
    backend = FakeBackend(faults=[BackendBusyError(str(n)) for n in range(9)])
    with pytest.raises(BackendBusyError, match="3"):
        Speaking(backend).speak(request())
    assert backend.synthesized[LONG] == 4


def test_what_is_permanent_is_not_asked_for_again():
    backend = FakeBackend(faults=[SpeechRefusedError("no", code="unknown_voice")])
    with pytest.raises(SpeechRefusedError):
        Speaking(backend).speak(request())
    assert backend.synthesized[LONG] == 1


def test_retry_after_is_obeyed():
    backend = FakeBackend(faults=[BackendBusyError("", retry_after=timedelta(seconds=7))])
    speaking = Speaking(backend)
    speaking.speak(request())
    assert speaking.waits == [7.0]


def test_an_entry_that_is_gone_is_asked_for_at_once():
    backend = FakeBackend(faults=[CacheEntryGoneError("gone")])
    speaking = Speaking(backend)
    speaking.speak(request())
    assert speaking.waits == [0.0]


def test_a_limit_is_asked_for_once_for_each_model_with_the_same_patience():
    class Shy(FakeBackend):
        asked = 0

        async def max_chars(self, model: str) -> int | None:
            self.asked += 1
            if self.asked < 3:
                raise BackendBusyError("starting")
            return 30

    backend = Shy()
    speaking = Speaking(backend)

    async def main() -> list[list[str]]:
        both = [await speaking.speaker.parts(request()) for _ in range(2)]
        return [[part.text for part in parts] for parts in both]

    first, second = asyncio.run(main())
    assert first == second
    assert " ".join(first) == LONG
    assert backend.asked == 3


def test_a_known_limit_does_not_hide_that_the_backend_only_fails():
    backend = FakeBackend(faults=[BackendBusyError("500")] * 1000, max_chars=500)
    speaking = Speaking(backend)

    async def main() -> int:
        for n in range(1000):
            (part,) = await speaking.speaker.parts(request(f"{LONG} {n}"))
            try:
                await speaking.speaker.speak(part)
            except BackendBusyError:
                continue
            except BackendDownError:
                return n + 1
        return -1

    assert asyncio.run(main()) == MAX_FAILURES_IN_A_ROW


def test_a_backend_that_comes_back_is_waited_for_without_losing_attempts():
    backend = FakeBackend(faults=[BackendUnreachableError("down")])
    backend.health_faults.extend([BackendUnreachableError("down")] * 3)
    speaking = Speaking(backend)
    assert isinstance(speaking.speak(request())[0], SpokenPiece)
    assert backend.healths == 4
    assert speaking.waits[:3] == [2.0, 2.0, 2.0]


def test_a_backend_that_stays_away_ends_the_run_with_advice():
    backend = FakeBackend(faults=[BackendUnreachableError("refused")] * 9)
    backend.health_faults.extend([BackendUnreachableError("refused")] * 99)
    with pytest.raises(BackendDownError, match="TTS_BACKEND_URL"):
        Speaking(backend, wait_s=6).speak(request())
    assert backend.synthesized[LONG] == 1


def test_a_backend_that_only_fails_ends_the_run_instead_of_failing_a_thousand_times():
    backend = FakeBackend(faults=[BackendBusyError("500")] * 1000)
    speaking = Speaking(backend)

    async def main() -> int:
        for n in range(1000):
            try:
                await speaking.speaker.speak(request(f"{LONG} {n}"))
            except BackendBusyError:
                continue
            except BackendDownError:
                return n + 1
        return -1

    assert asyncio.run(main()) == MAX_FAILURES_IN_A_ROW


@pytest.mark.parametrize(
    "wav",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"success": true}', id="JSON"),
        pytest.param(encode_wav(np.zeros(8000, np.int16), 8000), id="silent"),
        pytest.param(encode_wav(np.full(8000, 20, np.int16), 8000), id="below -60 dBFS"),
    ],
)
def test_what_is_no_speech_does_not_get_in(wav):
    backend = FakeBackend(speak=lambda _request: wav)
    with pytest.raises(WrongAudioError):
        Speaking(backend).speak(request())


def test_an_implausible_duration_is_asked_for_in_another_take():
    backend = FakeBackend(
        speak=lambda asked: speech_of(asked, seconds=0.1 if asked.take == 0 else None)
    )
    (piece,) = Speaking(backend).speak(request())
    assert isinstance(piece, SpokenPiece)
    assert piece.request.take == 1
    assert piece.warning == ""


def test_of_two_implausible_takes_the_better_is_kept_with_a_warning():
    backend = FakeBackend(
        speak=lambda asked: speech_of(asked, seconds=100 if asked.take == 0 else 0.001)
    )
    (piece,) = Speaking(backend).speak(request())
    assert isinstance(piece, SpokenPiece)
    assert piece.request.take == 0
    assert "implausible" in piece.warning


def test_short_lines_are_not_judged_by_their_duration():
    backend = FakeBackend(speak=lambda asked: speech_of(asked, seconds=3))
    (piece,) = Speaking(backend).speak(request("Ừ."))
    assert isinstance(piece, SpokenPiece)
    assert backend.synthesized == {"Ừ.": 1}


def test_a_refusal_with_a_success_status_is_told():
    backend = FakeBackend(refuse=lambda text: text == "Ừ.")
    assert Speaking(backend).speak(request("Ừ.")) == [SkippedSpeech("too short")]
