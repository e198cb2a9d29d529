"""Running one hand-written statement, with types.

peewee hands cursors of several kinds through an untyped call; what the rooms need of
them is this little. Statements use `?` for parameters and are assembled from constants
only.
"""

from collections.abc import Iterator
from typing import Any, Protocol, cast

from peewee import Database

Row = tuple[Any, ...]


class Rows(Protocol):
    """What a statement gave back, read once."""

    def __iter__(self) -> Iterator[Row]: ...

    def fetchone(self) -> Row | None: ...

    def fetchall(self) -> list[Row]: ...


def run(db: Database, sql: str, *params: object) -> Rows:
    """Execute one statement in the transaction that is open on this thread."""
    return cast(Rows, db.execute_sql(sql, params))  # type: ignore[no-untyped-call]


def one(db: Database, sql: str, *params: object) -> Row | None:
    """The first row, or None."""
    return run(db, sql, *params).fetchone()


def changed(db: Database, sql: str, *params: object) -> int:
    """Execute one INSERT, UPDATE or DELETE; how many rows it touched."""
    cursor = db.execute_sql(sql, params)  # type: ignore[no-untyped-call]
    return int(db.rows_affected(cursor))  # type: ignore[no-untyped-call]
