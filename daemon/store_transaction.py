"""A transaction around the jobs of a store.

peewee's own goes through a cursor for each of its statements and through layers of contexts, and
a group of jobs is often one small job. These statements go straight to the connection, as all
others of the product do. peewee is told of it all the same: within a job `db.atomic()` is a
savepoint.
"""

from types import TracebackType
from typing import Literal

from peewee import Database

from pulsarack.ledger import sql


class Transaction:
    """Committed at the end of the block; undone if the block, or the commit, raises."""

    __slots__ = ("_begin", "_db")

    def __init__(self, db: Database, begin: Literal["BEGIN", "BEGIN IMMEDIATE"]) -> None:
        """`begin`: IMMEDIATE takes the right to write at once."""
        self._db = db
        self._begin = begin

    def __enter__(self) -> None:
        sql.run_with(self._db, self._begin)
        self._db.push_transaction(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._db.pop_transaction()  # type: ignore[no-untyped-call]
        if kind is not None:
            self._roll_back()
            return
        try:
            sql.run_with(self._db, "COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        # SQLite ends one by itself on a full disk and the like.
        if self._db.connection().in_transaction:  # type: ignore[no-untyped-call]
            sql.run_with(self._db, "ROLLBACK")
