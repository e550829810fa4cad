"""A home with novels, a served backend, and a Dagster instance of its own, for tests of assets."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from novel_audio_pipeline.defs.assets import chapter_text, narrate_chapters
from novel_audio_pipeline.defs.jobs import narrate_job
from novel_audio_pipeline.defs.partitions import known_chapters
from novel_audio_pipeline.defs.resources import (
    AudioLibraryResource,
    NovelCatalogResource,
    TtsBackendResource,
)
from novel_audio_pipeline.defs.sensors import new_chapters_sensor
from novel_audio_pipeline.narration.listener import NarrationListener
from novel_audio_pipeline_tests.tts_backend.serving import CountingEngine, Served, served

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dataclass
class Surroundings:
    """Everything an asset needs."""

    home: Path
    backend: Served
    instance: dg.DagsterInstance
    environment: dict[str, str]

    def write(self, name: str, *chapters: list[str]) -> None:
        """Write a novel: each chapter a list of paragraphs."""
        parts = [
            "\n\n".join([f"Chương {number}", *paragraphs])
            for number, paragraphs in enumerate(chapters, start=1)
        ]
        novels = self.home / "novels"
        (novels / f"{name}.txt").write_text("\n\n".join(parts), encoding="utf-8")
        (novels / f"{name}.toml").write_text('language = "vi"\n', encoding="utf-8")

    @property
    def resources(self) -> dict[str, object]:
        return {
            "novel_catalog": NovelCatalogResource(environment=self.environment),
            "audio_library": AudioLibraryResource(environment=self.environment),
            "tts_backend": TtsBackendResource(environment=self.environment),
            "narration_listener": NarrationListener(),
        }

    @property
    def definitions(self) -> dg.Definitions:
        return dg.Definitions(
            assets=[chapter_text, narrate_chapters],
            jobs=[narrate_job],
            sensors=[new_chapters_sensor],
            resources=self.resources,
            executor=dg.in_process_executor,
        )

    def tick(self, cursor: str | None = None) -> dg.SensorResult:
        """Evaluate the sensor and carry out what it asks for, as the daemon does."""
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=cursor,
            resources={"novel_catalog": self.resources["novel_catalog"]},
        )
        result = new_chapters_sensor(context)
        assert isinstance(result, dg.SensorResult)
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        for request in result.dynamic_partitions_requests or ():
            if isinstance(request, dg.DeleteDynamicPartitionsRequest):
                for key in request.partition_keys:
                    self.instance.delete_dynamic_partition("chapters", key)
            else:
                self.instance.add_dynamic_partitions("chapters", list(request.partition_keys))
        return result

    def narrate(self, first: str, last: str | None = None) -> dg.ExecuteInProcessResult:
        """Run the job over a range of chapters."""
        return self.definitions.resolve_job_def("narrate_job").execute_in_process(
            instance=self.instance,
            tags={RANGE_START: first, RANGE_END: last or first},
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    def materialized(self, asset: str) -> set[str]:
        return set(self.instance.get_materialized_partitions(dg.AssetKey(asset)))

    def metadata(self, asset: str, partition: str) -> Mapping[str, object]:
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[partition]), limit=1
        ).records
        materialization = records[0].asset_materialization
        assert materialization is not None
        return {name: value.value for name, value in materialization.metadata.items()}

    def known(self) -> list[str]:
        return known_chapters(self.instance)

    def asked(self) -> int:
        """Return how many requests the engine has spoken since the last look."""
        engine = self.backend.engine
        assert isinstance(engine, CountingEngine)
        count = len(engine.spoken)
        engine.spoken.clear()
        return count


@contextlib.contextmanager
def surroundings(root: Path) -> Iterator[Surroundings]:
    """Serve a backend and open an instance below a folder."""
    home = root / "home"
    (home / "novels").mkdir(parents=True)
    (root / "dagster").mkdir()
    with (
        served(root) as backend,
        dg.DagsterInstance.local_temp(
            str(root / "dagster"), overrides={"telemetry": {"enabled": False}}
        ) as instance,
    ):
        environment = {
            "NOVEL_AUDIO_HOME": str(home),
            "TTS_BACKEND_URL": backend.url,
            "TTS_BACKEND_WAIT_S": "0",
            "NOVEL_AUDIO_MODEL": "tone",
        }
        yield Surroundings(home, backend, instance, environment)
