"""Fixtures of the tests of publishing."""

from pathlib import Path

import pytest

from novel_audio_pipeline_tests.reader_app.houses import House, new_house


@pytest.fixture
def house(tmp_path: Path) -> House:
    return new_house(tmp_path)
