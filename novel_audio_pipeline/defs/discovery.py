"""Reading the sources that changed: for the sensor that finds new chapters."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from novel_audio_pipeline.errors import NotFoundError, SourceError
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import ChapterKey


@dataclass(frozen=True, slots=True)
class SourceReading:
    """What reading one source has shown.

    Attributes:
        source: Its path.
        look: What it looked like, as text that changes when its file or our settings do.
        digests: Digest of the script of each of its chapters.
        problems: A sentence for what could not be read.
    """

    source: str
    look: str
    digests: Mapping[ChapterKey, str]
    problems: tuple[str, ...]


def changed_sources(
    catalog: NovelCatalog, *, known: Mapping[str, str], wanted: Callable[[str], bool]
) -> Iterator[SourceReading]:
    """Read one by one the sources that look different from what is known.

    Args:
        catalog: The novels.
        known: What each source looked like when it was read last, by path.
        wanted: Whether a source is to be read, by path; asked when its turn has come.

    Raises:
        StorageError: If the novels folder cannot be read, which is not the same as being empty.
    """
    for source, look in source_looks(catalog).items():
        if known.get(source) != look and wanted(source):
            yield _read_source(catalog, source, look)


def source_looks(catalog: NovelCatalog) -> dict[str, str]:
    """Return for each source a text that changes when its file or the speech settings change."""
    speech = catalog.speech
    settings = json.dumps(
        [speech.model, sorted(speech.voices.items()), speech.speed, speech.max_chars]
    )
    return {
        path: hashlib.sha256(f"{fingerprint}|{settings}".encode()).hexdigest()[:16]
        for path, fingerprint in catalog.fingerprints().items()
    }


def _read_source(catalog: NovelCatalog, source: str, look: str) -> SourceReading:
    """Return the chapters of one source; what cannot be read becomes a problem."""
    digests: dict[ChapterKey, str] = {}
    problems: list[str] = []
    try:
        for novel in catalog.novels_in(source):
            try:
                digests.update({s.key: s.digest for s in catalog.scripts_of(novel)})
            except SourceError as error:
                problems.append(str(error))
    except (SourceError, NotFoundError) as error:
        problems.append(str(error))
    return SourceReading(source=source, look=look, digests=digests, problems=tuple(problems))
