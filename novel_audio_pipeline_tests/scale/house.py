"""A home with any number of chapters: sources on disk, partitions, records, audio; and what runs in it."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psutil

from novel_audio_pipeline.defs.partitions import CHAPTERS_PER_RUN, known_chapters
from novel_audio_pipeline.defs.versions import (
    CACHED_TTS_AUDIO,
    ORGANIZED_AUDIO,
    latest_materialization_id,
    narrated_digests,
    observed_digests,
    organized_versions,
)
from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.settings import Settings, read_settings
from novel_audio_pipeline_tests.cli.homes import Home
from novel_audio_pipeline_tests.scale.records import BulkRecords
from novel_audio_pipeline_tests.scale.sources import (
    Chapter,
    Size,
    chapter_of,
    novel_id,
    write_audio,
    write_novel,
)
from novel_audio_pipeline_tests.trials.up import free_port
from novel_audio_pipeline_tests.trials.web import wait_for

# Speech at once: what is measured is everything around it.
NULL_ENGINE = {"NOVEL_AUDIO_MODEL": "tone", "TTS_ENGINE": "tone", "TTS_TONE_REAL_TIME": "0"}


@dataclass(frozen=True, slots=True)
class ScaleHouse:
    """A home of a size, with Dagster's records."""

    home: Home
    size: Size

    @property
    def environment(self) -> dict[str, str]:
        """Settings of everything that runs here."""
        return {**NULL_ENGINE, "NOVEL_AUDIO_HOME": str(self.home.path)}

    @property
    def settings(self) -> Settings:
        return read_settings(self.environment)

    @property
    def catalog(self) -> NovelCatalog:
        return NovelCatalog(self.settings.novels_dir, speech=self.settings.speech)

    @property
    def library(self) -> AudioLibrary:
        return open_library(self.settings.library_dir)

    @contextlib.contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Open the instance that the home's programs use."""
        with dg.DagsterInstance.local_temp(
            str(self.settings.dagster_dir), overrides={"telemetry": {"enabled": False}}
        ) as instance:
            yield instance

    def chapters(self) -> Iterator[Chapter]:
        """Yield every chapter there is, in order."""
        catalog = self.catalog
        for name in self.size.ids():
            yield from (chapter_of(script) for script in catalog.scripts(name))

    def narrated(self) -> Iterator[Chapter]:
        """Yield the chapters that are narrated."""
        return (c for c in self.chapters() if int(c.key.rpartition("/")[2]) <= self.size.narrated)

    def template(self) -> BulkRecords:
        """Return a writer of records that copies what the first narration left."""
        first = self.catalog.scripts(novel_id(1))[:CHAPTERS_PER_RUN]
        return BulkRecords(self.settings.dagster_dir, [chapter_of(script) for script in first])


def house_in(folder: Path, size: Size) -> ScaleHouse:
    """Return the house in a folder, which need not be there yet."""
    assert size.narrated % CHAPTERS_PER_RUN == 0
    assert CHAPTERS_PER_RUN <= size.narrated < size.chapters
    return ScaleHouse(Home(folder / "home"), size)


def write_sources(house: ScaleHouse) -> None:
    """Write the novels, and narrate 25 chapters of the first as anyone would."""
    house.home.novels.mkdir(parents=True)
    size = house.size
    for number in range(1, size.novels + 1):
        write_novel(house.home.novels, number, size.chapters)
    narrate(house, novel_id(1), f"1-{CHAPTERS_PER_RUN}")


def narrate(house: ScaleHouse, novel: str, chapters: str) -> None:
    done = house.home.run("narrate", novel, "--chapters", chapters, **NULL_ENGINE)
    assert done.returncode == 0, done.stderr


def fill_records(house: ScaleHouse) -> None:
    """Write that the narrated chapters are; the last 25 of them are narrated in truth.

    So what Dagster keeps of each asset's last materialization is its own work.
    """
    last = novel_id(house.size.novels)
    end = house.size.narrated
    for_real = {f"{last}/{n:04d}" for n in range(end - CHAPTERS_PER_RUN + 1, end + 1)}
    already = {f"{novel_id(1)}/{n:04d}" for n in range(1, CHAPTERS_PER_RUN + 1)}
    copied = [c for c in house.narrated() if c.key not in for_real | already]
    house.template().materialize(copied)
    narrate(house, last, f"{end - CHAPTERS_PER_RUN + 1}-{end}")


def fill_library(house: ScaleHouse) -> None:
    """Write the audio of the narrated chapters, but for those that were narrated in truth."""
    catalog, size = house.catalog, house.size
    for name in size.ids():
        first = CHAPTERS_PER_RUN if name == novel_id(1) else 0
        end = size.narrated - (CHAPTERS_PER_RUN if name == novel_id(size.novels) else 0)
        write_audio(house.settings.library_dir, catalog.scripts(name)[first:end])


def look_back(house: ScaleHouse, instance: dg.DagsterInstance) -> dict[str, int]:
    """Read through Dagster's own interface what was written past it; return what there is.

    Raises:
        AssertionError: If it is not what Dagster would have written.
    """
    chapters = {c.key: c for c in house.chapters()}
    narrated = {c.key: c.digest for c in house.narrated()}
    assert set(known_chapters(instance)) == chapters.keys()
    assert observed_digests(instance) == {key: c.digest for key, c in chapters.items()}
    assert narrated_digests(instance) == narrated
    assert organized_versions(instance).keys() == narrated.keys()
    for asset in (CACHED_TTS_AUDIO, ORGANIZED_AUDIO):
        assert instance.get_materialized_partitions(asset) == narrated.keys()
    for key in list(narrated)[:: max(1, len(narrated) // 50)]:
        _require_tied(instance, chapters[key])
    runs = instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
    assert runs == len(narrated) // CHAPTERS_PER_RUN
    return {"chapters": len(chapters), "narrated": len(narrated), "runs": runs}


def _require_tied(instance: dg.DagsterInstance, chapter: Chapter) -> None:
    """Require that a chapter's materializations tell what they were made from, and of which run."""
    key = ChapterKey.parse(chapter.key)
    filters = {
        asset: dg.AssetRecordsFilter(asset, asset_partitions=[chapter.key])
        for asset in (CACHED_TTS_AUDIO, ORGANIZED_AUDIO)
    }
    (organized,) = instance.fetch_materializations(filters[ORGANIZED_AUDIO], limit=1).records
    made = organized.asset_materialization
    assert made is not None
    assert made.metadata["folder"].value == chapter.folder
    tags = made.tags or {}
    cached_id = latest_materialization_id(instance, CACHED_TTS_AUDIO, key)
    assert tags["dagster/input_event_pointer/cached_tts_audio"] == str(cached_id)
    assert tags["dagster/input_data_version/cached_tts_audio"] == chapter.digest
    run = instance.get_run_by_id(organized.run_id)
    assert run is not None
    first, last = (run.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
    assert first <= chapter.key <= last


@dataclass(frozen=True, slots=True)
class Running:
    """``novel-audio up`` in a house.

    Attributes:
        url: Of the web UI.
        process: The command.
    """

    url: str
    process: psutil.Process

    def ask(self, query: str, **variables: Any) -> Any:
        """Return the data that a GraphQL query gives."""
        answer = httpx.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=120
        )
        document = answer.json()
        assert "errors" not in document, document["errors"]
        return document["data"]

    def cpu_s(self) -> float:
        """Return the CPU seconds of everything it runs or has run so far, runs included."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(sum(member.cpu_times()[:4]) for member in family)


@contextlib.contextmanager
def up(house: ScaleHouse) -> Iterator[Running]:
    """Run ``novel-audio up``: the backend, Dagster's daemon, the web UI; stop all of them."""
    port = free_port()
    environ = house.home.environ(**NULL_ENGINE, API_PORT=str(free_port()))
    with (house.home.path / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "novel_audio_pipeline", "up", "--ui-port", str(port)],
            env=environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    running = Running(f"http://127.0.0.1:{port}", psutil.Process(process.pid))
    try:
        wait_for(
            lambda: httpx.get(f"{running.url}/server_info").is_success,
            timeout_s=120,
            what="the web UI",
        )
        yield running
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(90)
        _, alive = psutil.wait_procs(family, timeout=10)
        for left in alive:
            left.kill()
