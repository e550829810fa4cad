"""The page about the reader app explains every finding, and names what it names."""

import pytest

from novel_audio_pipeline.reader_app.finding import CODES
from novel_audio_pipeline.settings import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "reader-app.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CODES)
def test_every_finding_is_explained(code):
    assert f"| `{code}` |" in PAGE
