"""What a title says: chapter, part, front or back matter; in English and Vietnamese."""

import re
import unicodedata
from enum import Enum

MAX_TITLE_CHARS = 120

_ROMAN = r"(?=[ivxlcdm])m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})"
_ENGLISH_NUMBER = (
    r"(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)[\s-]?)?"
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    r"sixteen|seventeen|eighteen|nineteen|first|second|third|fourth|fifth|sixth|seventh|eighth|"
    r"ninth|tenth|last)|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
_VIETNAMESE_DIGIT = r"một|mốt|hai|ba|bốn|tư|năm|lăm|sáu|bảy|bẩy|tám|chín|mười|mươi|trăm|linh|lẻ"
_VIETNAMESE_NUMBER = rf"(?:thứ\s+)?(?:(?:{_VIETNAMESE_DIGIT}|nhất|nhì)\b\s*)+"
_VIETNAMESE_PLACE = r"kết|cuối(?:\s+cùng)?|mở\s+đầu|đầu(?:\s+tiên)?|dẫn"

_CHAPTER_WORD = (
    rf"(?:chương|chuong|hồi|tiết)\s*(?:thứ\s+)?(?:số\s+)?"
    rf"(?:\d{{1,5}}|(?:{_ROMAN})\b|{_VIETNAMESE_NUMBER}|{_VIETNAMESE_PLACE})"
    rf"|thứ\s+\d{{1,5}}\s+chương"
    rf"|(?:chapter|chap\.?|stave|canto|letter)\s+(?:the\s+)?"
    rf"(?:\d{{1,5}}|(?:{_ROMAN})\b|{_ENGLISH_NUMBER})"
)
_PART_WORD = (
    rf"(?:phần|quyển|tập|cuốn)\s*(?:thứ\s+)?(?:số\s+)?"
    rf"(?:\d{{1,3}}|(?:{_ROMAN})\b|{_VIETNAMESE_NUMBER}|{_VIETNAMESE_PLACE})"
    rf"|(?:part|book|volume|vol\.?)\s+(?:the\s+)?(?:\d{{1,3}}|(?:{_ROMAN})\b|{_ENGLISH_NUMBER})"
)
_NAMED = (
    r"prologue|epilogue|interlude|conclusion|phần\s+mở\s+đầu|mở\s+đầu|tiết\s+tử|dẫn\s+nhập|"
    r"lời\s+kết|vĩ\s+thanh|phần\s+kết|đoạn\s+kết|kết\s+cục|phiên\s+ngoại(?:\s+\d+)?|"
    r"ngoại\s+truyện(?:\s+\d+)?|hậu\s+ký"
)
# After the number: nothing, or a separator and a title, or a title in capitals or quotes.
_TITLE_AFTER = r"(?:\s*[.:：)\-–—]+\s*(?P<title>\S.*)?|\s+(?P<bare_title>\S.*))?"
_CHAPTER = re.compile(rf"(?P<mark>{_CHAPTER_WORD}){_TITLE_AFTER}", re.IGNORECASE)
_PART = re.compile(rf"(?P<mark>{_PART_WORD}){_TITLE_AFTER}", re.IGNORECASE)
_NAMED_LINE = re.compile(rf"(?P<mark>{_NAMED}){_TITLE_AFTER}", re.IGNORECASE)
_ROMAN_CAPITALS = r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})|C{1,3}"
_NUMERAL = re.compile(rf"(?:(?P<roman>{_ROMAN_CAPITALS})|(?P<number>\d{{1,4}}))\.?")
_SENTENCE_END = re.compile(r"[.!?…:;,][\"'”’»)\]]*$")
_ORNAMENT = " \t*#=~_-–—•·<>[]【】《》"

_CONTENTS_TITLES = "contents|table of contents|mục lục|toc|list of chapters|danh sách chương"
_CONTENTS = frozenset(_CONTENTS_TITLES.split("|"))
_NOTES_TITLES = "notes|endnotes|footnotes|end notes|chú thích|ghi chú|chú giải|note|footnote"
_NOTES = frozenset(_NOTES_TITLES.split("|"))
_FRONT_TITLES = (
    "title page|titlepage|half title|halftitle|copyright|copyright page|imprint|dedication|epigraph|"
    "foreword|preface|introduction|introductory note|author's note|translator's note|"
    "transcriber's note|acknowledgments|acknowledgements|about this book|list of illustrations|"
    "lời giới thiệu|giới thiệu|lời nói đầu|lời tựa|tựa|lời người dịch|lời nhà xuất bản|"
    "lời đề tặng|đề tặng|bản quyền|văn án|thông tin sách|thông tin truyện|bìa|bìa sách|cover|"
    "welcome|trang bìa|cùng bạn đọc|lời tác giả|lời dịch giả"
)
_FRONT = frozenset(_FRONT_TITLES.split("|"))
_BACK_TITLES = (
    "colophon|uncopyright|about the author|about the publisher|acknowledgments|acknowledgements|"
    "copyright|bibliography|index|glossary|afterword|appendix|also by|by the same author|"
    "author's note|translator's note|transcriber's note|license|licence|"
    "the full project gutenberg license|lời bạt|về tác giả|phụ lục|tài liệu tham khảo|"
    "lời cuối sách|lời cảm ơn|tác giả|tạm biệt|lời cuối"
)
_BACK = frozenset(_BACK_TITLES.split("|"))


class TitleKind(Enum):
    """What a title stands for by its words alone."""

    CHAPTER = "chapter"
    PART = "part-title"
    CONTENTS = "contents"
    NOTES = "notes"
    FRONT = "front"
    BACK = "back"
    FRONT_OR_BACK = "front or back"
    OTHER = "other"


def title_kind(title: str) -> TitleKind:
    """Return what the title of a document or section stands for."""
    folded = _folded(title)
    in_front, in_back = folded in _FRONT, folded in _BACK
    kinds = (
        (folded in _CONTENTS, TitleKind.CONTENTS),
        (folded in _NOTES, TitleKind.NOTES),
        (in_front and in_back, TitleKind.FRONT_OR_BACK),
        (in_front, TitleKind.FRONT),
        (in_back, TitleKind.BACK),
        (is_chapter_heading(title), TitleKind.CHAPTER),
        (is_part_heading(title), TitleKind.PART),
    )
    return next((kind for holds, kind in kinds if holds), TitleKind.OTHER)


def is_chapter_heading(line: str) -> bool:
    """Tell whether a line opens a chapter: ``Chương 5``, ``Chương kết: …``, ``Chapter Three``.

    After word and number there is nothing, or a separator (``:`` ``.`` ``-`` ``)``) and a title,
    or a title that begins with a capital and does not end like a sentence (``!`` and ``?`` may
    end it if the number is in digits). So "Chương 5 này rất hay." opens nothing. Names like ``Prologue`` and ``Ngoại truyện`` count too.
    """
    return opens_chapter(bare(line))


def opens_chapter(line: str) -> bool:
    """Tell the same of a line that is bare already."""
    return _opens(_CHAPTER, line) or _opens(_NAMED_LINE, line)


def is_part_heading(line: str) -> bool:
    """Tell whether a line opens a part of a book: ``Phần thứ nhất``, ``Book II``."""
    return opens_part(bare(line))


def opens_part(line: str) -> bool:
    """Tell the same of a line that is bare already."""
    return _opens(_PART, line)


def is_bare_chapter_mark(line: str) -> bool:
    """Tell whether a line is a chapter's word and number and no title, or only a number."""
    line = bare(line)
    for pattern in (_CHAPTER, _PART, _NAMED_LINE):
        match = pattern.fullmatch(line)
        if match is not None and not (match["title"] or match["bare_title"]):
            return True
    return numeral(line) is not None


def chapter_mark(line: str) -> str:
    """Return the word and number of a chapter heading, folded: ``chương 5``; empty if it is none."""
    match = _CHAPTER.fullmatch(bare(line))
    return _folded(match["mark"]) if match is not None else ""


def numeral(line: str) -> int | None:
    """Return the number if the line is a bare numeral: ``IV``, ``IV.``, ``4``; else None."""
    match = _NUMERAL.fullmatch(line.strip())
    if match is None:
        return None
    return int(match["number"]) if match["number"] else _roman_value(match["roman"])


def bare(line: str) -> str:
    """Return the line, NFC, without ornaments around it (``== Chương 1 ==``)."""
    return " ".join(unicodedata.normalize("NFC", line).strip(_ORNAMENT).split())


def ends_like_a_sentence(line: str) -> bool:
    """Tell whether a line ends with a mark that a title does not have."""
    return _SENTENCE_END.search(line.strip()) is not None


def _opens(pattern: re.Pattern[str], line: str) -> bool:
    if len(line) > MAX_TITLE_CHARS or (match := pattern.fullmatch(line)) is None:
        return False
    title = match["bare_title"]
    if title is None:
        return True
    first = next((c for c in title if c.isalnum()), "")
    wrong_end = r"[.,;:…]$" if match["mark"][-1:].isdigit() else r"[.,;:…!?]$"
    return (first.isupper() or first.isdigit()) and not re.search(wrong_end, title)


def _folded(title: str) -> str:
    composed = bare(title).casefold().replace("’", "'")
    return composed.rstrip(".:!").strip()


def _roman_value(text: str) -> int:
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    total = 0
    for at, letter in enumerate(text):
        value = values[letter]
        larger_follows = at + 1 < len(text) and values[text[at + 1]] > value
        total += -value if larger_follows else value
    return total
