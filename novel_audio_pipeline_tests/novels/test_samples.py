"""The sample novels: they are read without a warning and have what narrating can stumble over."""

from pathlib import Path

import pytest

from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.speech.voices import SpeechSettings

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@pytest.fixture(scope="module")
def catalog():
    return NovelCatalog(SAMPLES, speech=SpeechSettings())


def test_the_samples_are_an_english_and_a_vietnamese_novel_without_problems(catalog):
    survey = catalog.survey()
    assert survey.problems == ()
    assert {novel.novel_id: novel.language for novel in survey.novels} == {
        "the-clockmaker": "en",
        "nguoi-giu-den": "vi",
    }
    assert all(novel.warnings == () and novel.omitted == () for novel in survey.novels)
    assert catalog.novel("the-clockmaker").title == 'The Clockmaker: "Who?" / A Tale*'


@pytest.mark.parametrize(
    ("novel_id", "short"), [("the-clockmaker", "“No!”"), ("nguoi-giu-den", "– Ừ.")]
)
def test_a_sample_has_a_short_line_that_is_spoken_and_a_separator_that_is_not(
    catalog, novel_id, short
):
    paragraphs = [p for script in catalog.scripts(novel_id) for p in script.paragraphs]
    skipped = [p.text for p in paragraphs if p.skip_reason]
    assert skipped == ["* * *", "…"]
    assert short in [p.text.replace('"', "“", 1).replace('"', "”") for p in paragraphs]
