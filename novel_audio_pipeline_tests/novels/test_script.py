"""Scripts: what is asked for, what is skipped, and when the digest changes."""

import hashlib
from dataclasses import replace

import pytest

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.model import Chapter, ChapterKey, Novel, NovelSettings
from novel_audio_pipeline.novels.script import write_script
from novel_audio_pipeline.speech.request import SpeechRequest
from novel_audio_pipeline.speech.voices import SpeechSettings

SPEECH = SpeechSettings(model="m", voices={"vi": "v-vi", "en": "v-en"})
CHAPTER = Chapter(2, "Mưa", ("Ừ.", "* * *", "Một\nhai."))
NOVEL = Novel("so-do", "Số đỏ", "V", "vi", "so-do.txt", (Chapter(1, "", ("x",)), CHAPTER))


def script(novel=NOVEL, chapter=CHAPTER, *, speech=SPEECH, takes=None):
    return write_script(novel, chapter, speech=speech, takes=takes or {})


def test_a_script_says_what_is_spoken_by_whom_and_what_is_skipped_why():
    written = script()
    assert written.key == ChapterKey("so-do", 2)
    assert (written.novel_title, written.title) == ("Số đỏ", "Mưa")
    assert [(p.number, p.text, p.spoken_text, p.skip_reason) for p in written.paragraphs] == [
        (1, "Ừ.", "Ừ.", None),
        (2, "* * *", "* * *", "no_letter_or_digit"),
        (3, "Một\nhai.", "Một hai.", None),
    ]
    spoken, skipped, _ = written.paragraphs
    request = SpeechRequest("Ừ.", "m", "v-vi", "vi")
    assert (spoken.pieces, spoken.content_key) == ((request,), request.content_key)
    assert (skipped.pieces, skipped.content_key, skipped.voice) == ((), None, None)


def test_a_long_paragraph_is_spoken_in_pieces_at_sentence_ends():
    text = "Một câu dài. " * 20
    chapter = Chapter(1, "", (text,))
    (paragraph,) = script(chapter=chapter, speech=replace(SPEECH, max_chars=50)).paragraphs
    assert len(paragraph.pieces) > 1
    assert " ".join(piece.text for piece in paragraph.pieces) == text.strip()
    assert all(piece.text.endswith(".") for piece in paragraph.pieces)
    keys = "".join(piece.content_key for piece in paragraph.pieces)
    assert paragraph.content_key == hashlib.sha256(keys.encode()).hexdigest()


def test_the_settings_of_a_novel_override_the_general_ones():
    own = NovelSettings(voice="other", speed=1.25, model="better")
    (first, *_) = script(replace(NOVEL, settings=own)).paragraphs
    assert first.pieces == (SpeechRequest("Ừ.", "better", "other", "vi", 1.25),)
    assert first.voice == "other"


def test_the_voice_of_a_novel_is_for_its_own_language():
    novel = replace(NOVEL, language="fr", settings=NovelSettings(voice="v-fr"))
    assert script(novel).paragraphs[0].voice == "v-fr"


def test_a_take_asks_for_another_reading_of_that_paragraph_alone():
    plain = script()
    key = plain.paragraphs[0].content_key
    other = script(takes={key: 3})
    assert other.paragraphs[0].pieces[0].take == 3
    assert other.paragraphs[0].content_key != key
    assert other.paragraphs[1:] == plain.paragraphs[1:]
    assert other.digest != plain.digest


def test_a_take_of_a_paragraph_in_pieces_is_that_of_every_piece():
    chapter = Chapter(1, "", ("Một câu. Hai câu. Ba câu.",))
    speech = replace(SPEECH, max_chars=10)
    key = script(chapter=chapter, speech=speech).paragraphs[0].content_key
    pieces = script(chapter=chapter, speech=speech, takes={key: 1}).paragraphs[0].pieces
    assert [piece.take for piece in pieces] == [1, 1, 1]


def test_a_language_without_a_voice_names_the_setting():
    with pytest.raises(SourceError, match="NOVEL_AUDIO_VOICE_VI") as caught:
        script(speech=replace(SPEECH, voices={"en": "x"}))
    assert caught.value.code == "no_voice_for_language"


def test_a_chapter_with_nothing_to_speak_needs_no_voice():
    chapter = Chapter(1, "", ("* * *",))
    assert script(chapter=chapter, speech=replace(SPEECH, voices={})).paragraphs[0].skip_reason


def test_the_digest_does_not_change_with_titles():
    titled = script(replace(NOVEL, title="Another"), replace(CHAPTER, title="Another"))
    assert titled.digest == script().digest


@pytest.mark.parametrize(
    "paragraphs",
    [
        ("Ừ!", "* * *", "Một\nhai."),
        ("Ừ.", "* *", "Một\nhai."),
        ("Ừ.", "* * *", "Một hai."),
        ("* * *", "Ừ.", "Một\nhai."),
        ("Ừ.", "* * *"),
        ("Ừ.", "* * *", "Một\nhai.", "x"),
    ],
)
def test_the_digest_changes_with_text_order_and_number_of_paragraphs(paragraphs):
    assert script(chapter=Chapter(2, "Mưa", paragraphs)).digest != script().digest


def test_the_digest_has_the_documented_form():
    key = script().paragraphs[0].content_key
    written = script(chapter=Chapter(1, "", ("Ừ.", "…")))
    form = f'[["speak","{key}","\\u1eea."],["skip","no_letter_or_digit","\\u2026"]]'
    assert written.digest == hashlib.sha256(form.encode()).hexdigest()
