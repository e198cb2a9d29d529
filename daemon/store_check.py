"""A look at the database before it is used: what of a damaged file can be found at once.

SQLite's quick check reads every page. That is a matter of moments for what a rack writes
in some weeks, and of many minutes for the file of some years; so a large file is not
checked as a whole, but in the small tables that everything leans on. The rest shows when
it is read, and then the daemon ends instead of going on with it (`DatabaseDamaged`).
`pulsarack doctor`, for which nobody waits, reads files whole that are some times as large;
`pulsarack audit` reads all of any.
"""

from pathlib import Path

import apsw
from peewee import Database, PeeweeException

from pulsarack.daemon.store_errors import DatabaseDamaged
from pulsarack.ledger import sql

WHOLE_BYTES = 32 * 1024 * 1024
"""Up to this size all of the file is read at start: half a second of a slow machine, as long as
a start may be delayed by it."""

SMALL_TABLES = ("schema_version", "agent", "product", "prefix", "chip", "account", "clock_step")


def check_file(db: Database, path: Path, whole_bytes: int = WHOLE_BYTES) -> None:
    """Raise DatabaseDamaged with the first thing that is wrong."""
    try:
        found = first_damage(db, whole_bytes)
    except (PeeweeException, apsw.Error) as error:
        raise DatabaseDamaged(path, str(error)) from error
    if found is not None:
        raise DatabaseDamaged(path, found)


def first_damage(db: Database, whole_bytes: int = WHOLE_BYTES) -> str | None:
    """The first thing that SQLite finds wrong, None if nothing is."""
    ((pages,), (size,)) = (
        sql.one(db, "PRAGMA page_count") or (0,),
        sql.one(db, "PRAGMA page_size") or (0,),
    )
    if pages * size <= whole_bytes:
        return _told(db, "PRAGMA quick_check(1)")
    there = {name for (name,) in sql.run(db, "SELECT name FROM sqlite_schema")}
    for table in SMALL_TABLES:
        if table in there and (found := _told(db, f"PRAGMA quick_check({table})")):
            return found
    return None


def _told(db: Database, pragma: str) -> str | None:
    row = sql.one(db, pragma)
    return None if row is None or row[0] == "ok" else " ".join(str(row[0]).split())
