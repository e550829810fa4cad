"""What is swept: a small novel narrated, then changed in every way, on the library alone.

The full narration, with a backend, is in ``narration_scenario.py``.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from novel_audio_pipeline.library.inventory import Standing
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.storage.calls import FileCalls
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline.storage.paths import ROOT
from novel_audio_pipeline.storage.store import FileStore
from novel_audio_pipeline.storage.temporary import Owner, is_temporary, this_process
from novel_audio_pipeline_tests.library.making import MiniNarration, MiniScript, key_of

# Processes of this host that cannot live: what they leave may be cleared at once.
_DEAD_PIDS = itertools.cycle(range(2_147_480_000, 2_147_483_647))


@dataclass
class Ran:
    """What a run did before it ended, however it ended.

    Attributes:
        spoken: What was asked for from the backend.
        committed: What was reported as durable, and therefore evicted from the cache.
        wrong: What must not happen even for a moment, and did; one sentence each.
    """

    spoken: list[str] = field(default_factory=list)
    committed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class SweptStore(LocalFileStore):
    """A store whose process is soon dead.

    Attributes:
        calls: What it does everything through.
    """

    def __init__(self, root: Path, calls: FileCalls) -> None:
        owner = Owner(this_process().host, next(_DEAD_PIDS))
        # It lives as long as it is asked; to the next one it is dead.
        super().__init__(root, calls=calls, owner=owner, is_alive=owner.pid.__eq__)
        self.calls = calls


class Scenario(Protocol):
    """What a sweep needs to know."""

    stages: Sequence[str]

    def run(
        self, stage: int, store: SweptStore, ran: Ran, on_commit: Callable[[str], None]
    ) -> None:
        """Do a stage, telling what is spoken and committed as it happens."""
        ...

    def texts(self, stage: int) -> set[str]:
        """Return what is heard when a stage is done."""
        ...

    def at_rest(self, store: FileStore, texts: set[str]) -> list[str]:
        """Return what is wrong with a library nobody works on: texts that must be held intact."""
        ...

    def when_done(self, stage: int, store: SweptStore, *, failed: bool) -> list[str]:
        """Return what is wrong with a library on which a stage has been done to its end.

        Args:
            stage: Which.
            store: Of the library.
            failed: Whether a call failed before, rather than the process having died: what is in
                the cache then may wait there until it expires.
        """
        ...


class _Narration(MiniNarration):
    """Reports what it does as it does it."""

    def __init__(self, library: AudioLibrary, ran: Ran, on_commit: Callable[[str], None]) -> None:
        super().__init__(library)
        self.spoken = ran.spoken
        self._ran = ran
        self._on_commit = on_commit

    def evict(self, text: str) -> None:
        self._ran.committed.append(text)
        self._on_commit(text)


class LibraryScenario:
    """Two small chapters, and what may happen to them."""

    def __init__(self) -> None:
        one = MiniScript(["a", "-", "b"])
        two = MiniScript(["c", "d"], number=2, title="Hai")
        new = MiniScript(["n"])
        first = replace(one, number=2)
        self._stages: dict[str, list[MiniScript]] = {
            "new": [one, two],
            "changed": [replace(one, texts=["x", "b", "a", "-"]), two],
            "exchanged": [replace(one, texts=["c", "b"]), replace(two, texts=["a", "x", "d"])],
            "inserted": [
                new,
                replace(first, texts=["c", "b"]),
                replace(two, number=3, texts=["d"]),
            ],
            "renamed": [
                replace(new, novel_title="Luck", title="One"),
                replace(first, novel_title="Luck", texts=["c", "b"]),
                replace(two, number=3, novel_title="Luck", texts=["d"]),
            ],
            "shortened": [
                replace(new, novel_title="Luck", title="One", texts=["-"]),
                replace(first, novel_title="Luck", texts=["b"]),
                replace(two, number=3, novel_title="Luck", texts=[]),
            ],
        }
        self.stages: Sequence[str] = tuple(self._stages)

    def run(
        self, stage: int, store: SweptStore, ran: Ran, on_commit: Callable[[str], None]
    ) -> None:
        """See ``Scenario``."""
        _Narration(AudioLibrary(store), ran, on_commit).narrate(self._scripts(stage))

    def texts(self, stage: int) -> set[str]:
        """See ``Scenario``."""
        return {text for script in self._scripts(stage) for text in script.texts} - {"-"}

    def at_rest(self, store: FileStore, texts: set[str]) -> list[str]:
        """See ``Scenario``."""
        inventory = AudioLibrary(store).inventory("so-do")
        held = {audio.key for audio in inventory.held()}
        wrong = [f"lost: {text}" for text in sorted(texts) if key_of(text) not in held]
        wrong += [
            f"record without its WAV: {number}/{paragraph}"
            for number, chapter in inventory.chapters.items()
            for paragraph, found in chapter.paragraphs.items()
            if found.standing is Standing.MISSING
        ]
        return wrong

    def when_done(self, stage: int, store: SweptStore, *, failed: bool) -> list[str]:
        """See ``Scenario``."""
        library, wrong = AudioLibrary(store), []
        for script in self._scripts(stage):
            chapter = library.chapter_inventory("so-do", script.number)
            if set(chapter.paragraphs) != set(range(1, len(script.texts) + 1)):
                wrong.append(f"chapter {script.number} holds {sorted(chapter.paragraphs)}")
            wrong += [
                f"{script.number}/{number} is {found.standing.value}, not as scripted"
                for number, found in chapter.paragraphs.items()
                if number <= len(script.texts) and not script.stands(found)
            ]
            if not chapter.settled or chapter.manifest is None or not chapter.manifest.complete:
                wrong.append(f"chapter {script.number} is not settled and complete")
        wrong += [f"left over: {name}" for name in names_in(store) if is_temporary(Path(name).name)]
        if library.inventory("so-do").aside:
            wrong.append("something is left aside")
        return wrong

    def _scripts(self, stage: int) -> list[MiniScript]:
        return self._stages[self.stages[stage]]


def store_of(root: Path, *, calls: FileCalls | None = None) -> SweptStore:
    """Return a store below a folder."""
    return SweptStore(root, calls or FileCalls())


def names_in(store: FileStore) -> list[str]:
    names, pending = [], [ROOT]
    while pending:
        folder = pending.pop()
        for entry in store.entries(folder) or ():
            if entry.kind == "folder":
                pending.append(folder / entry.name)
            else:
                names.append(str(folder / entry.name))
    return names
