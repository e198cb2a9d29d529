"""Running one hand-written statement, with types.

Statements go to the connection itself: on its way through peewee's cursor one costs more
than SQLite needs for it. What they raise is peewee's all the same, as of everything else.
Statements use `?` for parameters and are assembled from constants only, so that each is
prepared once and kept.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import peewee
from peewee import Database

Row = tuple[Any, ...]


class Rows(Protocol):
    """What a statement gave back, read once."""

    def __iter__(self) -> Iterator[Row]: ...

    def fetchone(self) -> Row | None: ...

    def fetchall(self) -> list[Row]: ...


class _Connection(Protocol):
    """A connection of apsw, as far as it is used here."""

    def execute(self, sql: str, params: tuple[object, ...]) -> Rows: ...

    def changes(self) -> int: ...

    def last_insert_rowid(self) -> int: ...


def run(db: Database, sql: str, *params: object) -> Rows:
    """Execute one statement in the transaction that is open on this thread."""
    try:
        connection: _Connection = db.connection()  # type: ignore[no-untyped-call]
        return connection.execute(sql, params)
    except Exception:
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
            raise


def one(db: Database, sql: str, *params: object) -> Row | None:
    """The first row, or None."""
    return run(db, sql, *params).fetchone()


def changed(db: Database, sql: str, *params: object) -> int:
    """Execute one INSERT, UPDATE or DELETE; how many rows it touched."""
    run(db, sql, *params)
    return _connection(db).changes()


def added(db: Database, sql: str, *params: object) -> int | None:
    """Execute one INSERT of at most one row; the row's number, None if none was added.

    A RETURNING would say the same, but SQLite makes a table of its own for what it returns.
    """
    run(db, sql, *params)
    connection = _connection(db)
    return connection.last_insert_rowid() if connection.changes() else None


def _connection(db: Database) -> _Connection:
    # Not `cast`: it would be a call more for every statement.
    connection: _Connection = db.connection()  # type: ignore[no-untyped-call]
    return connection
