"""Reading settings out of an environment given as a mapping: bounds, origins, sentences when wrong.

Nothing here looks at ``os.environ``; who starts the program passes it in.
"""

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from novel_audio_pipeline.errors import SettingError

UP_FAMILY = "NOVEL_AUDIO_UP_FAMILY"
"""No setting: the mark that every process of one ``up`` carries."""

_Value = TypeVar("_Value", int, float)


class EnvironmentReader:
    """Reads settings one by one, remembers origins, and collects problems instead of raising.

    A value that is unset or blank is the default; so is, after its problem was noted, a wrong one.

    Attributes:
        origins: For each setting's name, its value as text and ``environment`` or ``default``; of a
            secret only whether it is set, of a command only the program.
        problems: A sentence for each thing that is wrong.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.origins: dict[str, tuple[str, str]] = {}
        self.problems: list[str] = []

    def text(self, name: str, default: str) -> str:
        """Return the value without white space around it."""
        return self._keep(name, self._given(name) or default)

    def choice(self, name: str, default: str, *, choices: tuple[str, ...]) -> str:
        """Return the value, one of ``choices``."""
        value = self._given(name) or default
        if value not in choices:
            self.problems.append(f"{name}={value!r} is none of {', '.join(choices)}; change it")
            value = default
        return self._keep(name, value)

    def whole(self, name: str, default: int, *, lowest: int, highest: int) -> int:
        """Return the value as a whole number within bounds, both included."""
        return self._bounded(name, default, int, lowest=lowest, highest=highest)

    def number(self, name: str, default: float, *, lowest: float, highest: float) -> float:
        """Return the value as a number within bounds, both included; never NaN."""
        return self._bounded(name, default, float, lowest=lowest, highest=highest)

    def path(self, name: str, default: Path) -> Path:
        """Return the value as an absolute path, links followed."""
        value = Path(self._given(name) or default).expanduser().resolve()
        self._keep(name, str(value))
        return value

    def optional_path(self, name: str) -> Path | None:
        """Return the value as an absolute path, links followed, or None if it is not set."""
        if self._given(name):
            return self.path(name, Path())
        self._keep(name, "")
        return None

    def optional_file(self, name: str) -> Path | None:
        """Return the value as an absolute path, or None if it is not set.

        Links are not followed: what belongs to the file lies beside the link, under its name.
        """
        value = self._given(name)
        path = Path(value).expanduser().absolute() if value else None
        self._keep(name, str(path or ""))
        return path

    def secret(self, name: str) -> str:
        """Return the value, whose text is kept nowhere."""
        value = self._given(name)
        if not value.isascii():
            self.problems.append(
                f"{name} holds characters that no HTTP header can carry; use ASCII"
            )
        self._keep(name, "(set)" if value else "")
        return value

    def command(self, name: str) -> tuple[str, ...]:
        """Return a program and its arguments, which are shown nowhere: they often hold a token."""
        try:
            words = command_words(self._given(name), is_windows=os.name == "nt")
        except ValueError as error:
            self.problems.append(f"{name} cannot be taken apart ({error}); change it")
            words = ()
        hidden = " (arguments not shown)" if len(words) > 1 else ""
        self._keep(name, f"{words[0]}{hidden}" if words else "")
        return words

    def refuse_what_is_wrong(self) -> None:
        """Return if nothing is.

        Raises:
            SettingError: Naming everything that is wrong.
        """
        if self.problems:
            raise SettingError("; ".join(self.problems))

    def _bounded(
        self,
        name: str,
        default: _Value,
        kind: Callable[[str], _Value],
        *,
        lowest: _Value,
        highest: _Value,
    ) -> _Value:
        text, value = self._given(name), default
        advice = f"set it to a value from {_text(lowest)} to {_text(highest)}, or unset it"
        try:
            value = kind(text) if text else default
        except ValueError:
            what = "whole number" if kind is int else "number"
            self.problems.append(f"{name}={text!r} is no {what}; {advice}")
        if not lowest <= value <= highest:  # nor NaN
            self.problems.append(f"{name}={text} is out of bounds; {advice}")
            value = default
        self._keep(name, _text(value))
        return value

    def _given(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def _keep(self, name: str, value: str) -> str:
        self.origins[name] = (value, "environment" if self._given(name) else "default")
        return value


def command_words(text: str, *, is_windows: bool) -> tuple[str, ...]:
    """Return the words of a command, without the quotes that hold one together.

    Raises:
        ValueError: If a quote is not closed.
    """
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if is_windows:
        lexer.escape = ""  # there a backslash is part of a path
    return tuple(lexer)


def _text(number: float) -> str:
    return f"{number:.15g}"
