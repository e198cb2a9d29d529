"""Listings: one description of the columns, shown as a table or as JSON.

Off a terminal a row is never wrapped, so that grep and awk see one line a row. On one that
is too narrow `rich` folds the cells, and is loaded only for that: it costs more start-up time
than everything else a command does. Both draw the same table.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import click

from pulsarack.daemon.cli import formats

# An id is a number that is typed again, so it has no dots.
Kind = Literal["text", "number", "id", "time", "destination"]
_WIDE = 100_000
# Between two columns.
_GAP = "   "


class Column(NamedTuple):
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
    import json

    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def cells(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[Column], timezone: str | None
) -> list[list[str]]:
    """The rows as the texts of a table."""
    return [[_cell(row.get(c.field), c.kind, timezone) for c in columns] for row in rows]


def table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()
) -> None:
    """Prints a table; `right` are the positions of the columns aligned to the right."""
    widths = [max(map(_width, column)) for column in zip(headings, *rows, strict=True)]
    needed = sum(widths) + len(_GAP) * (len(widths) - 1)
    if (
        not sys.stdout.isatty() or needed <= _terminal_columns()
    ) and sys.stdout.encoding.lower().startswith("utf"):
        click.echo("\n".join(_drawn(headings, rows, right, widths, needed)))
    else:
        fold(headings, rows, right)


def _drawn(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: frozenset[int],
    widths: Sequence[int],
    needed: int,
) -> Iterator[str]:
    yield _line(headings, right, widths)
    yield "\u2500" * needed
    for row in rows:
        yield _line(row, right, widths)


def _terminal_columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _line(row: Sequence[str], right: frozenset[int], widths: Sequence[int]) -> str:
    shown = []
    for position, (cell, width) in enumerate(zip(row, widths, strict=True)):
        space = " " * (width - _width(cell))
        shown.append(space + cell if position in right else cell + space)
    return _GAP.join(shown)


def _width(cell: str) -> int:
    """How many places of a terminal's line a text takes."""
    if cell.isascii():
        return len(cell)
    # Letters of the East are two places wide, accents none.
    from rich.cells import cell_len

    return cell_len(cell)


def fold(headings: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int]) -> None:
    """Draws it in the width and with the characters that there are."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = None if sys.stdout.isatty() else _WIDE
    console = Console(file=sys.stdout, width=width, highlight=False)
    drawn = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, header_style=""
    )
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
