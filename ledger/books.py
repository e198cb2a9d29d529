"""Reading the books: balances, statements, the trial balance.

A balance is shown with the sign of the account's own side: a deposit grows by credits,
a chip's stock by debits, so both are positive while there is something. What is held
for a transfer out is already gone from what is available; what is held for a transfer
in does not count until it is posted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from peewee import Database

from pulsarack.ledger import sql
from pulsarack.ledger.accounts import AccountType
from pulsarack.ledger.models import Account

_ENTRY = "sequence, id, phase, hold_id, reverses, debit, credit, asset, amount, reference, memo, at"


class Balance(NamedTuple):
    """One account as it stands, in the minor unit of its asset."""

    code: str
    asset: str
    type: AccountType
    limited: bool
    posted: int
    held: int
    """Set aside for transfers out of the account."""
    arriving: int
    """Held elsewhere for transfers into the account; not available."""
    debits_posted: int
    credits_posted: int

    @property
    def available(self) -> int:
        """What may still be spent: posted less held."""
        return self.posted - self.held


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal."""

    sequence: int
    id: str
    phase: str
    hold_id: str | None
    reverses: str | None
    debit: str
    credit: str
    asset: str
    amount: int
    reference: str
    memo: str
    at: int

    @property
    def moves(self) -> bool:
        """Whether this row changed posted balances (a hold or a void does not)."""
        return self.phase in ("posted", "post")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the journal as an account sees it.

    `debit` and `credit` are 0 unless the row moved the posted balance, so each column
    adds up; `balance` is the posted balance after the row.
    """

    entry: Entry
    other: str
    debit: int
    credit: int
    balance: int


@dataclass(frozen=True, slots=True)
class AssetTrial:
    """All accounts of one asset; the books balance if `difference` is 0."""

    asset: str
    debits: int
    credits: int
    accounts: tuple[Balance, ...]

    @property
    def difference(self) -> int:
        """Debits less credits, posted."""
        return self.debits - self.credits


def balance(db: Database, code: str) -> Balance | None:
    """The balance of one account, or None if it was never opened. Costs one lookup."""
    row = sql.one(
        db,
        "SELECT code, asset, type, limited, debits_posted, credits_posted, debits_held, "
        "credits_held FROM account WHERE code = ?",
        code,
    )
    return None if row is None else _balance(*row)


def accounts(db: Database) -> list[Balance]:
    """Every account, ordered by code."""
    rows = Account.select(
        Account.code,
        Account.asset,
        Account.type,
        Account.limited,
        Account.debits_posted,
        Account.credits_posted,
        Account.debits_held,
        Account.credits_held,
    ).order_by(Account.code)
    return [_balance(*row) for row in rows.tuples().execute(db)]


def by_reference(db: Database, reference: str) -> list[Entry]:
    """All rows of one cause, e.g. "order:17", in the order they were booked."""
    rows = sql.run(
        db,
        # The second condition lets the partial index serve the query.
        f"SELECT {_ENTRY} FROM transfer WHERE reference = ? AND reference <> '' ORDER BY sequence",
        reference,
    )
    return [Entry(*row) for row in rows]


def find(db: Database, transfer_id: str) -> Entry | None:
    """One row of the journal by its id."""
    row = sql.one(db, f"SELECT {_ENTRY} FROM transfer WHERE id = ?", transfer_id)
    return None if row is None else Entry(*row)


def entries(db: Database, code: str, limit: int) -> list[Entry]:
    """The newest rows of an account that the journal, or an archive, has; newest first."""
    # Two index scans, each already in order, instead of one scan of the whole journal.
    rows = sql.run(
        db,
        f"SELECT {_ENTRY} FROM ("
        f" SELECT * FROM (SELECT {_ENTRY} FROM transfer WHERE debit = ?"
        "  ORDER BY sequence DESC LIMIT ?) UNION ALL"
        f" SELECT * FROM (SELECT {_ENTRY} FROM transfer WHERE credit = ?"
        "  ORDER BY sequence DESC LIMIT ?)"
        ") ORDER BY sequence DESC LIMIT ?",
        code,
        limit,
        code,
        limit,
        limit,
    )
    return [Entry(*row) for row in rows]


def movements(
    db: Database, code: str, *, above: int = 0, below: int = 2**63 - 1, limit: int
) -> list[Entry]:
    """The newest rows that moved an account's posted balance, newest first.

    Only rows with numbers between `above` and `below`, both not included.
    """
    moved = "AND sequence > ? AND sequence < ? AND (phase = 'posted' OR phase = 'post')"
    rows = sql.run(
        db,
        f"SELECT {_ENTRY} FROM ("
        f" SELECT * FROM (SELECT {_ENTRY} FROM transfer WHERE debit = ? {moved}"
        "  ORDER BY sequence DESC LIMIT ?) UNION ALL"
        f" SELECT * FROM (SELECT {_ENTRY} FROM transfer WHERE credit = ? {moved}"
        "  ORDER BY sequence DESC LIMIT ?)"
        ") ORDER BY sequence DESC LIMIT ?",
        *(code, above, below, limit),
        *(code, above, below, limit),
        limit,
    )
    return [Entry(*row) for row in rows]


def balance_before(db: Database, now: Balance, sequence: int) -> int:
    """The posted balance of an account without the rows from that number on.

    True as far as none of those rows is archived.
    """
    moved = "AND sequence >= ? AND (phase = 'posted' OR phase = 'post')"
    row = sql.one(
        db,
        f"SELECT (SELECT coalesce(sum(amount), 0) FROM transfer WHERE debit = ? {moved}),"
        f" (SELECT coalesce(sum(amount), 0) FROM transfer WHERE credit = ? {moved})",
        *(now.code, sequence),
        *(now.code, sequence),
    )
    assert row is not None, "two sums are a row"
    return now.posted - _signed(now.type, row[0], row[1])


def first_since(db: Database, at_ms: int) -> int:
    """The number of a row near the first one that was booked at that time or later.

    Found by halving, since rows are booked one after the other: only as exact as the clock was
    steady, so let `at_ms` be a little early.
    """
    low, high = 1, (sql.one(db, "SELECT coalesce(max(sequence), 0) + 1 FROM transfer") or (1,))[0]
    while low < high:
        middle = (low + high) // 2
        row = sql.one(
            db,
            "SELECT sequence, at FROM transfer WHERE sequence >= ? ORDER BY sequence LIMIT 1",
            middle,
        )
        if row is None or row[1] >= at_ms:
            high = middle
        else:
            low = row[0] + 1
    return int(low)


def lines(now: Balance, newest: Iterable[Entry]) -> list[Line]:
    """The rows of an account, newest first and none left out, with the balance after each.

    A statement: the newest rows of journal and archives (`entries`), down to where one is missing.
    """
    left = now.posted
    found = []
    for entry in newest:
        line = _line(entry, now.code, left)
        found.append(line)
        left -= _signed(now.type, line.debit, line.credit)
    return found


def trial_balance(db: Database) -> list[AssetTrial]:
    """Per asset the sums of all posted debits and credits, with the accounts behind them."""
    per_asset: dict[str, list[Balance]] = {}
    for account in accounts(db):
        per_asset.setdefault(account.asset, []).append(account)
    # Added up here and not in SQL: many full accounts together may exceed 64 bits.
    return [
        AssetTrial(
            asset,
            sum(account.debits_posted for account in found),
            sum(account.credits_posted for account in found),
            tuple(found),
        )
        for asset, found in sorted(per_asset.items())
    ]


def _balance(code: str, asset: str, kind: str, limited: int, *sums: int) -> Balance:
    debits_posted, credits_posted, debits_held, credits_held = sums
    side = AccountType(kind)
    out, into = (credits_held, debits_held) if side.grows_by_debit else (debits_held, credits_held)
    posted = _signed(side, debits_posted, credits_posted)
    return Balance(
        code, asset, side, bool(limited), posted, out, into, debits_posted, credits_posted
    )


def _signed(side: AccountType, debits: int, credits_: int) -> int:
    return debits - credits_ if side.grows_by_debit else credits_ - debits


def _line(entry: Entry, code: str, running: int) -> Line:
    is_debit = entry.debit == code
    moved = entry.amount if entry.moves else 0
    return Line(
        entry=entry,
        other=entry.credit if is_debit else entry.debit,
        debit=moved if is_debit else 0,
        credit=0 if is_debit else moved,
        balance=running,
    )
