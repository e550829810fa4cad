"""Upkeep on a Dagster instance of its own, for tests."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from novel_audio_pipeline.defs.resources import NovelCatalogResource, TtsCacheResource
from novel_audio_pipeline.defs.upkeep_assets import orphan_report, tts_cache_expiry
from novel_audio_pipeline.defs.upkeep_jobs import (
    storage_upkeep_job,
    storage_upkeep_schedule,
    tts_cache_expiry_job,
)
from novel_audio_pipeline.defs.upkeep_sensor import tts_cache_expiry_sensor
from novel_audio_pipeline.upkeep.listener import UpkeepListener
from novel_audio_pipeline_tests.upkeep.places import House

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class UpkeepHouse:
    """Cache, library, novels, and an instance that remembers."""

    house: House
    instance: dg.DagsterInstance
    environment: dict[str, str]
    listener: UpkeepListener

    @property
    def definitions(self) -> dg.Definitions:
        return dg.Definitions(
            assets=[tts_cache_expiry, orphan_report],
            jobs=[tts_cache_expiry_job, storage_upkeep_job],
            schedules=[storage_upkeep_schedule],
            sensors=[tts_cache_expiry_sensor],
            executor=dg.in_process_executor,
            resources={
                "tts_cache": TtsCacheResource(environment=self.environment),
                "novel_catalog": NovelCatalogResource(environment=self.environment),
                "upkeep_listener": self.listener,
            },
        )

    def run(self, job: str, **tags: str) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, run_config=QUIET, tags=tags
        )

    def tick(self, cursor: str | None = None) -> dg.SensorResult:
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=cursor,
            resources={"tts_cache": TtsCacheResource(environment=self.environment)},
        )
        result = tts_cache_expiry_sensor(context)
        assert isinstance(result, dg.SensorResult)
        return result

    def told(self, cursor: str | None = None) -> str:
        """Return why a tick asked for nothing."""
        result = self.tick(cursor)
        assert not result.run_requests
        assert result.skip_reason is not None
        return str(result.skip_reason.skip_message)

    def metadata(self, asset: str) -> dict[str, object]:
        event = self.instance.get_latest_materialization_event(dg.AssetKey(asset))
        assert event is not None
        assert event.asset_materialization is not None
        return {
            name: [row.data for row in value.records]
            if isinstance(value, dg.TableMetadataValue)
            else value.value
            for name, value in event.asset_materialization.metadata.items()
        }

    def checks(self, result: dg.ExecuteInProcessResult) -> dict[str, bool]:
        return {one.check_name: one.passed for one in result.get_asset_check_evaluations()}


@contextlib.contextmanager
def upkeep_house(root: Path, **environment: str) -> Iterator[UpkeepHouse]:
    """Open an instance and a house below a folder; the house's now is the system's."""
    (root / "dagster").mkdir()
    overrides = {"telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(root / "dagster"), overrides=overrides) as instance:
        yield UpkeepHouse(
            House(root, datetime.now(UTC) - timedelta(seconds=1)),
            instance,
            {"NOVEL_AUDIO_HOME": str(root), **environment},
            UpkeepListener(),
        )
