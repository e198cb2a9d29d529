"""The reference of every durable write: bare apsw, the same rows, the same group size.

The rows that the product wrote are read back from its database and written once more into an
empty one with the same tables, indexes, checks and triggers, by prepared INSERTs and one
durable commit a group; if it can be, behind each round, since a machine may be slower a minute
later. What the product does beyond that (looking for repeats, checking, answering) is what the
comparison shows.
"""

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw

from benchmarks.machine import database
from pulsarack.daemon import store
from pulsarack.daemon.store_files import database as product_database

Value = str | int | float | bytes | None
Row = tuple[str, tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Written:
    """What a daemon left. `before`: what was there before anything was timed; `units`: the
    rows of each piece of work, in order.
    """

    before: list[Row]
    units: list[list[Row]]


def commits(path: Path) -> int:
    """How many commits the product has counted in its database (daemon/store_mark.py)."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        return int(str(connection.execute("PRAGMA user_version").get))


def rows(connection: apsw.Connection, table: str, where: str = "1") -> list[Row]:
    """The rows of a table in the order they were written, each with its INSERT."""
    names = [str(name) for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    marks = ", ".join("?" * len(names))
    insert = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
    key = "sequence" if table == "transfer" else "rowid"
    order = "" if table == "account" else f" ORDER BY {key}"
    found = connection.execute(f"SELECT {', '.join(names)} FROM {table} WHERE {where}{order}")
    return [(insert, tuple(values)) for values in found]


def accounts(connection: apsw.Connection) -> list[Row]:
    """The accounts as they were opened: the transfers will move their balances again."""
    insert = "INSERT INTO account (code, asset, type, limited, opened_at) VALUES (?, ?, ?, ?, ?)"
    found = connection.execute("SELECT code, asset, type, limited, opened_at FROM account")
    return [(insert, tuple(values)) for values in found]


def seconds(path: Path, written: Written, group: int) -> float:
    """Writes everything into a new database at `path`; how long the units took."""
    store.prepare(product_database(path), path, 0, ()).close()
    with database(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for insert, values in written.before:
            connection.execute(insert, values)
        connection.execute("COMMIT")
        began = time.perf_counter()
        for units in batches(written.units, group):
            connection.execute("BEGIN IMMEDIATE")
            for insert, values in itertools.chain.from_iterable(units):
                connection.execute(insert, values)
            connection.execute("COMMIT")
        return time.perf_counter() - began


def whole(group: float) -> int:
    """A group of so many units on average, as a size."""
    return max(1, math.floor(group + 0.5))


def batches(units: Sequence[list[Row]], size: int) -> Iterator[Sequence[list[Row]]]:
    """The units in groups of one size, the last one smaller."""
    for first in range(0, len(units), size):
        yield units[first : first + size]
