"""Checking a library: what stands in it against what its records say. Reads only."""

import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import PurePosixPath

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.library.check_chapter import Chosen, check_chapter
from novel_audio_pipeline.library.finding import Finding, found
from novel_audio_pipeline.library.layout import (
    ASIDE,
    LOCKS,
    REPAIR_ASIDE,
    chapter_number_of,
    novel_id_of,
)
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.library.scan import scan_aside
from novel_audio_pipeline.storage.paths import ROOT
from novel_audio_pipeline.storage.store import FileStore
from novel_audio_pipeline.storage.temporary import is_temporary

_AT_ONCE = 8
_CHAPTERS_AHEAD = 64
_Task = Callable[[], list[Finding]]


def check_library(
    library: AudioLibrary,
    *,
    read_share: float = 0.0,
    novel_ids: Iterable[str] | None = None,
    seed: int | None = None,
    at_once: int = _AT_ONCE,
) -> Iterator[Finding]:
    """Yield what is to be said of a library, novel by novel; writes nothing.

    Names, sizes and dates of everything are looked at; records only where no manifest vouches for
    them. What cannot be read is a finding, and the rest is checked.

    Args:
        library: The library.
        read_share: Which share of the WAVs is read, hashed and decoded too, with their records: 0
            none, 1 all, between them a random one.
        novel_ids: Only these novels.
        seed: Makes the random share repeatable.
        at_once: Chapters checked at the same time.

    Raises:
        ValueError: If the share is not from 0 to 1.
        StorageError: If the library's own folder cannot be listed.
    """
    if not 0 <= read_share <= 1:
        raise ValueError(f"read_share must be 0 to 1, got {read_share}")
    store = library.store
    drawn = random.randrange(2**32) if seed is None else seed  # noqa: S311 - a sample, no secret

    def read(path: PurePosixPath) -> bool:
        # By path, so that the order in which threads come does not change the sample.
        return read_share > 0 and random.Random(f"{drawn} {path}").random() < read_share  # noqa: S311

    only = None if novel_ids is None else set(novel_ids)
    with ThreadPoolExecutor(at_once) as threads:
        yield from _root(store)
        novels = _novels(store, only)
        ids = sorted({novel_id_of(novel.name) or "" for novel in novels})
        for novel_id in ids:
            path = PurePosixPath(novel_id)
            yield from _guarded(path, partial(_listed_twins, library, novel_id))
        for novel in novels:
            yield from _in_threads(threads, _tasks(store, novel, read))


def _in_threads(threads: ThreadPoolExecutor, tasks: Iterable[_Task]) -> Iterator[Finding]:
    """Yield the findings of tasks in order, a bounded number of them ahead."""
    batch: list[_Task] = []
    for task in tasks:
        batch.append(task)
        if len(batch) == _CHAPTERS_AHEAD:
            for findings in threads.map(lambda one: one(), batch):
                yield from findings
            batch = []
    for findings in threads.map(lambda one: one(), batch):
        yield from findings


def _guarded(path: PurePosixPath, task: _Task) -> list[Finding]:
    try:
        return task()
    except StorageError as error:
        return [found("folder_unreadable", path, str(error))]


def _novels(store: FileStore, only: set[str] | None) -> list[PurePosixPath]:
    return [
        PurePosixPath(entry.name)
        for entry in store.entries(ROOT) or ()
        if entry.kind == "folder"
        and (novel_id := novel_id_of(entry.name)) is not None
        and (only is None or novel_id in only)
    ]


def _root(store: FileStore) -> Iterator[Finding]:
    for entry in store.entries(ROOT) or ():
        path = PurePosixPath(entry.name)
        if entry.kind == "other":
            yield found("link_in_library", path, "a link or device")
        elif entry.name == REPAIR_ASIDE:
            yield found("put_away", path, "what was put away by repairs")
        elif entry.kind == "file" or (novel_id_of(entry.name) is None and entry.name != LOCKS):
            yield found("unknown_in_library", path, "no part of the format")


def _listed_twins(library: AudioLibrary, novel_id: str) -> list[Finding]:
    return [
        found("twin_folders", path, "a second folder of the same novel or chapter")
        for path in library.twins(novel_id)
    ]


def _novel(store: FileStore, novel: PurePosixPath) -> Iterator[Finding]:
    """Yield what is to be said of a novel's folder itself, and of what waits aside."""
    for entry in store.entries(novel) or ():
        path = novel / entry.name
        is_folder = entry.kind == "folder"
        if entry.kind == "other":
            yield found("link_in_library", path, "a link or device")
        elif not is_folder or (chapter_number_of(entry.name) is None and entry.name != ASIDE):
            code = "temporary_leftover" if is_temporary(entry.name) else "unknown_in_library"
            yield found(code, path, "no part of the format")
    held = {p for audio in scan_aside(store, novel) for p in (audio.path, audio.record_path)}
    for entry in store.entries(novel / ASIDE) or ():
        path = novel / ASIDE / entry.name
        if is_temporary(entry.name):
            yield found("temporary_leftover", path, "a temporary file")
        elif path not in held:
            yield found("aside_unreadable", path, "half a pair, damaged, or no part of the format")
        elif entry.name.endswith(".wav"):
            yield found("aside_waiting", path, "displaced audio that some script wanted")


def _tasks(store: FileStore, novel: PurePosixPath, read: Chosen) -> Iterator[_Task]:
    yield lambda: _guarded(novel, lambda: list(_novel(store, novel)))
    try:
        entries = store.entries(novel) or []
    except StorageError:
        return  # the first task finds it
    novel_id = novel_id_of(novel.name) or ""
    for entry in entries:
        number = chapter_number_of(entry.name) if entry.kind == "folder" else None
        if number is not None:
            yield _task(store, novel / entry.name, (novel_id, number), read)


def _task(store: FileStore, folder: PurePosixPath, place: tuple[str, int], read: Chosen) -> _Task:
    return lambda: _guarded(
        folder, lambda: list(check_chapter(store, folder, place=place, read=read))
    )
