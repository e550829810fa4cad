"""The sensor that finds new and changed chapters."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from novel_audio_pipeline.defs.discovery import changed_sources
from novel_audio_pipeline.defs.partitions import chapters, known_chapters
from novel_audio_pipeline.defs.resources import NovelCatalogResource, clock
from novel_audio_pipeline.defs.sensor_memory import SensorMemory
from novel_audio_pipeline.defs.under_way import narration_under_way
from novel_audio_pipeline.defs.versions import (
    changed_chapters,
    observed_digests,
    text_observation,
)
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import ChapterKey

OBSERVATIONS_AT_ONCE = 1500  # each costs 4-10 ms when it is written
PARTITIONS_AT_ONCE = 50_000  # cheap, but SQLite takes 250,000 values in one statement
READING_TIME_S = 15.0  # of the 60 s that a tick may take; writing comes on top


@dg.sensor(
    name="new_chapters_sensor",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Looks at the novels folder: a new chapter becomes a partition, a new or changed text is "
        "observed. It starts no run: select chapters and materialize them. A chapter that has been "
        "in no source for ten minutes stops being a partition once nothing is narrating; its audio "
        "stays."
    ),
)
def new_chapters_sensor(
    context: dg.SensorEvaluationContext, novel_catalog: NovelCatalogResource
) -> dg.SensorResult:
    """Add partitions for new chapters and observe new and changed texts, at most 1,500 a tick.

    All chapters of the sources that were read become partitions at once, so that they can be
    narrated while the observations of a large library are still being written. A tick over unchanged
    sources reads none of them. A tick that is repeated does no harm.
    """
    memory = SensorMemory.parse(context.cursor)
    catalog = novel_catalog.open()
    known = known_chapters(context.instance)
    found = _read_page(context.instance, catalog, memory, known)
    sources = list(catalog.fingerprints())
    memory.forget_sources(sources)
    gone = memory.gone(known, sources, now=clock())[:OBSERVATIONS_AT_ONCE]
    if gone and (busy := narration_under_way(context.instance)) is not None:
        found.told.append(f"{len(gone)} chapters are in no source; waiting for {busy}")
        gone = []
    elif gone:
        found.told.append(f"{len(gone)} chapters that no source has are no partitions any more")
    requests = [chapters.build_add_request([str(key) for key in found.added])]
    return dg.SensorResult(
        asset_events=[text_observation(key, digest) for key, digest in found.page.items()],
        dynamic_partitions_requests=[
            *requests,
            *([chapters.build_delete_request(gone)] if gone else []),
        ],
        cursor=memory.cursor(),
        skip_reason="; ".join(found.told) or "No source has changed.",
    )


@dataclass(slots=True)
class _Found:
    """What one tick has found.

    Attributes:
        page: Digests of the chapters to observe.
        added: Chapters to make partitions of, in order.
        told: Sentences for its row in the UI.
    """

    page: dict[ChapterKey, str] = field(default_factory=dict)
    added: list[ChapterKey] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether no more is observed in this tick."""
        return len(self.page) >= OBSERVATIONS_AT_ONCE


def _read_page(
    instance: dg.DagsterInstance,
    catalog: NovelCatalog,
    memory: SensorMemory,
    known: Sequence[str],
) -> _Found:
    """Read changed sources until the time is over; note them in the memory.

    Once the page is full, only sources that were never read are, for their chapters' keys.
    """
    observed: Mapping[str, str] | None = None
    partitions = frozenset(known)
    found, problems, count = _Found(), list[str](), 0
    started = time.monotonic()
    for reading in changed_sources(
        catalog,
        known=memory.looks,
        wanted=lambda source: not found.is_full or source not in memory.chapters,
    ):
        if observed is None:  # costs a second in a large library, which an idle tick does not need
            observed = observed_digests(instance)
        changed = changed_chapters(reading.digests, observed=observed, known=partitions)
        taken = dict(list(changed.items())[: OBSERVATIONS_AT_ONCE - len(found.page)])
        found.page |= taken
        new = [key for key in reading.digests if str(key) not in partitions]
        found.added += new[:PARTITIONS_AT_ONCE]
        problems += reading.problems
        count += 1
        if not reading.problems:
            memory.record(reading.source, reading.digests)
        if len(taken) == len(changed) and not reading.problems:
            memory.looks[reading.source] = reading.look
        if len(found.added) >= PARTITIONS_AT_ONCE or time.monotonic() - started > READING_TIME_S:
            break
    if count:
        more = f"; {len(found.added)} chapters are new, more texts follow" if found.is_full else ""
        found.told.append(
            f"{count} new or changed sources read, {len(found.page)} new or changed chapters "
            f"recorded{more}"
        )
    found.told += problems
    return found
