"""Running one hand-written statement, with types.

Statements go to the connection itself: on its way through peewee's cursor one costs more
than SQLite needs for it. What they raise is peewee's all the same, as of everything else.
Statements use `?` for parameters and are assembled from constants only, so that each is
prepared once and kept.
"""

import functools
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

import peewee
from peewee import Database

Row = tuple[Any, ...]


class Rows(Protocol):
    """What a statement gave back, read once."""

    def __iter__(self) -> Iterator[Row]: ...

    def fetchone(self) -> Row | None: ...

    def fetchall(self) -> list[Row]: ...

    @property
    def connection(self) -> "_Connection": ...


class _Connection(Protocol):
    """A connection of apsw, as far as it is used here."""

    def execute(self, sql: str, params: Sequence[object]) -> Rows: ...

    def changes(self) -> int: ...

    def total_changes(self) -> int: ...

    def last_insert_rowid(self) -> int: ...


def run_with(db: Database, sql: str, params: Sequence[object] = ()) -> Rows:
    """Execute one statement in the transaction that is open on this thread."""
    try:
        connection: _Connection = db.connection()  # type: ignore[no-untyped-call]
        return connection.execute(sql, params)
    except Exception:
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            raise


def run(db: Database, sql: str, *params: object) -> Rows:
    """As `run_with`, the values one by one."""
    return run_with(db, sql, params)


def one(db: Database, sql: str, *params: object) -> Row | None:
    """The first row, or None."""
    return run_with(db, sql, params).fetchone()


def changed(db: Database, sql: str, *params: object) -> int:
    """Execute one INSERT, UPDATE or DELETE; how many rows it touched."""
    return run_with(db, sql, params).connection.changes()


def changes(db: Database) -> int:
    """How many rows this connection has changed so far; what was undone counts."""
    connection: _Connection = db.connection()  # type: ignore[no-untyped-call]
    return connection.total_changes()


def added(db: Database, sql: str, params: Sequence[object]) -> int | None:
    """Execute one INSERT of at most one row; the row's number, None if none was added.

    A RETURNING would say the same, but SQLite makes a table of its own for what it returns.
    """
    connection = run_with(db, sql, params).connection
    return connection.last_insert_rowid() if connection.changes() else None


def add_all(db: Database, insert: str, rows: Sequence[Row]) -> int:
    """Add rows of one length by one statement, all or none; the number of the first.

    `insert` ends with the column list. In a table that numbers its rows itself, the others have
    the numbers behind it: nobody else writes in between.
    """
    insert_all = _insert_all(insert, len(rows[0]), len(rows))
    added = run_with(db, insert_all, tuple(chain.from_iterable(rows)))
    return added.connection.last_insert_rowid() - len(rows) + 1


@functools.lru_cache(maxsize=256)
def _insert_all(insert: str, columns: int, rows: int) -> str:
    one = f"({', '.join('?' * columns)})"
    return f"{insert} VALUES {', '.join([one] * rows)}"
