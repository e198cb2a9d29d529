"""The audit of the promises: the ledger's, the queue's, and, where there is one, the truth's.

It reads one snapshot of the database and writes nothing, so it may run beside the daemon
as well as after it. With the books of a simulated rack it also compares what we believe
with what the operators did (truth.py).
"""

from dataclasses import dataclass
from pathlib import Path

from peewee import Database

from pulsarack.daemon import truth, truth_books
from pulsarack.daemon.store_files import open_read_only
from pulsarack.daemon.truth import AttemptRow, ChipRow, OrderRow
from pulsarack.daemon.truth_books import Truth
from pulsarack.ledger import accounts
from pulsarack.ledger import audit as ledger_audit
from pulsarack.queue import audit as queue_audit
from pulsarack.queue.audit import Finding
from pulsarack.queue.rows import columns, scalar, select, tuples


@dataclass(frozen=True, slots=True)
class Rows:
    """What the comparison with the truth needs of the database."""

    orders: list[OrderRow]
    attempts: list[AttemptRow]
    chips: list[ChipRow]


def main(database: Path, truth_path: Path | None = None) -> list[Finding]:
    """Everything that breaks a promise; [] if all hold.

    Raises StoreError if the database cannot be read and TruthError if the truth cannot.
    """
    books = None if truth_path is None else truth_books.read(truth_path)
    with open_read_only(database) as db:
        return audit(db, books)


def audit(db: Database, books: Truth | None = None) -> list[Finding]:
    """The same on an open database."""
    found = [
        # All rules of the ledger are one promise: that the books balance.
        Finding("P3", one.subject, f"{one.rule.replace('_', ' ')}: {one.detail}")
        for one in ledger_audit.audit(db)
    ]
    found += queue_audit.audit(db)
    if books is not None:
        rows = read_rows(db)
        found += truth.compare(rows.orders, rows.attempts, rows.chips, books)
    return found


def read_rows(db: Database) -> Rows:
    """The orders, attempts and chips as the comparison takes them."""
    iccids = tuples(db, "SELECT iccid, stock_exact FROM chip ORDER BY iccid")
    return Rows(
        select(db, OrderRow, f"SELECT {columns(OrderRow)} FROM orders ORDER BY id"),
        select(db, AttemptRow, f"SELECT {columns(AttemptRow)} FROM attempt ORDER BY id"),
        [_chip(db, iccid, bool(exact)) for iccid, exact in iccids],
    )


def _chip(db: Database, iccid: str, stock_exact: bool) -> ChipRow:
    code = accounts.chip(iccid)
    balance = "SELECT debits_posted - credits_posted FROM account WHERE code = ?"
    readings = "SELECT min(at), max(at) FROM stock_reading WHERE chip = ?"
    first, last = tuples(db, readings, (iccid,))[0]
    amounts = tuples(
        db,
        "SELECT amount FROM transfer WHERE debit = ? AND phase = 'posted'"
        " AND id LIKE 'sms:%:stock_in' ORDER BY sequence",
        (code,),
    )
    discrepancy = scalar(
        db,
        "SELECT coalesce(sum(CASE debit WHEN ? THEN amount ELSE -amount END), 0) FROM transfer"
        " WHERE phase = 'posted' AND (debit, credit) IN (VALUES (?, ?), (?, ?))",
        (code, code, accounts.DISCREPANCY, accounts.DISCREPANCY, code),
    )
    return ChipRow(
        iccid,
        stock_exact,
        int(scalar(db, balance, (code,)) or 0),
        None if first is None else (int(first), int(last)),
        tuple(int(amount) for (amount,) in amounts),
        int(discrepancy),
    )
