"""The partitions: one per chapter, ``{novel_id}/{number:04d}``. What the keys mean is novels/model."""

from collections.abc import Iterable

import dagster as dg

from novel_audio_pipeline.novels.model import ChapterKey

chapters = dg.DynamicPartitionsDefinition(name="chapters")

# SQLite takes 250,000 values in one statement; keys are added in pages well below.
_PAGE = 10_000


def known_chapters(instance: dg.DagsterInstance) -> list[str]:
    """Return all partition keys in the order in which they were added, which ranges follow."""
    return list(instance.get_dynamic_partitions(str(chapters.name)))


def add_chapters(instance: dg.DagsterInstance, keys: Iterable[ChapterKey]) -> None:
    """Add chapters as partitions; those that are there already stay where they are."""
    texts = [str(key) for key in keys]
    for start in range(0, len(texts), _PAGE):
        instance.add_dynamic_partitions(str(chapters.name), texts[start : start + _PAGE])


def chapter_keys(texts: Iterable[str]) -> tuple[list[ChapterKey], list[str]]:
    """Return the chapter keys among partition keys, and those that are none (added by hand)."""
    keys, others = [], []
    for text in texts:
        try:
            keys.append(ChapterKey.parse(text))
        except ValueError:
            others.append(text)
    return keys, others
