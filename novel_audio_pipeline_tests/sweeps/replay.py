"""A file system that loses power: a recorded trace replayed, and what may be left of it.

The strictest reading of POSIX: a file's bytes are durable after its own sync, a name after the sync
of the folder it stands in, and of nothing else. A sync that failed is never made good by a later one
(Linux drops the pages). What is not durable may be kept or lost, each part by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, for the replay.

    Attributes:
        name: Name of the call, or ``committed`` for what was reported as done.
        paths: Absolute paths; of a committed text the text itself.
        data: What was written.
        failed: Whether it was made to fail.
    """

    name: str
    paths: tuple[str, ...]
    data: bytes = b""
    failed: bool = False


@dataclass(eq=False)
class _File:
    data: bytes = b""
    durable: bytes | None = None
    poisoned: bool = False


@dataclass(eq=False)
class _Folder:
    names: "dict[str, _File | _Folder]" = field(default_factory=dict)
    durable: "dict[str, _File | _Folder]" = field(default_factory=dict)
    pending: "list[_Change]" = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Change:
    """A change of names that is not durable yet: what is removed and what is added, together."""

    folder: _Folder
    removed: str | None = None
    added: "tuple[str, _File | _Folder] | None" = None


Tree = dict[str, bytes | None]


class Disk:
    """Files and folders below a root, as they are, and as they would be after losing power."""

    def __init__(self, root: Path) -> None:
        """Take what lies below a root as durable."""
        self._root = root
        self._files: dict[tuple[int, int], _File] = {}  # by device and inode, while they are read
        self._top = self._load(root) if root.exists() else _Folder()
        # The root itself is made by the first write, in folders above that are none of ours.
        self._rooted = root.exists()

    def apply(self, step: Step) -> None:
        """Do what a step of the trace did."""
        if step.name == "committed":
            return
        if step.failed:
            if step.name == "sync_file" and isinstance(found := self._at(step.paths[0]), _File):
                found.poisoned = True
            return
        getattr(self, f"_{step.name}")(*step.paths, *([step.data] if step.name == "write" else []))

    def power_lost(self, *, only_whole: bool = False) -> Iterator[tuple[str, Tree]]:
        """Yield, with its name, what may lie below the root after power is lost now.

        Args:
            only_whole: Only the two ends: everything not durable lost, and everything kept but the
                bytes of unsynced files.
        """
        changes = list(self._changes(self._top))
        yield "all unsynced lost", self._tree(set(), keep_data=False)
        yield "names kept, bytes lost", self._tree(set(changes), keep_data=False)
        if only_whole:
            return
        yield "all kept", self._tree(set(changes), keep_data=True)
        for number, change in enumerate(changes):
            yield f"change {number} alone kept", self._tree({change}, keep_data=True)
            yield (
                f"change {number} alone lost",
                self._tree(set(changes) - {change}, keep_data=True),
            )

    def _tree(self, kept: set[_Change], *, keep_data: bool) -> Tree:
        tree: Tree = {}
        if self._rooted:
            self._collect(self._top, "", kept, tree, keep_data=keep_data)
        return tree

    def _collect(
        self, folder: _Folder, path: str, kept: set[_Change], tree: Tree, *, keep_data: bool
    ) -> None:
        names = dict(folder.durable)
        for change in folder.pending:
            if change not in kept:
                continue
            if change.removed is not None:
                names.pop(change.removed, None)
            if change.added is not None:
                names[change.added[0]] = change.added[1]
        for name, found in names.items():
            inner = f"{path}/{name}" if path else name
            if isinstance(found, _Folder):
                tree[inner] = None
                self._collect(found, inner, kept, tree, keep_data=keep_data)
            else:
                tree[inner] = found.data if keep_data else found.durable or b""

    def _changes(self, folder: _Folder) -> Iterator[_Change]:
        yield from folder.pending
        inner = {id(f): f for f in (*folder.names.values(), *folder.durable.values())}
        for found in inner.values():
            if isinstance(found, _Folder):
                yield from self._changes(found)

    def _load(self, path: Path) -> _Folder:
        folder = _Folder()
        for found in path.iterdir():
            inner = self._load(found) if found.is_dir() else self._load_file(found)
            folder.names[found.name] = folder.durable[found.name] = inner
        return folder

    def _load_file(self, path: Path) -> _File:
        """Return a file; two names of one file are one."""
        data, facts = path.read_bytes(), path.stat()
        return self._files.setdefault((facts.st_dev, facts.st_ino), _File(data, data))

    def _at(self, path: str) -> "_File | _Folder | None":
        found: _File | _Folder | None = self._top
        for part in Path(path).relative_to(self._root).parts:
            found = found.names.get(part) if isinstance(found, _Folder) else None
        return found

    def _folder_of(self, path: str) -> tuple[_Folder, str]:
        folder = self._at(str(Path(path).parent))
        assert isinstance(folder, _Folder)
        return folder, Path(path).name

    def _change(
        self, folder: _Folder, removed: str | None, added: "tuple[str, _File | _Folder] | None"
    ) -> None:
        if removed is not None:
            del folder.names[removed]
        if added is not None:
            folder.names[added[0]] = added[1]
        folder.pending.append(_Change(folder, removed, added))

    def _create(self, path: str) -> None:
        folder, name = self._folder_of(path)
        self._change(folder, None, (name, _File()))

    def _write(self, path: str, data: bytes) -> None:
        found = self._at(path)
        assert isinstance(found, _File)
        found.data += data

    def _sync_file(self, path: str) -> None:
        found = self._at(path)
        assert isinstance(found, _File)
        if not found.poisoned:
            found.durable = found.data

    def _sync_folder(self, path: str) -> None:
        if not Path(path).is_relative_to(self._root):
            return
        found = self._at(path)
        assert isinstance(found, _Folder)
        found.durable = dict(found.names)
        found.pending.clear()

    def _replace(self, source: str, target: str) -> None:
        (folder, old), (other, new) = self._folder_of(source), self._folder_of(target)
        assert folder is other, "a commit renames within one folder"
        moved = folder.names[old]
        if folder.names.get(new) is not moved:  # two names of one file: nothing happens
            self._change(folder, old, (new, moved))

    _rename = _replace

    def _link(self, source: str, target: str) -> None:
        folder, name = self._folder_of(target)
        found = self._at(source)
        assert isinstance(found, _File)
        self._change(folder, None, (name, found))

    def _unlink(self, path: str) -> None:
        folder, name = self._folder_of(path)
        self._change(folder, name, None)

    _rmdir = _unlink

    def _mkdir(self, path: str) -> None:
        if not Path(path).is_relative_to(self._root) or Path(path) == self._root:
            self._rooted = self._rooted or Path(path) == self._root
            return
        folder, name = self._folder_of(path)
        self._change(folder, None, (name, _Folder()))


def lay_down(tree: Tree, root: Path) -> None:
    """Make a folder hold exactly what a tree says."""
    root.mkdir(parents=True)
    for path in sorted(tree):
        data = tree[path]
        if data is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(data)


def replayed(root: Path, steps: Sequence[Step]) -> Disk:
    """Return the disk after all steps of a trace over what lies below a root before them."""
    disk = Disk(root)
    for step in steps:
        disk.apply(step)
    return disk
