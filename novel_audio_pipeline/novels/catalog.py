"""All novels there are: their sources, their ids, their scripts. One bad source hides no other."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from novel_audio_pipeline.errors import NotFoundError, SourceError
from novel_audio_pipeline.novels.epub import read_epub
from novel_audio_pipeline.novels.model import (
    ChapterKey,
    Novel,
    NovelSettings,
    SourceFingerprint,
    SourceProblem,
)
from novel_audio_pipeline.novels.novel_id import novel_id_of_name
from novel_audio_pipeline.novels.plain_text import read_plain_text
from novel_audio_pipeline.novels.reader_database import novel_ids_in, read_reader_database
from novel_audio_pipeline.novels.script import NovelScripts, Script, write_script
from novel_audio_pipeline.novels.settings_file import read_novel_settings
from novel_audio_pipeline.novels.sources import NovelsFolder, Source, SourceKind
from novel_audio_pipeline.speech.voices import SpeechSettings

CACHED_NOVELS = 8


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything that was found.

    Attributes:
        novels: Sorted by source, then id.
        problems: Why sources, or novels in them, are not narrated.
    """

    novels: tuple[Novel, ...]
    problems: tuple[SourceProblem, ...]


@dataclass(frozen=True, slots=True)
class CatalogIndex:
    """Which novel is in which source, known without reading their text.

    Attributes:
        sources: Path of the source by novel_id, without the ids that are in two.
        duplicates: Paths of the sources by the ids that are in two or more.
        problems: Sources that cannot be told, files that are no novels, ids that are in two.
    """

    sources: Mapping[str, str]
    duplicates: Mapping[str, tuple[str, ...]]
    problems: tuple[SourceProblem, ...]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a source holds."""

    novels: tuple[Novel, ...]
    problems: tuple[SourceProblem, ...]


class NovelCatalog:
    """The novels of a folder, and of a reader app's database.

    A source is a file ``*.epub``, ``*.txt`` or ``*.db`` directly in the folder. Beside it may lie
    the settings of the novel, a file with the same stem and the ending ``.toml``; those of a novel
    of a database are ``{novel_id}.toml`` in the folder. The last eight novels that were read
    are kept, and read again when a fingerprint shows a change. Safe to use from several threads.

    Args:
        novels_dir: The folder.
        reader_database: Another database, anywhere, or None.
        speech: How novels are spoken unless their own settings say otherwise.
    """

    def __init__(
        self, novels_dir: Path, *, reader_database: Path | None = None, speech: SpeechSettings
    ) -> None:
        self._folder = NovelsFolder(novels_dir, reader_database=reader_database)
        self.speech = speech
        self._lock = threading.RLock()
        self._loaded: OrderedDict[tuple[str, str], tuple[SourceFingerprint, _Loaded]] = (
            OrderedDict()
        )
        self._ids: dict[str, tuple[SourceFingerprint, tuple[str, ...]]] = {}

    def fingerprints(self) -> dict[str, SourceFingerprint]:
        """Return a fingerprint of each source by its path, sorted; no content is read.

        It covers the settings files that have a say, and a database's write-ahead log.

        Raises:
            SettingError: If the novels folder does not exist or is none, or the reader database
                does not exist.
            StorageError: If the folder cannot be read.
        """
        return {str(source.path): source.fingerprint for source in self._folder.scan().sources}

    def index(self) -> CatalogIndex:
        """Return which novel is in which source; of a database only the ids are read.

        Raises:
            SettingError: As ``fingerprints``.
            StorageError: As ``fingerprints``.
        """
        found = self._folder.scan()
        problems = list(found.problems)
        holders: dict[str, list[str]] = {}
        for source in found.sources:
            try:
                ids = self._ids_of(source)
            except SourceError as error:
                problems.append(_problem(error))
                continue
            for novel_id in ids:
                holders.setdefault(novel_id, []).append(str(source.path))
        duplicates = {novel_id: tuple(p) for novel_id, p in holders.items() if len(p) > 1}
        for novel_id, paths in duplicates.items():
            problems.extend(_duplicate(novel_id, path, paths) for path in dict.fromkeys(paths))
        return CatalogIndex(
            sources={novel_id: p[0] for novel_id, p in holders.items() if len(p) == 1},
            duplicates=duplicates,
            problems=tuple(problems),
        )

    def novels_in(self, source: str | Path) -> Iterator[Novel]:
        """Yield the novels of one source, their settings applied; one is in memory at a time.

        Novels of a database that have a problem of their own are left out if others have none.

        Args:
            source: A path that ``fingerprints`` gave.

        Raises:
            NotFoundError: If it is no source of this catalog.
            SourceError: If nothing of it can be narrated.
        """
        index = self.index()
        problems: list[SourceProblem] = []
        is_empty = True
        for read in self._each_of(self._source(str(source))):
            loaded = _without_duplicates(read, index)
            problems += loaded.problems
            is_empty = is_empty and not loaded.novels
            yield from loaded.novels
        if problems and is_empty:
            raise _error(problems[0])

    def each(self) -> Iterator[Novel | SourceProblem]:
        """Yield every novel and every problem, source by source; one novel is in memory at a time.

        Raises:
            SettingError: As ``fingerprints``.
            StorageError: As ``fingerprints``.
        """
        index = self.index()
        yield from index.problems
        told = set(index.problems)
        for source in self._folder.scan().sources:
            problems: list[SourceProblem] = []
            try:
                for read in self._each_of(source):
                    loaded = _without_duplicates(read, index)
                    problems += loaded.problems
                    yield from loaded.novels
            except SourceError as error:
                problems.append(_problem(error))
            yield from (problem for problem in problems if problem not in told)

    def survey(self) -> Survey:
        """Return all novels and all problems. A large library is better read with ``each``.

        Raises:
            SettingError: As ``fingerprints``.
            StorageError: As ``fingerprints``.
        """
        found = list(self.each())
        return Survey(
            novels=tuple(item for item in found if isinstance(item, Novel)),
            problems=tuple(item for item in found if isinstance(item, SourceProblem)),
        )

    def novel(self, novel_id: str) -> Novel:
        """Return one novel; only its own source is read.

        Raises:
            NotFoundError: If there is no such novel; the message tells which there are.
            SourceError: If its source cannot be read, or two sources have this id.
        """
        index = self.index()
        if novel_id in index.duplicates:
            paths = index.duplicates[novel_id]
            raise _error(_duplicate(novel_id, paths[0], paths))
        if novel_id not in index.sources:
            raise self._not_found(novel_id, index)
        loaded = self._load(self._source(index.sources[novel_id]), novel_id)
        for novel in loaded.novels:
            if novel.novel_id == novel_id:
                return novel
        for problem in loaded.problems:
            raise _error(problem)
        raise self._not_found(novel_id, index)

    def script(self, key: ChapterKey) -> Script:
        """Return the script of one chapter.

        Raises:
            NotFoundError: If there is no such novel or chapter.
            SourceError: If the source cannot be read or no voice speaks its language.
        """
        novel = self.novel(key.novel_id)
        chapter = novel.chapter(key.number)
        return write_script(novel, chapter, speech=self.speech, takes=novel.settings.takes)

    def scripts(self, novel_id: str) -> NovelScripts:
        """Return the scripts of all chapters of a novel, as its text is now.

        Raises:
            NotFoundError: If there is no such novel.
            SourceError: If the source cannot be read or no voice speaks its language.
        """
        return self.scripts_of(self.novel(novel_id))

    def scripts_of(self, novel: Novel) -> NovelScripts:
        """Return the scripts of all chapters of a novel that was read here.

        Raises:
            SourceError: If no voice speaks its language.
        """
        return NovelScripts(novel, self.speech)

    def settings_path(self, novel_id: str) -> Path:
        """Return where the settings file of a novel lies, or would lie.

        Raises:
            NotFoundError: If there is no such novel.
            SourceError: If its source cannot be read, or two sources have this id.
        """
        source = self._source(self.novel(novel_id).source)
        if source.kind is SourceKind.DATABASE:
            return source.settings_path / f"{novel_id}.toml"
        return source.settings_path

    def _source(self, path: str) -> Source:
        sources = {str(source.path): source for source in self._folder.scan().sources}
        if path not in sources:
            raise NotFoundError(
                f"{path} is no source of novels; there are: {', '.join(sources) or 'none'}"
            )
        return sources[path]

    def _not_found(self, novel_id: str, index: CatalogIndex) -> NotFoundError:
        known = ", ".join(sorted(index.sources)) or "none"
        return NotFoundError(f"no novel {novel_id!r} in {self._folder.path}; there are: {known}")

    def _ids_of(self, source: Source) -> tuple[str, ...]:
        with self._lock:
            known = self._ids.get(str(source.path))
            if known is not None and known[0] == source.fingerprint:
                return known[1]
        if source.kind is SourceKind.DATABASE:
            ids = tuple(novel_ids_in(source.path))
        else:
            ids = (_file_novel_id(source, read_novel_settings(source.settings_path)),)
        with self._lock:
            self._ids[str(source.path)] = (source.fingerprint, ids)
        return ids

    def _each_of(self, source: Source) -> Iterator[_Loaded]:
        """Yield what a source holds: a database one novel at a time."""
        if source.kind is SourceKind.DATABASE:
            for novel_id in dict.fromkeys(self._ids_of(source)):
                yield self._load(source, novel_id)
        else:
            yield self._load(source)

    def _load(self, source: Source, novel_id: str = "") -> _Loaded:
        """Return what a source holds, of a database one novel; from memory if it did not change."""
        is_database = source.kind is SourceKind.DATABASE
        key = (str(source.path), novel_id if is_database else "")
        with self._lock:
            known = self._loaded.get(key)
            if known is not None and known[0] == source.fingerprint:
                self._loaded.move_to_end(key)
                return known[1]
            self._loaded.pop(key, None)  # not in memory beside what replaces it
        loaded = _read_database(source, novel_id) if is_database else _read_file(source)
        with self._lock:
            self._loaded[key] = (source.fingerprint, loaded)
            self._loaded.move_to_end(key)
            while len(self._loaded) > CACHED_NOVELS:
                self._loaded.popitem(last=False)
        return loaded


def _read_file(source: Source) -> _Loaded:
    settings = read_novel_settings(source.settings_path)
    novel_id = _file_novel_id(source, settings)
    read = read_epub if source.kind is SourceKind.EPUB else read_plain_text
    return _Loaded((_with_settings(read(source.path, novel_id=novel_id), settings),), ())


def _read_database(source: Source, novel_id: str) -> _Loaded:
    novels: list[Novel] = []
    problems: list[SourceProblem] = []
    for novel in read_reader_database(source.path, novel_id=novel_id):
        path = source.settings_path / f"{novel.novel_id}.toml"
        try:
            settings = _database_settings(path, novel.novel_id)
        except SourceError as error:
            problems.append(_problem(error))
            continue
        novels.append(_with_settings(novel, settings))
    return _Loaded(tuple(novels), tuple(problems))


def _database_settings(path: Path, novel_id: str) -> NovelSettings:
    settings = read_novel_settings(path)
    if settings.novel_id not in (None, novel_id):
        raise SourceError(
            f"{path}: a novel of a database keeps the database's id; remove `id`",
            code="wrong_novel_settings",
            source=str(path),
        )
    return settings


def _file_novel_id(source: Source, settings: NovelSettings) -> str:
    return settings.novel_id or novel_id_of_name(source.path.stem)


def _with_settings(novel: Novel, settings: NovelSettings) -> Novel:
    return replace(
        novel,
        title=novel.title if settings.title is None else settings.title,
        author=novel.author if settings.author is None else settings.author,
        language=novel.language if settings.language is None else settings.language,
        settings=settings,
    )


def _problem(error: SourceError) -> SourceProblem:
    return SourceProblem(source=error.source, code=error.code, message=str(error))


def _error(problem: SourceProblem) -> SourceError:
    return SourceError(problem.message, code=problem.code, source=problem.source)


def _duplicate(novel_id: str, path: str, paths: Sequence[str]) -> SourceProblem:
    """Return the problem of one of the sources with the same id, naming the others."""
    others = ", ".join(dict.fromkeys(other for other in paths if other != path)) or path
    return SourceProblem(
        source=path,
        code="duplicate_novel_id",
        message=f"{path}: the novel_id {novel_id!r} is also that of {others}, so neither is "
        "narrated; write another `id` into the settings file of one, or remove one",
    )


def _without_duplicates(loaded: _Loaded, index: CatalogIndex) -> _Loaded:
    novels = tuple(novel for novel in loaded.novels if novel.novel_id not in index.duplicates)
    problems = tuple(
        _duplicate(novel.novel_id, novel.source, index.duplicates[novel.novel_id])
        for novel in loaded.novels
        if novel.novel_id in index.duplicates
    )
    return _Loaded(novels, loaded.problems + problems)
