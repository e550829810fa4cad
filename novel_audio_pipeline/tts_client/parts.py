"""Cutting a speech request for a backend that takes less text at once; pure."""

from dataclasses import replace

from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.speech.sentences import cut_at_sentences

# Two existing backends decline to speak a text that is shorter, whatever it says.
LEAST_CHARS = 10


def parts_of(request: SpeechRequest, *, max_chars: int | None) -> tuple[SpeechRequest, ...]:
    """Return the request in parts of at most ``max_chars``, in order; whole if there is no limit.

    Cut at sentence ends, see ``cut_at_sentences``; but a part of less than ten characters, which
    some backends would skip, is put together with its neighbour, and both are cut in the middle.

    Raises:
        ValueError: If ``max_chars`` is less than 1.
    """
    if max_chars is None or len(request.text) <= max_chars:
        return (request,)
    texts = cut_at_sentences(request.text, max_chars=max_chars)
    for index, text in enumerate(texts):
        if len(text) < LEAST_CHARS:
            first = max(0, index - 1)
            texts[first : first + 2] = _halves(" ".join(texts[first : first + 2]))
    return tuple(replace(request, text=text) for text in texts)


def _halves(text: str) -> list[str]:
    """Return two parts, cut at the space nearest to the middle; there is one."""
    middle = len(text) // 2
    spaces = [index for index, char in enumerate(text) if char.isspace()]
    cut = min(spaces, key=lambda index: abs(index - middle))
    return [text[:cut].rstrip(), text[cut:].lstrip()]
