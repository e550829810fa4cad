"""Fixtures that several rooms share."""

from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[1].parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Return the folder with real books and their counted ground truth."""
    if not CORPUS.is_dir():
        pytest.skip(f"real books are not here; put the corpus at {CORPUS} to run this")
    return CORPUS
