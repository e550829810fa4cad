"""What the command line writes: JSON documents and tables on stdout, everything else on stderr."""

import contextlib
import json
import sys
from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table

_WIDTH_OF_A_FILE = 160


def print_json(document: object) -> None:
    """Write one JSON document to standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = ""
) -> None:
    """Write a table to standard output, nothing if it has no rows.

    Text from novels is never taken for markup.
    """
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    if not table.row_count:
        return
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_FILE
    Console(markup=False, highlight=False, width=width).print(table)


def say(text: str) -> None:
    """Write a line for people to standard error; nobody reads it if the terminal was closed."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    return "" if value is None else str(value)
