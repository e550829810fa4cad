"""Cutting a long text at sentence ends, so that an engine with a limit can speak all of it."""

import re

# A sentence ends at its mark, with the quotes and brackets that close after it.
_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'”’»)\]]*(?=\s)")
_CLAUSE_END = re.compile(r"[,;:–—][\"'”’»)\]]*(?=\s)")
_SPACE = re.compile(r"\s")


def cut_at_sentences(text: str, *, max_chars: int) -> list[str]:
    """Return the text in as few pieces as fit, in order, losing no character but the spaces at cuts.

    A cut is made at the last sentence end that fits, else at the last clause end, else at the last
    space, else after ``max_chars`` characters (a word longer than that).

    Args:
        text: The text; white space at its ends is dropped.
        max_chars: Longest piece, in characters, at least 1.

    Raises:
        ValueError: If ``max_chars`` is less than 1.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars must be at least 1, got {max_chars}")
    pieces: list[str] = []
    rest = text.strip()
    while len(rest) > max_chars:
        cut = _last_cut(rest, max_chars)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest] if rest else pieces


def _last_cut(text: str, max_chars: int) -> int:
    """Return where to cut: more than 0, at most ``max_chars``."""
    window = text[: max_chars + 1]  # the space after the mark may be the character that is too many
    for pattern in (_SENTENCE_END, _CLAUSE_END):
        ends = [match.end() for match in pattern.finditer(window)]
        if ends:
            return ends[-1]
    spaces = [match.start() for match in _SPACE.finditer(window) if match.start() > 0]
    return spaces[-1] if spaces else max_chars
