"""The sensor that finds new and changed chapters."""

import json
import time

import dagster as dg

from novel_audio_pipeline.defs.discovery import changed_sources
from novel_audio_pipeline.defs.partitions import chapters, known_chapters
from novel_audio_pipeline.defs.resources import NovelCatalogResource
from novel_audio_pipeline.defs.versions import (
    changed_chapters,
    observed_digests,
    text_observation,
)
from novel_audio_pipeline.novels.model import ChapterKey

OBSERVATIONS_AT_ONCE = 500  # each costs 10-30 ms when it is written
READING_TIME_S = 20.0  # of the 60 s that a tick may take


@dg.sensor(
    name="new_chapters_sensor",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Looks at the novels folder: a new chapter becomes a partition, a new or changed text is "
        "observed. It starts no run: select chapters and materialize them."
    ),
)
def new_chapters_sensor(
    context: dg.SensorEvaluationContext, novel_catalog: NovelCatalogResource
) -> dg.SensorResult:
    """Add partitions for new chapters and observe new and changed texts, at most 500 a tick.

    The cursor holds what each source looked like when all of its chapters had been recorded, so a
    tick over unchanged sources reads none of them. A tick that is repeated does no harm.
    """
    looks: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    observed = observed_digests(context.instance)
    known = known_chapters(context.instance)
    page: dict[ChapterKey, str] = {}
    problems: list[str] = []
    sources = 0
    started = time.monotonic()
    for reading in changed_sources(novel_catalog.open(), known=looks):
        changed = changed_chapters(reading.digests, observed=observed, known=known)
        taken = dict(list(changed.items())[: OBSERVATIONS_AT_ONCE - len(page)])
        page |= taken
        problems += reading.problems
        sources += 1
        if len(taken) == len(changed):
            looks[reading.source] = reading.look
        if len(page) >= OBSERVATIONS_AT_ONCE or time.monotonic() - started > READING_TIME_S:
            break
    return dg.SensorResult(
        asset_events=[text_observation(key, digest) for key, digest in page.items()],
        dynamic_partitions_requests=[chapters.build_add_request([str(key) for key in page])],
        cursor=json.dumps(looks),
        skip_reason=_summary(sources, len(page), problems),
    )


def _summary(sources: int, recorded: int, problems: list[str]) -> str:
    """Return what the tick saw, for its row in the UI."""
    if not sources:
        return "No source has changed."
    more = "; more follow in the next tick" if recorded >= OBSERVATIONS_AT_ONCE else ""
    told = f"{sources} new or changed sources read, {recorded} new or changed chapters recorded"
    return "; ".join([told + more, *problems])
