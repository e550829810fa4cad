"""Fixtures of the tests of assets and sensors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from novel_audio_pipeline_tests.defs.surroundings import Surroundings, surroundings


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Surroundings]:
    with surroundings(tmp_path) as built:
        yield built
