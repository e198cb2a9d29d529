"""Listings: one description of the columns, shown as a table or as JSON.

`rich` draws the tables and is loaded only for that. Off a terminal a row is never
wrapped, so that grep and awk see one line a row.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import click

from pulsarack.daemon.cli import formats

# An id is a number that is typed again, so it has no dots.
Kind = Literal["text", "number", "id", "time", "destination"]
_WIDE = 100_000


@dataclass(frozen=True)
class Column:
    """One column: the field of a row, its heading, and how its values are written."""

    field: str
    heading: str
    kind: Kind = "text"


def show(
    result: Mapping[str, Any],
    rows_field: str,
    columns: Sequence[Column],
    *,
    as_json: bool,
    timezone: str | None = None,
    empty: str = "nothing there",
) -> None:
    """Prints a listing: the whole result as JSON, or its rows as a table."""
    if as_json:
        print_json(result)
        return
    rows = result.get(rows_field) or []
    if not rows:
        click.echo(empty)
        return
    table([column.heading for column in columns], cells(rows, columns, timezone), _right(columns))


def print_json(value: object) -> None:
    """One JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def cells(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[Column], timezone: str | None
) -> list[list[str]]:
    """The rows as the texts of a table."""
    return [[_cell(row.get(c.field), c.kind, timezone) for c in columns] for row in rows]


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()
) -> None:
    """Prints a table; `right` are the positions of the columns aligned to the right."""
    # rich costs more start-up time than everything else a command does.
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = None if sys.stdout.isatty() else _WIDE
    console = Console(file=sys.stdout, width=width, highlight=False)
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for position, heading in enumerate(headings):
        justify: Literal["left", "right"] = "right" if position in right else "left"
        # A cut number is a wrong number: it is never shortened.
        drawn.add_column(heading, justify=justify, no_wrap=position in right, overflow="fold")
    for row in rows:
        # As Text, so that brackets in a stranger's text are brackets and not markup.
        drawn.add_row(*(Text(cell) for cell in row))
    console.print(drawn)


def pairs(values: Iterable[tuple[str, str]]) -> None:
    """Prints one thing as its names and values, one a line."""
    shown = list(values)
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name:{width}}  {value}")


def _cell(value: Any, kind: Kind, timezone: str | None) -> str:
    if kind == "number" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return formats.number(value)
    if kind == "time" and isinstance(value, int):
        return formats.time(value, timezone)
    if kind == "destination" and isinstance(value, str):
        return formats.text(formats.destination(value))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(formats.text, value)) or formats.NOTHING
    return formats.text(value)


def _right(columns: Sequence[Column]) -> frozenset[int]:
    return frozenset(i for i, column in enumerate(columns) if column.kind in ("number", "id"))
