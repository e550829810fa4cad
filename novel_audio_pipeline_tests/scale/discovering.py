"""First discovery and the ticks after it, in this process: what a tick costs before Dagster writes it."""

import time
from dataclasses import dataclass, field

import dagster as dg

from novel_audio_pipeline.defs.partitions import add_chapters
from novel_audio_pipeline.defs.resources import NovelCatalogResource
from novel_audio_pipeline.defs.sensors import new_chapters_sensor
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline_tests.scale.house import ScaleHouse


@dataclass(slots=True)
class Discovery:
    """What the first discovery of a library took.

    Attributes:
        pages: Chapters in each tick that found some.
        seconds: That each of these ticks took, without the writing of its events.
        cursor: After the last tick.
    """

    pages: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cursor: str | None = None


def discover(house: ScaleHouse, instance: dg.DagsterInstance) -> Discovery:
    """Evaluate the sensor until it finds nothing more; write what it asks for in bulk."""
    chapters = {chapter.key: chapter for chapter in house.chapters()}
    records = house.template()
    found = Discovery()
    while True:
        result, seconds = tick(house, instance, found.cursor)
        found.cursor = result.cursor
        keys = [str(event.partition) for event in result.asset_events]
        if not keys:
            return found
        found.pages.append(len(keys))
        found.seconds.append(seconds)
        for request in result.dynamic_partitions_requests or ():
            add_chapters(instance, map(ChapterKey.parse, request.partition_keys))
        records.observe([chapters[key] for key in keys])


def tick(
    house: ScaleHouse, instance: dg.DagsterInstance, cursor: str | None
) -> tuple[dg.SensorResult, float]:
    """Evaluate the sensor once; return its result and the seconds it took."""
    catalog = NovelCatalogResource(environment=house.environment)
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"novel_catalog": catalog}
    )
    started = time.perf_counter()
    result = new_chapters_sensor(context)
    seconds = time.perf_counter() - started
    assert isinstance(result, dg.SensorResult)
    return result, seconds
