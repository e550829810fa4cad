"""Which language a novel is in: the text knows best, for metadata is often a default left alone."""

import re
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from novel_audio_pipeline.novels.model import Chapter

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNKNOWN_LANGUAGE = "und"
SURE = 0.8
LIKELY = 0.5
SAMPLE_CHARS = 6000
# Letters with two marks, which no other language has: an eighth of a Vietnamese novel's letters, and no
# twentieth of a text in which Vietnamese people are named. Those with one dot or hook are Yoruba's, too.
_VIETNAMESE_LETTER = re.compile("[ấầẩẫậắằẳẵặếềểễệốồổỗộớờởỡợứừửữự]", re.IGNORECASE)
_VIETNAMESE_SHARE, _ENOUGH_LETTERS = 0.05, 100

_lock = threading.Lock()
_identifier: "list[LanguageIdentifier]" = []


def novel_language(chapters: Sequence[Chapter], *, stated: str = "") -> str:
    """Return the primary tag of the language that the chapters are written in.

    The text decides if the detector is at least 80 % sure of it (a sentence is enough for that,
    two words are not). Else what the metadata states; else what the detector finds at least
    likely (50 %); else ``und``.

    Args:
        chapters: The chapters; a sample is taken from the beginning, middle and end.
        stated: Language tag from the metadata, ``vi``, ``en-US``, or empty.
    """
    language, probability = _detect(_sample(chapters))
    if probability >= SURE:
        return language
    return primary_tag(stated) or (language if probability >= LIKELY else UNKNOWN_LANGUAGE)


def primary_tag(tag: str) -> str:
    """Return the primary language of a tag in lower case: ``en`` of ``en-US``; empty if none.

    Three-letter codes of the two languages most used here are shortened; ``und`` counts as none.
    """
    primary = tag.strip().lower().replace("_", "-").split("-")[0]
    primary = {"vie": "vi", "eng": "en"}.get(primary, primary)
    known = primary.isascii() and primary.isalpha() and 2 <= len(primary) <= 3  # noqa: PLR2004
    return primary if known and primary != UNKNOWN_LANGUAGE else ""


def _sample(chapters: Sequence[Chapter]) -> str:
    """Return text of the first, middle and last chapter, a third of the sample each."""
    if not chapters:
        return ""
    chosen = sorted({0, len(chapters) // 2, len(chapters) - 1})
    return "\n".join(_beginning(chapters[at].paragraphs) for at in chosen)


def _beginning(paragraphs: Iterable[str]) -> str:
    taken: list[str] = []
    room = SAMPLE_CHARS // 3
    for paragraph in paragraphs:
        if room <= 0:
            break
        taken.append(paragraph[:room])
        room -= len(paragraph)
    return "\n".join(taken)


def _detect(text: str) -> tuple[str, float]:
    """Return the likeliest language and its probability; the model is loaded when it is needed."""
    letters = sum(character.isalpha() for character in text)
    if not letters:
        return UNKNOWN_LANGUAGE, 0.0
    marked = len(_VIETNAMESE_LETTER.findall(text))
    if letters >= _ENOUGH_LETTERS and marked >= _VIETNAMESE_SHARE * letters:
        return "vi", 1.0
    with _lock:
        if not _identifier:
            # 0.6 s with its model, which Vietnamese novels do without.
            from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

            _identifier.append(LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True))
        language, probability = _identifier[0].classify(text)
    return str(language), float(probability)
