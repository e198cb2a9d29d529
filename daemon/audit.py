"""The audit of the promises: file, ledger, queue, and, where there is one, the truth.

It reads one snapshot of the database and writes nothing, so it may run beside the daemon
as well as after it. With the books of a simulated rack it also compares what we believe
with what the operators did (truth.py).

The file comes first: SQLite's own checks, and a comparison of the schema with what the
migrations make, since a trigger or an index that is gone protects nothing any more. What
of a damaged file cannot be read is a finding beside those of the parts that can.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import apsw
from peewee import Database, PeeweeException

from pulsarack.daemon import archive_audit, truth, truth_books
from pulsarack.daemon.archive_file import folder_of, open_to_read, path_of
from pulsarack.daemon.migrations import load_scripts, schema_differences
from pulsarack.daemon.store_files import open_read_only
from pulsarack.daemon.truth import AttemptRow, ChipRow, OrderRow
from pulsarack.daemon.truth_books import Truth
from pulsarack.ledger import accounts
from pulsarack.ledger import audit as ledger_audit
from pulsarack.queue import admin_acts, archive
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


def main(
    database: Path, truth_path: Path | None = None, *, archives: bool = False
) -> list[Finding]:
    """Everything that breaks a promise; [] if all hold.

    With `archives` those are read as well; with a truth they must be, and an ArchiveError is
    raised if one cannot. Raises StoreError if the database cannot be opened and TruthError if
    the truth cannot.
    """
    books = None if truth_path is None else truth_books.read(truth_path)
    with open_read_only(database) as db:
        folder = folder_of(database)
        found = audit(db, books, folder)
        return found + (list(archive_audit.findings(db, folder)) if archives else [])


def audit(db: Database, books: Truth | None = None, folder: Path | None = None) -> list[Finding]:
    """The same on an open database; `folder`: where its archives lie."""
    parts: list[tuple[str, Callable[[Database], Iterable[Finding]]]] = [
        ("the file", check_file),
        ("what the rows refer to", check_references),
        ("the schema", check_schema),
        ("the ledger", _check_ledger),
        ("the queue", queue_audit.findings),
        ("what admins did", _check_acts),
    ]
    if books is not None:
        parts.append(("what the truth is compared with", lambda db: _compare(db, books, folder)))
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


def _check_acts(db: Database) -> Iterator[Finding]:
    """The record of what people did: whole as it was written, and nothing left out."""
    for subject, detail in admin_acts.problems(db):
        yield Finding("P3", subject, f"the record of admins' acts is not whole: {detail}")
    for subject, detail in admin_acts.unrecorded(db):
        yield Finding("P3", subject, f"somebody's word decided it: {detail}")


def _compare(db: Database, books: Truth, folder: Path | None) -> Iterable[Finding]:
    rows = read_rows(db, folder)
    return truth.compare(rows.orders, rows.attempts, rows.chips, books)


def read_rows(db: Database, folder: Path | None = None) -> Rows:
    """The orders, attempts and chips as the comparison takes them, archived ones included."""
    iccids = tuples(db, "SELECT iccid, stock_exact FROM chip ORDER BY iccid")
    orders = select(db, OrderRow, f"SELECT {columns(OrderRow)} FROM orders ORDER BY id")
    attempts = select(db, AttemptRow, f"SELECT {columns(AttemptRow)} FROM attempt ORDER BY id")
    came_back: dict[str, list[int]] = defaultdict(list)
    for one in archive.archives(db) if folder else ():
        assert folder is not None
        with open_to_read(path_of(folder, one.name)) as there:
            left = _those_that_left(db, there, one.name)
            rows = select(there, OrderRow, f"SELECT {columns(OrderRow)} FROM orders")
            orders += [row for row in rows if row.id in left]
            tried = select(there, AttemptRow, f"SELECT {columns(AttemptRow)} FROM attempt")
            attempts += [row for row in tried if row.order_id in left]
            for account, amount, order_id in tuples(there, _CAME_BACK):
                if order_id in left:
                    came_back[account].append(amount)
    chips = [_chip(db, iccid, bool(exact), came_back) for iccid, exact in iccids]
    return Rows(
        sorted(orders, key=lambda row: row.id), sorted(attempts, key=lambda row: row.id), chips
    )


# The costs that went back to chips with orders that were reversed.
_CAME_BACK = """
SELECT debit, amount, CAST(substr(reference, 7) AS INTEGER) FROM transfer
    WHERE phase = 'posted' AND reverses GLOB 'attempt:*:cost:post'
"""


def _those_that_left(db: Database, there: Database, name: str) -> set[int]:
    """The orders of an archive that the database says are in it, and not only copied there."""
    ids = [order_id for (order_id,) in tuples(there, "SELECT id FROM orders")]
    return archive.those_moved(db, name, ids)


def _chip(
    db: Database, iccid: str, stock_exact: bool, came_back: Mapping[str, list[int]]
) -> ChipRow:
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
        (*(int(amount) for (amount,) in amounts), *came_back.get(code, ())),
        int(discrepancy),
    )
