"""From bytes to text: which encoding a file is in, and what to do where it lies."""

import codecs
import re
import unicodedata
from dataclasses import dataclass

from charset_normalizer import from_bytes

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?\s*([A-Za-z][A-Za-z0-9._:-]*)""")
_DECLARATION_WITHIN = 1024
_FEW_WRONG = 0.02
_VIETNAMESE_SHARE = 0.03
_VIETNAMESE = frozenset("ăđơưĂĐƠƯ")  # â, ê and ô are French too


class UnknownEncodingError(Exception):
    """No encoding makes text of these bytes."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text made of bytes.

    Attributes:
        text: The text.
        encoding: The encoding it was in.
        warnings: What is doubtful, each the end of a sentence that begins with the file's name.
    """

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode_text(data: bytes) -> Decoded:
    """Return the text of a plain text file, NFC.

    A byte order mark decides; then UTF-16 without one (every other byte zero); then UTF-8. UTF-8
    with a few wrong bytes (2 % of those that are not ASCII) stays UTF-8, with U+FFFD in their
    place. Then Windows-1258, if that makes Vietnamese of it. Else the most likely encoding, with a
    warning that names it.

    Raises:
        UnknownEncodingError: If it is no text at all.
    """
    decoded = _by_mark(data) or _utf16_without_mark(data)
    if decoded is None and b"\0" in data:
        raise UnknownEncodingError("it holds zero bytes, as no text does")
    decoded = decoded or _utf8(data) or _windows_1258(data) or _guessed(data)
    if decoded is None:
        raise UnknownEncodingError("no encoding makes text of it")
    del data  # a long novel need not be in memory three times
    text = unicodedata.normalize("NFC", decoded.text)
    return Decoded(text, decoded.encoding, decoded.warnings)


def decode_markup(data: bytes) -> Decoded:
    """Return the text of an XML or HTML document.

    A byte order mark decides, then UTF-8 if it is that, then what the document declares; else it
    is UTF-8 with U+FFFD for what is wrong, or what ``decode_text`` would make of it.
    """
    decoded = _by_mark(data) or _utf16_without_mark(data) or _strictly(data, "utf-8")
    if decoded is not None:
        return decoded
    if declared := _DECLARED.search(data[:_DECLARATION_WITHIN]):
        name = declared[1].decode("ascii")
        if name.lower().replace("-", "") != "utf8" and (decoded := _strictly(data, name)):
            return decoded
    mostly = _utf8(data) or _windows_1258(data)
    return mostly or _replaced(data)


def _strictly(data: bytes, encoding: str) -> Decoded | None:
    try:
        return Decoded(data.decode(encoding), encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _by_mark(data: bytes) -> Decoded | None:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strictly(data, encoding) or _replaced(data, encoding)
    return None


def _replaced(data: bytes, encoding: str = "utf-8") -> Decoded:
    text = data.decode(encoding, "replace")
    wrong = text.count("\ufffd")
    warning = f"holds {wrong} places that are not {encoding}; they are marked with U+FFFD"
    return Decoded(text, encoding, (warning,))


def _utf16_without_mark(data: bytes) -> Decoded | None:
    """Return UTF-16 text of mostly Latin letters: every other byte is nearly always zero."""
    sample = data[:4096]
    if len(sample) < 4 or len(data) % 2:  # noqa: PLR2004  two characters at least
        return None
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = sample[offset::2].count(0), sample[1 - offset :: 2].count(0)
        if zeros > len(sample) // 4 and others == 0:
            return _strictly(data, encoding)
    return None


def _utf8(data: bytes) -> Decoded | None:
    decoded = _strictly(data, "utf-8")
    if decoded is not None:
        return decoded
    replaced = _replaced(data)
    beyond_ascii = sum(1 for character in replaced.text if character > "\x7f")
    few = replaced.text.count("\ufffd") <= max(1, int(beyond_ascii * _FEW_WRONG))
    return replaced if few and beyond_ascii > 1 else None


def _windows_1258(data: bytes) -> Decoded | None:
    """Return the text if these bytes are Vietnamese in Windows-1258.

    That encoding writes tone marks as characters of their own: they must compose with the letter
    before (NFC), all but 2 % of them; 3 % of the letters must be ones that only Vietnamese has, most
    of the others plain Latin.
    """
    decoded = _strictly(data, "cp1258")
    if decoded is None:
        return None
    text = unicodedata.normalize("NFC", decoded.text)
    letters = [character for character in text if character.isalpha()]
    latin = sum(1 for letter in letters if letter.isascii())
    vietnamese = sum(
        1 for letter in letters if letter in _VIETNAMESE or "\u1ea0" <= letter <= "\u1ef9"
    )
    loose_marks = sum(1 for character in text if unicodedata.combining(character))
    is_vietnamese = vietnamese > len(letters) * _VIETNAMESE_SHARE and 2 * latin > len(letters)
    if not is_vietnamese or loose_marks > vietnamese * _FEW_WRONG:
        return None
    return Decoded(text, "cp1258", ("is in Windows-1258; save it as UTF-8 to be sure",))


def _guessed(data: bytes) -> Decoded | None:
    """Return the likeliest text; of encodings as likely as each other Windows-1252, the commonest."""
    matches = from_bytes(data)
    best = matches.best()
    if best is None:
        return None
    for match in matches:
        if match.encoding == "cp1252" and match.chaos <= best.chaos:
            best = match
    warning = f"is not UTF-8; it was read as {best.encoding}; save it as UTF-8 to be sure"
    return Decoded(str(best), best.encoding, (warning,))
