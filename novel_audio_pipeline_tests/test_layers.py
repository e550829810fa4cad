"""The rule of arrows: who may import whom, and which foreign library lives in which room."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import novel_audio_pipeline

ROOT = Path(novel_audio_pipeline.__file__).parent
# From the top down. What stands on one line does not know of each other.
LAYERS = (
    ("__main__",),
    ("cli", "definitions"),
    ("defs",),
    ("narration",),
    ("upkeep", "reader_app"),
    ("novels",),
    ("tts_client", "tts_backend"),
    ("tts_cache", "library"),
    ("audio", "storage", "settings"),
    ("speech", "environment"),
    ("errors", "instants"),
)
FOREIGN = {
    "dagster": {"defs", "definitions", "cli/dagster_runs"},
    "httpx": {"tts_client/http"},
    "soundfile": {"audio"},
    "fastapi": {"tts_backend"},
    "uvicorn": {"tts_backend"},
    "lxml": {"novels"},
    "sqlite3": {"novels", "library", "reader_app"},
    "click": {"cli"},
    "rich": {"cli"},
    "tenacity": {"narration", "reader_app"},
}
HEIGHT = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).with_suffix("").as_posix(), path


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize(("module", "path"), [pytest.param(*m, id=m[0]) for m in modules()])
def test_imports_point_down(module, path):
    room = module.split("/")[0]
    if room == "__init__":
        return
    for name in imported(path):
        if not name.startswith("novel_audio_pipeline."):
            continue
        other = name.split(".")[1]
        if other == room:
            continue
        assert HEIGHT[room] < HEIGHT[other], f"{module} imports {name}"


@pytest.mark.parametrize(("library", "homes"), FOREIGN.items())
def test_a_foreign_library_has_one_room(library, homes):
    users = {
        module
        for module, path in modules()
        if any(name.split(".")[0] == library for name in imported(path))
    }
    assert users
    outside = {user for user in users if not any(f"{user}/".startswith(f"{h}/") for h in homes)}
    assert outside == set()


def test_packages_say_nothing_by_themselves():
    talkative = [p for p in ROOT.rglob("__init__.py") if p.read_text(encoding="utf-8").strip()]
    assert talkative == []
