"""Reading one setting out of an environment given as a mapping: bounds, and sentences when wrong.

Nothing here looks at ``os.environ``; who starts the program passes it in.
"""

from collections.abc import Collection, Mapping

from novel_audio_pipeline.errors import SettingError


def read_text(environ: Mapping[str, str], name: str, default: str) -> str:
    """Return the value without white space around it; unset or blank gives the default."""
    return environ.get(name, "").strip() or default


def read_choice(
    environ: Mapping[str, str], name: str, default: str, *, choices: Collection[str]
) -> str:
    """Return the value, one of ``choices``.

    Raises:
        SettingError: If it is another word.
    """
    value = read_text(environ, name, default)
    if value not in choices:
        raise SettingError(f"{name}={value!r} is none of {', '.join(sorted(choices))}; change it")
    return value


def read_int(
    environ: Mapping[str, str], name: str, default: int, *, lowest: int, highest: int
) -> int:
    """Return the value as a whole number within bounds, both included.

    Raises:
        SettingError: If it is no whole number or out of bounds.
    """
    text = read_text(environ, name, str(default))
    try:
        value = int(text)
    except ValueError:
        raise SettingError(
            f"{name}={text!r} is no whole number; {_between(lowest, highest)}"
        ) from None
    if not lowest <= value <= highest:
        raise SettingError(f"{name}={value} is out of bounds; {_between(lowest, highest)}")
    return value


def read_float(
    environ: Mapping[str, str], name: str, default: float, *, lowest: float, highest: float
) -> float:
    """Return the value as a number within bounds, both included.

    Raises:
        SettingError: If it is no number or out of bounds.
    """
    text = read_text(environ, name, str(default))
    try:
        value = float(text)
    except ValueError:
        raise SettingError(f"{name}={text!r} is no number; {_between(lowest, highest)}") from None
    if not lowest <= value <= highest:  # also refuses nan
        raise SettingError(f"{name}={text} is out of bounds; {_between(lowest, highest)}")
    return value


def _between(lowest: float, highest: float) -> str:
    return f"set it to a value from {lowest} to {highest}, or unset it"
