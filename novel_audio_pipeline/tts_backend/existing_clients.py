"""The request forms of the existing readers' backends, translated; pure.

A request that names one of our own models is taken at its word. One that names a model of the
existing system, or none, is helped: its voice is mapped by language, and that is told.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from novel_audio_pipeline.tts_backend.choosing import Asked, primary_language
from novel_audio_pipeline.tts_backend.engines.base import Engine

# Models of the existing backends (app, vieneu, viettts, coqui) and of OpenAI's own service, with
# the language each speaks unless the request says otherwise; None: as the text looks.
MODELS: Mapping[str, str | None] = {
    "vieneu-tts": "vi",
    "dia": "vi",
    "viet-tts": "vi",
    "viettts": "vi",
    "xtts-english": "en",
    "coqui-xtts-v2": "en",
    "coqui-tts": "en",
    "xtts-v2": "en",
    "tts-1": None,
    "tts-1-hd": None,
    "gpt-4o-mini-tts": None,
}
SERVER_PATH_FIELDS = ("ref_audio_path", "speaker_wav", "voice_file")
_SPEAKER_PREFIX = re.compile(r"\s*\[[0-9]{2}\]\s*")
# Of â ă ơ ả ạ à á ã, decomposed. The last three are French and Spanish too, which nobody speaks here.
_VIETNAMESE_MARKS = frozenset("\u0302\u0306\u031b\u0309\u0323\u0300\u0301\u0303")


@dataclass(frozen=True, slots=True)
class Translated:
    """A request in our own terms.

    Attributes:
        asked: What is asked for.
        notices: What was changed, in sentences.
    """

    asked: Asked
    notices: tuple[str, ...] = ()


def translated(
    asked: Asked, *, engines: Sequence[Engine], default_language: str | None
) -> Translated:
    """Return the request with models and voices that exist here, and what was changed.

    Args:
        asked: As the client sent it.
        engines: Those here; their voices stand in for voices that are elsewhere.
        default_language: For requests that let nothing be known; None is judged by the text.
    """
    is_foreign = asked.model in MODELS
    if asked.model is not None and not is_foreign:
        return Translated(asked)
    notices: list[str] = []
    if asked.model == "dia" and (prefix := _SPEAKER_PREFIX.match(asked.text)):
        asked = replace(asked, text=asked.text[prefix.end() :])
        notices.append("the speaker number before the text is not spoken")
    language = asked.language or MODELS.get(asked.model or "") or default_language
    language = language or language_of(asked.text)
    if asked.model is not None:
        notices.append(f"the model {asked.model!a} is not here; another one speaks")
    voices = [voice for engine in engines for voice in engine.voices]
    if asked.voice is None:
        return Translated(replace(asked, model=None, language=language), tuple(notices))
    if all(voice.name != asked.voice for voice in voices):
        wanted = primary_language(language)
        stand_in = next((voice.name for voice in voices if voice.language == wanted), None)
        if stand_in is not None:
            notices.append(f"the voice {asked.voice[:60]!a} is not here; {stand_in!a} speaks")
            asked = replace(asked, voice=stand_in, language=language)
    return Translated(replace(asked, model=None), tuple(notices))


def language_of(text: str) -> str:
    """Return ``vi`` if the text bears a letter or mark that Vietnamese has and English has not."""
    decomposed = unicodedata.normalize("NFD", text)
    is_vietnamese = "đ" in decomposed.lower() or not _VIETNAMESE_MARKS.isdisjoint(decomposed)
    return "vi" if is_vietnamese else "en"
