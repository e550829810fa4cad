"""How well a speech recogniser understands the English engines: ``python -m benchmarks.intelligibility``.

Twenty sentences are spoken by each engine that is installed and read by Moonshine (package
``moonshine-cpp``, its English model inside); printed is the share of words that were read wrong. Says
in a sentence what to install if something is not there.
"""

import argparse
import asyncio
import importlib.util
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soxr

from benchmarks.budgets import Budgets
from novel_audio_pipeline.audio.wav import encode_wav
from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.tts_backend.engines.base import Engine, Speech
from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine
from novel_audio_pipeline.tts_backend.engines.hibari import HibariEngine

RECOGNISER = "moonshine_cpp"
RECOGNISER_HZ = 16_000
CEILINGS = {"espeak": 0.25, "hibari": 0.05}
SENTENCES = (
    "The old clock on the kitchen wall stopped a little before midnight.",
    "She opened the letter slowly and read it twice.",
    "Nobody in the village remembered when the bridge was built.",
    "A cold wind came down from the mountains and rattled the windows.",
    "He put his hat on the table and asked for a cup of tea.",
    "They walked along the river until the sun went down.",
    "The captain looked at the sky and ordered the men to lower the sails.",
    "There was a small garden behind the house, full of roses.",
    "I have never seen so many books in one room.",
    "The doctor told her to rest for at least three weeks.",
    "Two boys were sitting on the fence, eating apples.",
    "When the train arrived, the platform was already empty.",
    "He wrote his name on the first page and closed the book.",
    "The road to the castle was steep and covered with snow.",
    "Her brother had gone to sea when he was only fifteen.",
    "Please leave the door open when you go out.",
    "The judge listened to both sides without saying a word.",
    "In the morning they found the boat on the other side of the lake.",
    "My grandmother used to tell us stories about the war.",
    "It was the happiest day of his life, and he knew it.",
)
_NOT_A_WORD = re.compile(r"[^a-z0-9' ]")


def words_of(text: str) -> list[str]:
    """Return the words in lower case, without signs."""
    return _NOT_A_WORD.sub(" ", text.lower().replace("’", "'")).split()


def wrong_words(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the fewest words to replace, drop and add that make one of the other."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, start=1):
        above = row
        row = [number]
        for place, other in enumerate(heard, start=1):
            row.append(min(row[-1] + 1, above[place] + 1, above[place - 1] + (word != other)))
    return row[-1]


def recogniser() -> Callable[[Speech], str]:
    """Return what reads speech."""
    from moonshine_cpp import MoonshineModel  # noqa: PLC0415  # not installed by default

    model = MoonshineModel()

    def read(speech: Speech) -> str:
        samples = np.frombuffer(speech.pcm, dtype="<i2").astype(np.float32)
        heard = soxr.resample(samples, speech.sample_rate_hz, RECOGNISER_HZ)
        wav = encode_wav(np.clip(heard, -32767, 32767).astype("<i2"), RECOGNISER_HZ)
        with tempfile.TemporaryDirectory() as folder:  # its call that takes samples is broken
            path = Path(folder) / "speech.wav"
            path.write_bytes(wav)
            return str(model.transcribe_wav(str(path)))

    return read


async def spoken(engine: Engine, voice: str, sentences: Sequence[str]) -> list[Speech]:
    """Return the sentences as the engine speaks them."""
    await engine.start()
    try:
        requests = [SpeechRequest(text, engine.model, voice, "en") for text in sentences]
        return [await engine.speak(request) for request in requests]
    finally:
        await engine.close()


def word_error_rate(
    engine: Engine, voice: str, read: Callable[[Speech], str], sentences: Sequence[str]
) -> float:
    """Return the share of words read wrong, and print the sentences in which some were."""
    wrong = words = exact = 0
    for text, speech in zip(sentences, asyncio.run(spoken(engine, voice, sentences)), strict=True):
        heard = read(speech)
        errors = wrong_words(words_of(text), words_of(heard))
        wrong, words, exact = wrong + errors, words + len(words_of(text)), exact + (errors == 0)
        if errors:
            print(f"  {errors} wrong: {text}\n           {heard}")
    print(
        f"{engine.name} {voice}: word error rate {wrong / words:.3f} ({wrong} of {words} words; "
        f"{exact} of {len(sentences)} sentences exact)"
    )
    return wrong / words


def measure(budgets: Budgets) -> None:
    """Have each engine that is installed speak, read what it spoke, and print it beside its ceiling."""
    if importlib.util.find_spec(RECOGNISER) is None:
        print("intelligibility: not measured; it needs a recogniser: pip install moonshine-cpp")
        return
    read = recogniser()
    for make, voice in ((EspeakEngine, "en-us"), (HibariEngine, "heart")):
        try:
            engine = make(workers=1)
        except SettingError as error:
            print(f"{make.name}: not measured; {error}")
            continue
        rate = word_error_rate(engine, voice, read, SENTENCES)
        told = budgets.at_most(f"{engine.name}, word error rate", rate, CEILINGS[engine.name])
        print(f"  {told}")


def main() -> None:
    """Measure; leave with status 1 if a budget was missed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    budgets = Budgets()
    measure(budgets)
    budgets.leave()


if __name__ == "__main__":
    main()
