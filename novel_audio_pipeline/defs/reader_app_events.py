"""What Dagster is told of a published chapter, and what it remembers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import dagster as dg

from novel_audio_pipeline.defs.instance import open_instance
from novel_audio_pipeline.defs.partitions import known_chapters
from novel_audio_pipeline.defs.versions import (
    DATA_VERSION_TAG,
    ORGANIZED_AUDIO,
    SeenVersion,
    provenance,
)
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.reader_app.outcome import PublishedChapter

READER_APP_AUDIO = dg.AssetKey("reader_app_audio")
CODE_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Organized:
    """That a chapter was organized.

    Attributes:
        partition: Its key.
        storage_id: Of the event.
    """

    partition: str
    storage_id: int


def organized_since(
    instance: dg.DagsterInstance, storage_id: int | None, *, limit: int
) -> Iterator[Organized]:
    """Yield the chapters that were organized after an event, in order, at most ``limit``."""
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(ORGANIZED_AUDIO, after_storage_id=storage_id),
        limit=limit,
        ascending=True,
    )
    for record in found.records:
        if record.partition_key is not None:
            yield Organized(record.partition_key, record.storage_id)


def published_event(
    instance: dg.DagsterInstance, chapter: PublishedChapter
) -> dg.AssetMaterialization:
    """Return the materialization of a published chapter, tied to the audio it was made from."""
    return dg.AssetMaterialization(
        READER_APP_AUDIO,
        partition=str(chapter.key),
        metadata={
            "paragraphs_playable": dg.MetadataValue.int(chapter.audio),
            "paragraphs_skipped": dg.MetadataValue.int(chapter.skipped),
            "rows_written": dg.MetadataValue.int(chapter.written),
            "rows_replaced": dg.MetadataValue.int(chapter.replaced),
            "rows_withdrawn": dg.MetadataValue.int(chapter.withdrawn),
            "link": dg.MetadataValue.text(chapter.link),
            "audio_seconds": dg.MetadataValue.float(round(chapter.seconds, 3)),
            "audio_bytes": dg.MetadataValue.int(chapter.size_bytes),
        },
        tags=provenance(
            version=chapter.version,
            code_version=CODE_VERSION,
            upstream=ORGANIZED_AUDIO,
            seen=_organized(instance, chapter.key),
        ),
    )


def report_published(chapters: Iterable[PublishedChapter]) -> None:
    """Tell the instance that ``DAGSTER_HOME`` names of chapters published outside of a run.

    Chapters that it does not know as partitions are left out.
    """
    with open_instance() as instance:
        known = frozenset(known_chapters(instance))
        for chapter in chapters:
            if str(chapter.key) in known:
                instance.report_runless_asset_event(published_event(instance, chapter))


def _organized(instance: dg.DagsterInstance, key: ChapterKey) -> SeenVersion | None:
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(ORGANIZED_AUDIO, asset_partitions=[str(key)]), limit=1
    )
    for record in found.records:
        event = record.asset_materialization
        if event is not None and event.tags and DATA_VERSION_TAG in event.tags:
            return SeenVersion(event.tags[DATA_VERSION_TAG], record.storage_id)
    return None
