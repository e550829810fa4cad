"""The settings file of one novel: a small TOML beside its source."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from novel_audio_pipeline.errors import SourceError
from novel_audio_pipeline.novels.language import primary_tag
from novel_audio_pipeline.novels.model import NovelSettings
from novel_audio_pipeline.novels.novel_id import is_novel_id
from novel_audio_pipeline.speech.request import (
    CONTENT_KEY_PATTERN,
    MAX_SPEED,
    MAX_TAKE,
    MIN_SPEED,
)

MAX_BYTES = 1024 * 1024
_KEYS = ("id", "title", "author", "language", "voice", "speed", "model", "takes")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def read_novel_settings(path: Path) -> NovelSettings:
    """Return what the settings file says; empty settings if there is no such file.

    Raises:
        SourceError: ``wrong_novel_settings`` if it is not TOML, has an unknown key, or a value
            that cannot be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return NovelSettings()
    except OSError as error:
        raise _wrong(path, f"cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise _wrong(path, "is larger than 1 MiB")
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(path, f"is not TOML in UTF-8: {error}") from error
    return _settings(path, table)


def _settings(path: Path, table: Mapping[str, object]) -> NovelSettings:
    for key in table:
        if key not in _KEYS:
            raise _wrong(path, f"has the unknown key {key!r}; known are {', '.join(_KEYS)}")
    novel_id = _text(path, table, "id")
    if novel_id is not None and not is_novel_id(novel_id):
        raise _wrong(path, f"has id {novel_id!r}; it must match [a-z0-9-]{{1,64}}")
    language = _text(path, table, "language")
    if language is not None and not primary_tag(language):
        raise _wrong(path, f'has language {language!r}; write a tag like "vi" or "en"')
    return NovelSettings(
        novel_id=novel_id,
        title=_text(path, table, "title"),
        author=_text(path, table, "author"),
        language=None if language is None else primary_tag(language),
        voice=_name(path, table, "voice"),
        speed=_speed(path, table),
        model=_name(path, table, "model"),
        takes=_takes(path, table),
    )


def _text(path: Path, table: Mapping[str, object], key: str) -> str | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or _CONTROLS.search(value):
        raise _wrong(path, f"has {key} = {value!r}; it must be a text of one line, not empty")
    return value.strip()


def _name(path: Path, table: Mapping[str, object], key: str) -> str | None:
    value = _text(path, table, key)
    if value == "default":
        raise _wrong(path, f'has {key} = "default"; name the {key}, or leave the line out')
    return value


def _speed(path: Path, table: Mapping[str, object]) -> float | None:
    value = table.get("speed")
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not MIN_SPEED <= float(str(value)) <= MAX_SPEED:
        raise _wrong(path, f"has speed = {value!r}; it must be {MIN_SPEED} to {MAX_SPEED}")
    return float(str(value))


def _takes(path: Path, table: Mapping[str, object]) -> Mapping[str, int]:
    value = table.get("takes", {})
    if not isinstance(value, dict):
        raise _wrong(path, "has takes that are no table; write [takes] and lines below it")
    takes: dict[str, int] = {}
    for key, take in value.items():
        if not CONTENT_KEY_PATTERN.fullmatch(key):
            raise _wrong(path, f"has a take for {key!r}; that is no content key (64 hex digits)")
        if not isinstance(take, int) or isinstance(take, bool) or not 1 <= take <= MAX_TAKE:
            raise _wrong(path, f"has take {take!r} for {key[:8]}…; it must be 1 to {MAX_TAKE}")
        takes[key] = take
    return takes


def _wrong(path: Path, what: str) -> SourceError:
    return SourceError(
        f"{path}: this novel's settings file {what}; correct or remove it",
        code="wrong_novel_settings",
        source=str(path),
    )
