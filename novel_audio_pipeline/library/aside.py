"""Emptying ``.aside/``, where displaced audio waits for the paragraph that wants it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import PurePosixPath

from novel_audio_pipeline.library.layout import ASIDE
from novel_audio_pipeline.storage.store import FileStore
from novel_audio_pipeline.storage.temporary import is_temporary

_SUFFIXES = ("_metadata.json", ".wav")  # the record goes first: what it names is then nobody's


def keys_aside(store: FileStore, novel: PurePosixPath) -> frozenset[str]:
    """Return the keys of the audio and the records in a novel's ``.aside/``."""
    names = [entry.name for entry in store.entries(novel / ASIDE) or ()]
    return frozenset(
        name.removesuffix(suffix) for suffix in _SUFFIXES for name in names if name.endswith(suffix)
    )


def empty_aside(
    store: FileStore, novel: PurePosixPath, can_go: Callable[[str], bool], *, now: datetime
) -> bool:
    """Remove what can go, and what the dead have left; return whether nothing is left.

    Args:
        store: Where the library lies.
        novel: Folder of the novel.
        can_go: Whether the audio of a held key is wanted by nobody, or stands in its place.
        now: Timezone-aware.
    """
    aside = novel / ASIDE
    names = [entry.name for entry in store.entries(aside) or ()]
    for suffix in _SUFFIXES:
        keys = {name: name.removesuffix(suffix) for name in names if name.endswith(suffix)}
        store.remove(
            aside / name for name, key in keys.items() if not is_temporary(name) and can_go(key)
        )
    store.clear_temporaries(aside, now=now)
    return store.remove_folder(aside)
