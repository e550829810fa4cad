"""From the text of a paragraph to what is spoken of it. Nothing else is altered, nothing added."""

import unicodedata

NO_LETTER_OR_DIGIT = "no_letter_or_digit"

_JOINERS = "\u200c\u200d"  # zero width non-joiner and joiner
_NONCHARACTERS = range(0xFDD0, 0xFDF0)
_NONCHARACTER_ENDINGS = (0xFFFE, 0xFFFF)  # of each plane


def spoken_text(text: str) -> str:
    """Return what is spoken of a paragraph: NFC, one line, without characters that have no sound.

    Removed are controls (C0, C1), format characters (zero width space and word joiner, byte order
    mark, soft hyphen, directional marks, tags), lone surrogates, private use characters and
    noncharacters. White space of any kind and length, line breaks included, becomes one space;
    none is left at the ends.

    ZWJ and ZWNJ decide how Persian or Hindi words read, so they stay directly after a letter or
    mark that is not Latin; elsewhere (Latin words copied from the web, emoji) they are removed.

    Letters, digits, punctuation, numbers, addresses and emoji stay as they are: "Ừ.", "3.14" and
    "10:30" are spoken as written. Characters that this Python does not know yet stay too, so that
    a newer Python makes no audio stale. Applying it twice changes nothing.
    """
    composed = unicodedata.normalize("NFC", text)
    one_line = " ".join(composed.split())
    if one_line.isprintable():  # has no character of the categories below: nearly every paragraph
        return one_line
    kept: list[str] = []
    for character in composed:
        if character.isspace():
            kept.append(" ")
        elif not _is_silent(character, kept[-1] if kept else ""):
            kept.append(character)
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())


def skip_reason(spoken: str) -> str | None:
    """Return why this spoken text is not spoken, or None if it is.

    A text is skipped when none of its characters is a letter or digit (``* * *``, ``…``): code
    ``no_letter_or_digit``. How short it is does not matter.
    """
    return None if any(character.isalnum() for character in spoken) else NO_LETTER_OR_DIGIT


def _is_silent(character: str, before: str) -> bool:
    """Tell whether the character is removed; ``before`` is the last one kept, or empty."""
    if character in _JOINERS:
        return not _joins(before)
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co"):
        return True
    code = ord(character)
    return code in _NONCHARACTERS or code & 0xFFFF in _NONCHARACTER_ENDINGS


def _joins(before: str) -> bool:
    """Tell whether a joiner after this character has a meaning."""
    if not before or unicodedata.category(before)[0] not in "LM":
        return False
    name = unicodedata.name(before, "")
    return not name.startswith(("LATIN", "COMBINING", "MODIFIER", "VARIATION"))
