"""Closing old matters: transfers leave the journal for an archive, and the books still balance.

Only whole matters leave: all transfers of one reference, whose holds have ended. The rows are
first in the archive, which is a file of its own, and durable there. Then, in one transaction,
the copies that were read back from it are laid beside the rows, and each row goes with the
copy that equals it; triggers add it to what its accounts bring forward. They refuse every
other way: see migrations/0002. So per account the cached sums are what was brought forward
and what is in the journal; that is what the audit holds against each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from peewee import Database

from pulsarack.ledger import sql
from pulsarack.ledger.books import Entry
from pulsarack.ledger.errors import NotClosed

COLUMNS: Final = (
    "sequence, id, phase, hold_id, reverses, debit, credit, asset, amount, reference, memo, at"
)
_SUMS = "debits_posted, debits_held, credits_posted, credits_held"


@dataclass(frozen=True, slots=True)
class Forward:
    """What left an account for an archive: posted sums, and where in the journal it stood."""

    account: str
    archive: str
    debits_posted: int
    debits_held: int
    credits_posted: int
    credits_held: int
    first_sequence: int
    last_sequence: int


@dataclass(frozen=True, slots=True)
class ClosedRows:
    """How many rows left for an archive, and the sum of their numbers."""

    archive: str
    rows: int
    sequences: int


def move(db: Database, archive: str, copies: Sequence[sql.Row]) -> None:
    """Let the transfers of which these are copies (COLUMNS) go, in the caller's transaction.

    Raises NotClosed if one of them is not there; what differs or is open the database refuses.
    """
    marks = ", ".join("?" * (1 + len(COLUMNS.split(","))))
    for copy in copies:
        sql.run(
            db, f"INSERT INTO transfer_copy (archive, {COLUMNS}) VALUES ({marks})", archive, *copy
        )
    # A hold before its end, as they were booked.
    gone = sql.changed(
        db, "DELETE FROM transfer WHERE sequence IN (SELECT sequence FROM transfer_copy)"
    )
    if gone != len(copies):
        raise NotClosed(archive, len(copies), gone)


def brought_forward(db: Database, account: str | None = None) -> list[Forward]:
    """What was brought forward, of one account if wanted, newest rows first."""
    where, params = ("WHERE account = ? ", (account,)) if account is not None else ("", ())
    rows = sql.run(
        db,
        f"SELECT account, archive, {_SUMS}, first_sequence, last_sequence FROM brought_forward "
        f"{where}ORDER BY account, last_sequence DESC",
        *params,
    )
    return [Forward(*row) for row in rows]


def closed_rows(db: Database) -> list[ClosedRows]:
    """How much of the journal is in each archive."""
    rows = sql.run(db, "SELECT archive, rows, sequences FROM closed_rows ORDER BY archive")
    return [ClosedRows(*row) for row in rows]


class Adding:
    """Adds rows up as the triggers do: for the audit of an archive."""

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._accounts: dict[str, list[int]] = {}
        self._rows = self._sequences = 0

    def add(self, entry: Entry) -> None:
        """One row more."""
        self._rows += 1
        self._sequences += entry.sequence
        posted = entry.amount if entry.moves else 0
        held = {"held": entry.amount, "posted": 0}.get(entry.phase, -entry.amount)
        for account, side in ((entry.debit, 0), (entry.credit, 2)):
            sums = self._accounts.setdefault(account, [0, 0, 0, 0, entry.sequence, 0])
            sums[side] += posted
            sums[side + 1] += held
            sums[4] = min(sums[4], entry.sequence)
            sums[5] = max(sums[5], entry.sequence)

    def brought_forward(self) -> dict[str, Forward]:
        """By account, what it should have brought forward."""
        return {
            account: Forward(account, self._archive, *sums)
            for account, sums in self._accounts.items()
        }

    def closed_rows(self) -> ClosedRows:
        """How many rows there were."""
        return ClosedRows(self._archive, self._rows, self._sequences)
