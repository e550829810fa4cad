"""The resources: the only place of the Dagster side that reads the environment.

Each holds configuration and lifetime, and vends a plain object of the domain.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePosixPath

import dagster as dg

from novel_audio_pipeline.errors import UnavailableError
from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.narration.listener import NarrationListener
from novel_audio_pipeline.narration.narrate import NarrationSettings
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.settings import Settings, read_settings
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.tts_client.embedded import EmbeddedBackend
from novel_audio_pipeline.upkeep.cache_place import CachePlace, cache_place
from novel_audio_pipeline.upkeep.listener import UpkeepListener
from novel_audio_pipeline.upkeep.notifier import hand_over


def _settings(overrides: dict[str, str]) -> Settings:
    return read_settings({**os.environ, **overrides})


class NovelCatalogResource(dg.ConfigurableResource[None]):
    """The novels: EPUB, text files and reader databases of the novels folder.

    ``environment`` overrides settings of the environment by name.
    """

    environment: dict[str, str] = {}  # noqa: RUF012  (a pydantic field, copied for each object)

    def open(self) -> NovelCatalog:
        """Return a catalog; nothing is read yet."""
        settings = _settings(self.environment)
        return NovelCatalog(
            settings.novels_dir, reader_database=settings.reader_database, speech=settings.speech
        )


class AudioLibraryResource(dg.ConfigurableResource[None]):
    """The permanent library.

    ``environment`` overrides settings of the environment by name.
    """

    environment: dict[str, str] = {}  # noqa: RUF012  (a pydantic field, copied for each object)

    def open(self) -> AudioLibrary:
        """Return the library; its folder need not exist yet."""
        return open_library(_settings(self.environment).library_dir)


class TtsCacheResource(dg.ConfigurableResource[None]):
    """The TTS cache as upkeep reaches it: its folder, the backend's listing, or both.

    ``environment`` overrides settings of the environment by name.
    """

    environment: dict[str, str] = {}  # noqa: RUF012  (a pydantic field, copied for each object)

    def open(self) -> CachePlace:
        """Return where it lies; nothing is looked at yet."""
        return cache_place(_settings(self.environment))


class TtsBackendResource(dg.ConfigurableResource[None]):
    """The TTS backend: the one at ``TTS_BACKEND_URL``, else an embedded one while it is needed.

    ``environment`` overrides settings of the environment by name.
    """

    environment: dict[str, str] = {}  # noqa: RUF012  (a pydantic field, copied for each object)

    @contextmanager
    def running(self) -> Iterator[NarrationSettings]:
        """Yield how the backend is asked, as soon as it can be; end the embedded one after."""
        settings = _settings(self.environment)
        if settings.backend_url is not None:
            yield _narration_settings(settings, settings.backend_url)
            return
        log_path = settings.home / "logs" / "tts_backend.log"
        folders = {
            "NOVEL_AUDIO_LIBRARY_DIR": str(settings.library_dir),
            "NOVEL_AUDIO_NOVELS_DIR": str(settings.novels_dir),
        }
        with EmbeddedBackend(
            cache_dir=settings.cache_dir, log_path=log_path, settings=folders
        ) as backend:
            yield _narration_settings(settings, backend.url)


class FailureNotifier(dg.ConfigurableResource[None]):
    """Where the page about a failed run goes: to a file, and to ``NOVEL_AUDIO_NOTIFY_COMMAND``.

    ``environment`` overrides settings of the environment by name.
    """

    environment: dict[str, str] = {}  # noqa: RUF012  (a pydantic field, copied for each object)

    def notify(self, run_id: str, page: str) -> str | None:
        """Write the page durably, then hand it to the command, if one is set.

        Returns:
            A line for the tick's log, or None.

        Raises:
            UnavailableError: If the command did not work; the page is written all the same.
        """
        settings = _settings(self.environment)
        path = PurePosixPath("failures") / f"{run_id}.md"
        LocalFileStore(settings.reports_dir).write(path, page.encode())
        place = settings.reports_dir / path
        if settings.notify_command:
            facts = {"NOVEL_AUDIO_FAILED_RUN": run_id, "NOVEL_AUDIO_FAILURE_PAGE": str(place)}
            if problem := hand_over(page, settings.notify_command, facts=facts):
                raise UnavailableError(f"{problem}. The page is {place}")
        return f"what failed and what to do: {place}"


def _narration_settings(settings: Settings, url: str) -> NarrationSettings:
    return NarrationSettings(
        backend_url=url,
        backend_token=settings.backend_token,
        backend_wait=settings.backend_wait,
        cache_ttl=settings.cache_ttl,
        concurrency=settings.concurrency,
        evict=settings.evict,
        cache_dir=settings.cache_dir,
        reports_dir=settings.reports_dir,
    )


def clock() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


@dg.definitions
def resources() -> dg.Definitions:
    """The resources under the names that assets and sensors ask for."""
    return dg.Definitions(resources=default_resources())


def default_resources() -> dict[str, object]:
    """Return the resources by name."""
    return {
        "novel_catalog": NovelCatalogResource(),
        "audio_library": AudioLibraryResource(),
        "tts_backend": TtsBackendResource(),
        "tts_cache": TtsCacheResource(),
        "narration_listener": NarrationListener(),
        "upkeep_listener": UpkeepListener(),
        "failure_notifier": FailureNotifier(),
    }
