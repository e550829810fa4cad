"""What the sources hold: chapters and how many paragraphs each has. Unchanged sources are not read."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from novel_audio_pipeline.errors import NotFoundError, SourceError
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import SourceProblem
from novel_audio_pipeline.storage.local import LocalFileStore

SOURCES_FILE = PurePosixPath("index/sources.json")
_FORM = 1

Rows = list[tuple[str, int, int]]  # novel_id, chapter number, paragraphs


@dataclass(frozen=True)
class SourceInventory:
    """What the sources hold.

    Attributes:
        has_sources: Whether there is any source at all, readable or not.
        chapters: One row for each chapter: ``novel_id``, ``number``, ``paragraphs``, ``source``.
        known_ids: Every novel_id that some source has, also if it cannot be narrated.
        problems: Why sources, or novels in them, cannot be read.
    """

    has_sources: bool
    chapters: pd.DataFrame
    known_ids: frozenset[str]
    problems: tuple[SourceProblem, ...]

    @property
    def read_ids(self) -> frozenset[str]:
        """The novels whose chapters are known."""
        return frozenset(self.chapters["novel_id"])


def take_source_inventory(catalog: NovelCatalog, *, reports_dir: Path) -> SourceInventory:
    """Look at all sources; those that look as they did at the last look are not read again.

    What was read is kept for the next look; what was kept stays if nothing could be read, as of a
    disk that is missing.

    Args:
        catalog: The novels.
        reports_dir: Where what was read is kept between two looks.

    Raises:
        SettingError: If the novels folder does not exist: that is not the same as being empty.
        StorageError: If it cannot be read.
    """
    store = LocalFileStore(reports_dir)
    known = _read_known(store.read(SOURCES_FILE))
    index = catalog.index()
    problems = list(index.problems)
    duplicates = json.dumps(sorted(index.duplicates))
    looks: dict[str, dict[str, Any]] = {}
    rows: list[tuple[str, int, int, str]] = []
    fingerprints = catalog.fingerprints()
    for source, fingerprint in fingerprints.items():
        look = hashlib.sha256(f"{fingerprint}|{duplicates}".encode()).hexdigest()
        before = known.get(source)
        try:
            found = before["rows"] if before and before["look"] == look else _read(catalog, source)
        except NotFoundError:
            continue  # removed since it was listed
        except SourceError as error:
            problem = SourceProblem(source=error.source, code=error.code, message=str(error))
            problems += [] if problem in problems else [problem]
            continue
        looks[source] = {"look": look, "rows": found}
        rows += [(novel_id, number, paragraphs, source) for novel_id, number, paragraphs in found]
    if looks:
        store.write(SOURCES_FILE, json.dumps({"form": _FORM, "sources": looks}).encode())
    return SourceInventory(
        has_sources=bool(fingerprints),
        chapters=pd.DataFrame(rows, columns=["novel_id", "number", "paragraphs", "source"]),
        known_ids=frozenset(index.sources) | frozenset(index.duplicates),
        problems=tuple(problems),
    )


def _read(catalog: NovelCatalog, source: str) -> Rows:
    return [
        (novel.novel_id, chapter.number, len(chapter.paragraphs))
        for novel in catalog.novels_in(source)
        for chapter in novel.chapters
    ]


def _read_known(data: bytes | None) -> Mapping[str, dict[str, Any]]:
    """Return what was kept; anything else than that is nothing, and everything is read."""
    try:
        document = json.loads(data or b"{}")
        sources = document["sources"] if document["form"] == _FORM else {}
        return {
            str(source): {
                "look": str(kept["look"]),
                "rows": [(str(n), int(c), int(p)) for n, c, p in kept["rows"]],
            }
            for source, kept in sources.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
