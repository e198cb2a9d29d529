"""Which rows of a table can belong to a length of time, though no index knows their times.

Rows are written one after the other, so their numbers rise with the time, but for steps of the
clock: a row may bear a time that is off by as much as the clock was ever set. The border is
found by halving, at a time that is early (or late) by all of that together. What it leaves out
is sure to be outside; what it lets in is looked at row by row.
"""

from dataclasses import dataclass
from typing import Final

from peewee import Database

from pulsarack.queue.rows import scalar, tuples

_LAST: Final = 2**63 - 1
# A clock that is not set is corrected a little all the time.
_MARGIN_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Window:
    """Numbers of rows, from `first` on and below `end`; archived rows are meant as well."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """A table whose rows are numbered as they come: its columns of numbers and of times."""

    table: str
    number: str
    at: str


TRANSFERS: Final = Numbered("transfer", "sequence", "at")
TRANSITIONS: Final = Numbered("transition", "id", "at")


def of(db: Database, rows: Numbered, begins_at: int, ends_at: int) -> Window:
    """The rows that may bear a time of this length (milliseconds UTC, the end not included)."""
    off = set_by(db)
    first = _border(db, rows, begins_at - off)
    end = _border(db, rows, ends_at + off)
    # Rows between this border and the next row that is still there may have left for an archive.
    after = scalar(
        db, f"SELECT min({rows.number}) FROM {rows.table} WHERE {rows.number} >= ?", (end,)
    )
    return Window(first, _LAST if after is None else int(after))


def set_by(db: Database) -> int:
    """By how much the times of two rows can be in the wrong order, at most; milliseconds."""
    return _MARGIN_MS + int(scalar(db, "SELECT coalesce(sum(abs(step)), 0) FROM clock_step"))


def _border(db: Database, rows: Numbered, at_ms: int) -> int:
    """A number above which a row has this time or a later one, and below which an earlier one."""
    newest = scalar(db, f"SELECT coalesce(max({rows.number}), 0) FROM {rows.table}")
    low, high = 1, int(newest) + 1
    while low < high:
        middle = (low + high) // 2
        found = tuples(
            db,
            f"SELECT {rows.number}, {rows.at} FROM {rows.table} WHERE {rows.number} >= ?"
            f" ORDER BY {rows.number} LIMIT 1",
            (middle,),
        )
        if not found or found[0][1] >= at_ms:
            high = middle
        else:
            low = found[0][0] + 1
    return low
