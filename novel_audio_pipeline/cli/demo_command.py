"""``demo``: narrates the sample novels that come with the project, and shows where to listen."""

import shutil
from pathlib import Path

import click
from rich.console import Console
from rich.tree import Tree

from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.narrate_command import narrate
from novel_audio_pipeline.cli.printing import say
from novel_audio_pipeline.errors import NotFoundError
from novel_audio_pipeline.settings import PROJECT_ROOT

SAMPLES = PROJECT_ROOT / "samples"
_SHOWN_PER_FOLDER = 4


@click.command("demo")
def demo_command() -> int:
    """Narrate the two sample novels, and show the library that comes of it.

    The samples are copied into the novels folder; nothing that is there is overwritten.
    """
    context = CommandContext()
    novels_dir = context.settings.novels_dir
    copied = copy_samples(novels_dir)
    if copied:
        say(f"copied to {novels_dir}: {', '.join(path.name for path in copied)}")
    status = narrate(context, novels=(), chapters=None, as_json=False)
    library_dir = context.settings.library_dir
    Console(markup=False, highlight=False).print(library_tree(library_dir))
    say(
        f"Listen: open a chapter.m3u8 below {library_dir} in any player.\n"
        "Look: novel-audio up (or make up), then http://127.0.0.1:3000"
    )
    return status


def copy_samples(novels_dir: Path) -> list[Path]:
    """Copy the sample novels that are not in the folder yet, and return where to.

    Raises:
        NotFoundError: If the project's samples are not there, as in an installed wheel.
    """
    if not SAMPLES.is_dir():
        raise NotFoundError(f"there are no samples at {SAMPLES}; run it from a checkout")
    novels_dir.mkdir(parents=True, exist_ok=True)
    copied = []
    for sample in sorted(SAMPLES.iterdir()):
        target = novels_dir / sample.name
        if not target.exists():
            shutil.copyfile(sample, target)
            copied.append(target)
    return copied


def library_tree(root: Path) -> Tree:
    """Return the library's folders as a tree, with a few entries of each."""
    tree = Tree(str(root))
    _grow(tree, root)
    return tree


def _grow(tree: Tree, folder: Path) -> None:
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    for entry in entries[:_SHOWN_PER_FOLDER]:
        branch = tree.add(entry.name)
        if entry.is_dir():
            _grow(branch, entry)
    if len(entries) > _SHOWN_PER_FOLDER:
        tree.add(f"… and {len(entries) - _SHOWN_PER_FOLDER} more")
