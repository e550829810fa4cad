"""The partitions: one per chapter, ``{novel_id}/{number:04d}``. What the keys mean is novels/model."""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from novel_audio_pipeline.novels.model import ChapterKey

chapters = dg.DynamicPartitionsDefinition(name="chapters")
CHAPTERS_PER_RUN = 25

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


def range_tags(first: str, last: str) -> dict[str, str]:
    """Return the tags that make a run of an asset job one over a range of partitions."""
    return {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }


def contiguous_ranges(
    wanted: set[str], known: Sequence[str], *, longest: int = CHAPTERS_PER_RUN
) -> Iterator[tuple[str, str]]:
    """Yield first and last key of each unbroken stretch of wanted keys, cut to a length.

    Args:
        wanted: Partition keys to cover; each must be known.
        known: All partition keys in the order in which they were added, which ranges follow.
        longest: Most keys in a range.
    """
    stretch: list[str] = []
    for key in [*known, None]:
        if key is not None and key in wanted:
            stretch.append(key)
        if stretch and (key not in wanted or len(stretch) == longest):
            yield stretch[0], stretch[-1]
            stretch = []
