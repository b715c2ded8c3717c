"""What commands print: data on stdout, as a table or as JSON; everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH: Final = 240
"""Columns where stdout is no terminal: wide enough that nothing a script reads is folded."""


class Format(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("-o", "--output", help="Print a table for people or JSON for programs.")
]


def rows(found: Sequence[Mapping[str, Any]], columns: Sequence[str], output: Format) -> None:
    """Print one line for each row; JSON has all fields, the table has ``columns``."""
    if output is Format.JSON:
        _json(list(found))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in found:
        table.add_row(*(_text(row.get(column)) for column in columns))
    _stdout().print(table)


def record(found: Mapping[str, Any], output: Format, *, fields: Sequence[str] = ()) -> None:
    """Print one thing, a field a line; JSON has all fields, the table has ``fields`` if given."""
    if output is Format.JSON:
        _json(found)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name in fields or found:
        table.add_row(name.replace("_", " "), _text(found.get(name)))
    _stdout().print(table)


def note(text: str) -> None:
    """Say something about the work; never data."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(_visible(text)))


def complaint(detail: str, code: str, remedy: str) -> None:
    """Say what went wrong, its stable code, and what to do."""
    note(f"error: {detail} ({code})")
    if remedy:
        note(f"  what to do: {remedy}")


def _text(value: object) -> Text:
    # Text, not markup: what a caller chose as a name must not colour or hide anything.
    if value is None:
        return Text("-")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, list | tuple | dict):
        return Text(json.dumps(value))
    return Text(_visible(str(value)))


def _visible(text: str) -> str:
    """Nothing that steers a terminal, turns text around, or cannot be written at all."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _stdout() -> Console:
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False)


def _json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
