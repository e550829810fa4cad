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

OBSERVATIONS_AT_ONCE = 500  # each costs 10-30 ms when it is written
READING_TIME_S = 20.0  # of the 60 s that a tick may take


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
    """Add partitions for new chapters and observe new and changed texts, at most 500 a tick.

    A tick over unchanged sources reads none of them. A tick that is repeated does no harm.
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
    keys = [str(key) for key in found.page]
    requests = [chapters.build_add_request(keys)]
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
    """What one tick has found: chapters to record, and sentences for its row in the UI."""

    page: dict[ChapterKey, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def _read_page(
    instance: dg.DagsterInstance,
    catalog: NovelCatalog,
    memory: SensorMemory,
    known: Sequence[str],
) -> _Found:
    """Read changed sources until the page is full or the time is over; note them in the memory."""
    observed: Mapping[str, str] | None = None
    found, problems, count = _Found(), list[str](), 0
    started = time.monotonic()
    for reading in changed_sources(catalog, known=memory.looks):
        if (
            observed is None
        ):  # a second and more in a large library, which an idle tick need not take
            observed = observed_digests(instance)
        changed = changed_chapters(reading.digests, observed=observed, known=known)
        taken = dict(list(changed.items())[: OBSERVATIONS_AT_ONCE - len(found.page)])
        found.page |= taken
        problems += reading.problems
        count += 1
        if not reading.problems:
            memory.record(reading.source, reading.digests)
        if len(taken) == len(changed) and not reading.problems:
            memory.looks[reading.source] = reading.look
        if len(found.page) >= OBSERVATIONS_AT_ONCE or time.monotonic() - started > READING_TIME_S:
            break
    if count:
        more = "; more follow in the next tick" if len(found.page) >= OBSERVATIONS_AT_ONCE else ""
        found.told.append(
            f"{count} new or changed sources read, {len(found.page)} new or changed chapters "
            f"recorded{more}"
        )
    found.told += problems
    return found
