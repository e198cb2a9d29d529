"""Rows as values, SQL by hand.

Every table that the code reads has one frozen dataclass whose fields are named as the
columns; a query names its columns through it, so that the two cannot drift apart. What
every sale reads some times is a named tuple: one is made in an eighth of the time.
Statements are written out because claiming and settling must cost what the
database costs and no more.
"""

import functools
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from peewee import Database

from pulsarack.ledger.sql import add_all, added, run_with

Row = TypeVar("Row")


@functools.cache
def columns(shape: type[Any]) -> str:
    """The column list of a row shape, for a SELECT or RETURNING."""
    names = getattr(shape, "_fields", None) or [field.name for field in fields(shape)]
    return ", ".join(names)


def select(db: Database, shape: type[Row], sql: str, params: Sequence[Any] = ()) -> list[Row]:
    """All rows of a query whose columns are ``columns(shape)``."""
    return [shape(*row) for row in run_with(db, sql, params).fetchall()]


def select_one(db: Database, shape: type[Row], sql: str, params: Sequence[Any] = ()) -> Row | None:
    """The first row of a query, or None."""
    row = run_with(db, sql, params).fetchone()
    return None if row is None else shape(*row)


def insert(db: Database, sql: str, params: Sequence[Any] = ()) -> int:
    """Add a row; its id."""
    row_id = added(db, sql, params)
    assert row_id is not None, "an INSERT of VALUES adds a row or raises"
    return row_id


def insert_new(db: Database, sql: str, params: Sequence[Any] = ()) -> int | None:
    """Add a row unless it is there already (the statement sees to that); its id."""
    return added(db, sql, params)


def insert_all(db: Database, into: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Add rows by one statement, all or none; the id of the first, behind which the others are."""
    return add_all(db, into, rows)


def scalar(db: Database, sql: str, params: Sequence[Any] = ()) -> Any:
    """The first column of the first row, or None."""
    row = run_with(db, sql, params).fetchone()
    return None if row is None else row[0]


def tuples(db: Database, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query that has no row shape of its own."""
    rows: list[tuple[Any, ...]] = run_with(db, sql, params).fetchall()
    return rows


def execute(db: Database, sql: str, params: Sequence[Any] = ()) -> None:
    """A statement whose answer nobody needs."""
    run_with(db, sql, params)


def touched(db: Database, sql: str, params: Sequence[Any] = ()) -> bool:
    """Run an INSERT, an UPDATE or a DELETE; whether it added or found a row."""
    return run_with(db, sql, params).connection.changes() > 0
