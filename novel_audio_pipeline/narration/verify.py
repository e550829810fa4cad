"""Whether audio may go into the library: pure rules over the data and what was asked for."""

from novel_audio_pipeline.audio.wav import SILENCE_DBFS, WavFacts, wav_facts
from novel_audio_pipeline.errors import WrongAudioError
from novel_audio_pipeline.speech.request import SpeechRequest

# Between 14 (slow neural voices) and 18 (espeak) characters a second at speed 1, in both languages.
EXPECTED_CHARS_PER_S = 16.0
PLAUSIBLE_FACTOR = 4.0
PLAUSIBLE_FROM_CHARS = 40


def checked_speech(data: bytes) -> WavFacts:
    """Return the facts of a WAV that may be speech.

    Raises:
        WrongAudioError: If it is no WAV, does not decode, has no frames, or is silent throughout
            (peak below -60 dBFS).
    """
    facts = wav_facts(data)
    if facts.peak_dbfs < SILENCE_DBFS:
        raise WrongAudioError(
            f"{facts.duration_s:.1f} s of silence: the loudest sample is at "
            f"{facts.peak_dbfs:.0f} dBFS, speech lies above {SILENCE_DBFS:.0f}"
        )
    return facts


def expected_duration_s(request: SpeechRequest) -> float:
    """Return how long the text should about take to speak, in seconds."""
    return len(request.text) / (EXPECTED_CHARS_PER_S * request.speed)


def implausibility(request: SpeechRequest, duration_s: float) -> float:
    """Return by which factor the duration is off, 1.0 or more; 1.0 for texts too short to judge."""
    if len(request.text) < PLAUSIBLE_FROM_CHARS:
        return 1.0
    ratio = duration_s / expected_duration_s(request)
    return max(ratio, 1 / ratio)


def is_plausible(request: SpeechRequest, duration_s: float) -> bool:
    """Return whether the duration lies from a quarter to four times of what is expected."""
    return implausibility(request, duration_s) <= PLAUSIBLE_FACTOR
