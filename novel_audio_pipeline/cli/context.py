"""What every command starts from: settings, and the domain objects they make. Read when needed."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from novel_audio_pipeline.errors import SourceError, StorageError
from novel_audio_pipeline.library.library import AudioLibrary, open_library
from novel_audio_pipeline.novels.catalog import NovelCatalog
from novel_audio_pipeline.novels.model import Novel, SourceProblem
from novel_audio_pipeline.novels.script import Script
from novel_audio_pipeline.settings import PROJECT_ROOT, Settings, read_settings
from novel_audio_pipeline.tts_backend.settings import BackendSettings, settings_from


@dataclass(frozen=True, slots=True)
class ScriptedNovel:
    """A novel that can be narrated.

    Attributes:
        novel: As it was read.
        scripts: Of all its chapters, in order; each is made when it is looked at.
    """

    novel: Novel
    scripts: Sequence[Script]


class CommandContext:
    """The surroundings of one command."""

    @cached_property
    def settings(self) -> Settings:
        """The effective settings.

        Raises:
            SettingError: Naming everything that is wrong with them.
        """
        return read_settings(os.environ)

    @cached_property
    def backend_settings(self) -> BackendSettings:
        """The settings of the backend that this command line would serve, in the pipeline's folders.

        Raises:
            SettingError: Naming everything that is wrong with them.
        """
        folders = {
            "NOVEL_AUDIO_HOME": str(self.settings.home),
            "TTS_STORAGE_DIR": str(self.settings.cache_dir),
            "NOVEL_AUDIO_LIBRARY_DIR": str(self.settings.library_dir),
            "NOVEL_AUDIO_NOVELS_DIR": str(self.settings.novels_dir),
        }
        return settings_from({**os.environ, **folders})

    @cached_property
    def catalog(self) -> NovelCatalog:
        """The novels."""
        return NovelCatalog(
            self.settings.novels_dir,
            reader_database=self.settings.reader_database,
            speech=self.settings.speech,
        )

    @cached_property
    def library(self) -> AudioLibrary:
        """The permanent library."""
        return open_library(self.settings.library_dir)

    def each_novel(self, named: Sequence[str] = ()) -> Iterator[ScriptedNovel | SourceProblem]:
        """Yield each novel with its scripts, and each problem; one bad novel hides no other.

        Args:
            named: Only these novels, in this order, and no problem of another; none means all.

        Raises:
            NotFoundError: If one that was named does not exist, before any is yielded.
        """
        yield from self._named(named) if named else self._each()

    def _named(self, novel_ids: Sequence[str]) -> Iterator[ScriptedNovel | SourceProblem]:
        index = self.catalog.index()
        for novel_id in novel_ids:
            if novel_id not in index.sources and novel_id not in index.duplicates:
                self.catalog.novel(novel_id)  # says which there are
        for novel_id in dict.fromkeys(novel_ids):
            try:
                novel = self.catalog.novel(novel_id)
                yield ScriptedNovel(novel, self.catalog.scripts_of(novel))
            except SourceError as error:
                yield SourceProblem(error.source, error.code, str(error))

    def _each(self) -> Iterator[ScriptedNovel | SourceProblem]:
        for found in self.catalog.each():
            if isinstance(found, SourceProblem):
                yield found
                continue
            try:
                yield ScriptedNovel(found, self.catalog.scripts(found.novel_id))
            except SourceError as error:
                yield SourceProblem(error.source, error.code, str(error))

    def prepare_dagster(self) -> None:
        """Let Dagster find this project's instance, in this process and those it starts.

        Raises:
            StorageError: If the folder for its records cannot be made.
        """
        folder = self.settings.dagster_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"cannot make the folder {folder} for Dagster's records: {error.strerror}; change "
                "its rights, or set NOVEL_AUDIO_DAGSTER_DIR to another"
            ) from error
        os.environ.setdefault("DAGSTER_HOME", str(PROJECT_ROOT))
        os.environ["NOVEL_AUDIO_DAGSTER_DIR"] = str(self.settings.dagster_dir)
