"""The audit of the promises: file, ledger, queue, and, where there is one, the truth.

It reads one snapshot of the database and writes nothing, so it may run beside the daemon
as well as after it. With the books of a simulated rack it also compares what we believe
with what the operators did (truth.py).

The file comes first: SQLite's own checks, and a comparison of the schema with what the
migrations make, since a trigger or an index that is gone protects nothing any more. What
of a damaged file cannot be read is a finding beside those of the parts that can.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw
from peewee import Database, PeeweeException

from pulsarack.daemon import truth, truth_books
from pulsarack.daemon.migrations import load_scripts, schema_differences
from pulsarack.daemon.store_files import open_read_only
from pulsarack.daemon.truth import AttemptRow, ChipRow, OrderRow
from pulsarack.daemon.truth_books import Truth
from pulsarack.ledger import accounts
from pulsarack.ledger import audit as ledger_audit
from pulsarack.queue import audit as queue_audit
from pulsarack.queue.audit import Finding
from pulsarack.queue.rows import columns, scalar, select, tuples

_DATABASE = "database"

_DANGLING = """
SELECT "table", parent, min(rowid), count(*) FROM pragma_foreign_key_check
GROUP BY "table", parent ORDER BY "table", parent
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """What the comparison with the truth needs of the database."""

    orders: list[OrderRow]
    attempts: list[AttemptRow]
    chips: list[ChipRow]


def main(database: Path, truth_path: Path | None = None) -> list[Finding]:
    """Everything that breaks a promise; [] if all hold.

    Raises StoreError if the database cannot be opened and TruthError if the truth cannot.
    """
    books = None if truth_path is None else truth_books.read(truth_path)
    with open_read_only(database) as db:
        return audit(db, books)


def audit(db: Database, books: Truth | None = None) -> list[Finding]:
    """The same on an open database."""
    parts: list[tuple[str, Callable[[Database], Iterable[Finding]]]] = [
        ("the file", check_file),
        ("what the rows refer to", check_references),
        ("the schema", check_schema),
        ("the ledger", _check_ledger),
        ("the queue", queue_audit.findings),
    ]
    if books is not None:
        parts.append(("what the truth is compared with", lambda db: _compare(db, books)))
    found: list[Finding] = []
    for what, part in parts:
        try:
            for finding in part(db):
                found.append(finding)  # one by one: what came before an error is kept
        # SQLite reports most damage; the rest is bytes that are no text, and values
        # of types that their columns do not allow.
        except (PeeweeException, apsw.Error, ValueError, TypeError) as error:
            found.append(_unreadable(what, error))
    return found


def _unreadable(what: str, error: Exception) -> Finding:
    told = " ".join(str(error).split())
    detail = f"{what} cannot be read: {told}; check the disk, or restore a backup"
    return Finding("P1", _DATABASE, detail)


def check_file(db: Database) -> Iterator[Finding]:
    """What SQLite itself finds wrong with the file: pages, indexes, values."""
    for (told,) in tuples(db, "PRAGMA integrity_check"):
        if told != "ok":
            yield Finding("P1", _DATABASE, f"integrity check: {' '.join(told.split())}")


def check_references(db: Database) -> Iterator[Finding]:
    """Rows that refer to rows which are not there."""
    # One finding for each pair of tables: a table that is gone would give thousands.
    for table, parent, first, count in tuples(db, _DANGLING):
        row = table if first is None else f"{table} row {first}"
        more = f" (and {count - 1} more)" if count > 1 else ""
        yield Finding("P1", _DATABASE, f"foreign key check: {row}{more} names no {parent}")


def check_schema(db: Database) -> Iterator[Finding]:
    """Tables, indexes and triggers that are not exactly those of the migrations."""
    for name, detail in schema_differences(db, load_scripts()):
        yield Finding("P1", name, f"the schema is not as the migrations make it: {detail}")


def _check_ledger(db: Database) -> Iterator[Finding]:
    # All rules of the ledger are one promise: that the books balance.
    for one in ledger_audit.findings(db):
        yield Finding("P3", one.subject, f"{one.rule.replace('_', ' ')}: {one.detail}")


def _compare(db: Database, books: Truth) -> Iterable[Finding]:
    rows = read_rows(db)
    return truth.compare(rows.orders, rows.attempts, rows.chips, books)


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
        " AND (id LIKE 'sms:%:stock_in' OR reverses GLOB 'attempt:*:cost:post')"
        " ORDER BY sequence",
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
