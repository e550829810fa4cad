"""What a text has to lose before a speech library may see it."""

import unicodedata


def without_controls(text: str) -> str:
    """Return the text in NFC, without control, format and surrogate characters.

    They become nothing, white space among them a space.
    """
    spaced = "".join(" " if char.isspace() else char for char in text)
    plain = (char for char in spaced if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))
    return unicodedata.normalize("NFC", "".join(plain))
