"""What belongs to no order and leaves for the archives all the same: readings, texts, replies.

A chip that stands idle has its stock read every hour, most orders bring a second text that says
what is known, and operators advertise: all of that comes as long as the rack runs. It leaves
when it is as old as the orders that leave, for the archive of its month and in the same way:
copied, durable, read back, compared, and only then let go.

What the books need stays: a text about stock that came in, which explains its transfer; of each
chip the first and the last reading and the last exact one, and what was read while an attempt
was open that is still here; whatever evidence names. Of a text that left its fingerprint
stays, as of the texts of orders: a SIM that still holds it must not have it booked twice.

An archive whose file cannot be missed, because no order left for it, gets nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from peewee import Database

from pulsarack.queue import archive
from pulsarack.queue.archive import Due
from pulsarack.queue.errors import Differs
from pulsarack.queue.rows import execute, scalar, select, tuples

_IDS = "(SELECT value FROM json_each(?1))"


@dataclass(frozen=True, slots=True)
class Rest:
    """A table: what people call its rows, when one was written, and which may leave."""

    name: str
    called: str
    at: str
    leaves: str

    @property
    def columns(self) -> str:
        """All its columns."""
        return next(one.columns for one in archive.TABLES if one.name == self.name)


TABLES: Final = (
    Rest(
        "stock_reading",
        "stock readings",
        "at",
        "r.id > (SELECT min(id) FROM stock_reading WHERE chip = r.chip)"
        " AND r.id < (SELECT max(id) FROM stock_reading WHERE chip = r.chip)"
        " AND r.id <> coalesce((SELECT id FROM stock_reading AS exact WHERE exact.chip = r.chip"
        " AND exact.exact_after IS NOT NULL ORDER BY exact.id DESC LIMIT 1), 0)"
        " AND NOT EXISTS (SELECT 1 FROM evidence AS e WHERE e.first_reading_id = r.id)"
        " AND NOT EXISTS (SELECT 1 FROM evidence AS e WHERE e.last_reading_id = r.id)"
        " AND NOT EXISTS (SELECT 1 FROM attempt AS a WHERE a.chip = r.chip"
        " AND a.claimed_at <= r.at AND (a.closed_at IS NULL OR a.closed_at >= r.at))",
    ),
    Rest(
        "sms",
        "texts",
        "received_at",
        "r.attempt_id IS NULL AND r.meaning <> 'STOCK_IN'"
        " AND NOT EXISTS (SELECT 1 FROM evidence AS e WHERE e.sms_id = r.id)",
    ),
    Rest("unparsed", "unparsed replies", "at", "r.attempt_id IS NULL"),
)


def newest_old(db: Database, rest: Rest, *, cut: int, now_ms: int) -> int:
    """Up to which id rows are looked at: those before the first that was written after `cut`.

    A row of a time that has not come yet, by a clock that was ahead, says nothing of the others.
    """
    newer = (
        f"SELECT id FROM {rest.name} WHERE {rest.at} >= ? AND {rest.at} <= ? ORDER BY id LIMIT 1"
    )
    first = scalar(db, newer, (cut, now_ms))
    last = scalar(db, f"SELECT coalesce(max(id), 0) FROM {rest.name}")
    return int(last) if first is None else int(first) - 1


def due(db: Database, rest: Rest, *, cut: int, after: int, upto: int, limit: int) -> list[Due]:
    """The rows that may leave, oldest first; `after` is the last one of the batch before."""
    statement = (
        f"SELECT r.id, r.{rest.at} FROM {rest.name} AS r WHERE r.id > ?2 AND r.id <= ?3"
        f" AND r.{rest.at} < ?1 AND {rest.leaves} ORDER BY r.id LIMIT ?4"
    )
    return select(db, Due, statement, (cut, after, upto, limit))


def read(db: Database, rest: Rest, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """These rows, from the database or from an archive."""
    statement = f"SELECT {rest.columns} FROM {rest.name} WHERE id IN {_IDS} ORDER BY id"
    return tuples(db, statement, (archive.json_ids(ids),))


def keep(
    db: Database, name: str, rest: Rest, ids: Sequence[int], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Write copies of rows into an archive, as one transaction there; those there already stay.

    Raises Differs, and nothing may be kept of the transaction, if something else is there.
    """
    marks = ", ".join("?" * len(rest.columns.split(",")))
    statement = f"INSERT INTO {rest.name} ({rest.columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    for row in rows:
        execute(db, statement, row)
    _same(name, rest, ids, read(db, rest, ids), rows)


def move(
    db: Database,
    name: str,
    rest: Rest,
    ids: Sequence[int],
    copies: Sequence[tuple[Any, ...]],
    *,
    cut: int,
) -> None:
    """Let rows go that the archive gave back as `copies`. One transaction; raises Differs."""
    still = f"SELECT r.id FROM {rest.name} AS r WHERE r.id IN {_IDS} AND r.{rest.at} < ?2"
    own = archive.json_ids(ids)
    if len(tuples(db, f"{still} AND {rest.leaves}", (own, cut))) != len(ids):
        raise _differs(name, rest, ids, "one is needed again")
    _same(name, rest, ids, copies, read(db, rest, ids))
    if rest.name == "sms":
        archive.remember_texts(db, ids)
    execute(db, f"DELETE FROM {rest.name} WHERE id IN {_IDS}", (own,))


def _same(
    name: str,
    rest: Rest,
    ids: Sequence[int],
    there: Sequence[tuple[Any, ...]],
    here: Sequence[tuple[Any, ...]],
) -> None:
    if list(there) != list(here):
        raise _differs(name, rest, ids, "the rows are not the same")


def _differs(name: str, rest: Rest, ids: Sequence[int], why: str) -> Differs:
    return Differs(name, f"{rest.called} {ids[0]} to {ids[-1]}", why)
