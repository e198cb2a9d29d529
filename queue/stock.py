"""A chip's stock: the operator's figure against the ledger's.

The first reading of a chip opens its balance. A later reading that differs is not
believed at once, since operators book late and a stock-in text may still be on its
way: the caller reads again after the recipe's settling time, and only a difference
that two readings agree on is booked, as a discrepancy, never as a silent correction.
Readings are meaningful only while no attempt is open on the chip; while one is, they
are evidence about it (`resolution.py`).
"""

from dataclasses import dataclass
from enum import StrEnum

from peewee import Database

from pulsarack.ledger import accounts, books, journal
from pulsarack.ledger.journal import Result, Transfer
from pulsarack.queue import attempts, chips, discrepancies
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.discrepancies import Clearing, ClearingKind, Discrepancy, Span
from pulsarack.queue.errors import LedgerRefused
from pulsarack.queue.rows import columns, insert, scalar, select, select_one, touched


class Comparison(StrEnum):
    """How a reading stands to the ledger."""

    OPENED = "OPENED"
    EQUAL = "EQUAL"
    DIFFERENT = "DIFFERENT"
    BUSY = "BUSY"  # an attempt is open: the reading is evidence, not a comparison


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading. `ledger` is the posted stock at that moment; both rupiah."""

    id: int
    chip: str
    at: int
    stock: int
    ledger: int
    source: str


def posted(db: Database, iccid: str) -> int:
    """The chip's stock in the ledger, holds not deducted."""
    balance = books.balance(db, accounts.chip(iccid))
    return balance.posted if balance else 0


def note_reading(
    db: Database,
    iccid: str,
    figure: int,
    source: str,
    *,
    exact: bool = False,
    ledger: int | None = None,
    now_ms: int,
) -> int:
    """Keep a reading as it came; `exact`: it was compared, and makes the stock exact. Its id.

    `ledger`: what `posted` says, if the caller knows it.
    """
    # The newest attempt of all chips parts this chip's as well, and costs one look.
    return insert(
        db,
        "INSERT INTO stock_reading (chip, at, stock, ledger, source, exact_after)"
        " VALUES (?, ?, ?, ?, ?, CASE WHEN ? THEN (SELECT coalesce(max(id), 0) FROM attempt) END)",
        (iccid, now_ms, figure, posted(db, iccid) if ledger is None else ledger, source, exact),
    )


def compare(db: Database, iccid: str, figure: int, *, now_ms: int) -> Comparison:
    """Keep a reading of the stock query and compare it; equal makes the stock exact."""
    first = scalar(db, "SELECT 1 FROM stock_reading WHERE chip = ? LIMIT 1", (iccid,)) is None
    if attempts.open_on_chip(db, iccid) is not None:
        note_reading(db, iccid, figure, "query", now_ms=now_ms)
        return Comparison.BUSY
    if first:
        opening = figure - posted(db, iccid)
        if opening:
            _move(db, iccid, opening, accounts.OPENING, "opening stock", now_ms)
    ledger = posted(db, iccid)
    differs = figure != ledger
    note_reading(db, iccid, figure, "query", exact=not differs, ledger=ledger, now_ms=now_ms)
    if differs:
        chips.doubt_stock(db, iccid)
        return Comparison.DIFFERENT
    chips.trust_stock(db, iccid)
    return Comparison.OPENED if first else Comparison.EQUAL


def book_discrepancy(db: Database, iccid: str, figure: int, *, now_ms: int) -> int:
    """Make the ledger agree with what two readings said; returns the difference booked.

    Refuses (0) while an attempt is open: then the difference may be that attempt.
    """
    if attempts.open_on_chip(db, iccid) is not None:
        return 0
    ledger = posted(db, iccid)
    difference = figure - ledger
    if difference:
        where = discrepancies.span(db, iccid, now_ms=now_ms)
        memo = "stock differs from the books"
        moved = _move(db, iccid, difference, accounts.DISCREPANCY, memo, now_ms)
        read = (figure, ledger)
        discrepancies.record(db, iccid, difference, moved, where, read=read, now_ms=now_ms)
    note_reading(db, iccid, figure, "query", exact=True, now_ms=now_ms)
    chips.trust_stock(db, iccid)
    return difference


def lacking(db: Database, iccid: str, cost: int, *, order_id: int) -> int:
    """What neither a chip's stock nor the falls that an order can lie in have of its cost."""
    own = cost if _own_fall(db, iccid, cost, order_id) else 0
    return max(0, cost - own - _available(db, iccid))


def _own_fall(db: Database, iccid: str, cost: int, order_id: int) -> Discrepancy | None:
    """The newest fall that an order can lie in and that is not smaller than its cost."""
    falls = discrepancies.open_falls(db, iccid, order_id)
    return next((fall for fall in falls if -fall.rest >= cost), None)


def take_back_discrepancy(
    db: Database, iccid: str, cost: int, *, order_id: int, why: str, who: str, now_ms: int
) -> None:
    """Undo as much of the booked falls of a chip's stock as an order now known to be done made.

    Its cost is about to be booked. A fall that nobody explained, that the order can lie in and
    that is no smaller is taken for the order's, or its cost would be booked twice: the newest.
    Where the stock still does not cover it, other falls that nobody explained give the rest.
    What they do not give was explained as something else, wrongly: it becomes a discrepancy of
    its own, for whoever explained it to see.
    """
    if own := _own_fall(db, iccid, cost, order_id):
        _take(db, own, cost, order_id, why, who, now_ms)
    missing = cost - _available(db, iccid)
    for fall in discrepancies.open_falls(db, iccid):
        missing -= _take(db, fall, missing, order_id, why, who, now_ms)
    if missing > 0:
        moved = _move(db, iccid, missing, accounts.DISCREPANCY, _memo(order_id), now_ms)
        where = Span(None, (order_id,))
        discrepancies.record(db, iccid, missing, moved, where, read=None, now_ms=now_ms)


def _take(
    db: Database, fall: Discrepancy, wanted: int, order_id: int, why: str, who: str, now_ms: int
) -> int:
    """Give a chip back what it lost by a fall, up to what is wanted; how much it was."""
    part = min(wanted, -fall.rest)
    if part <= 0:
        return 0
    moved = _move(db, fall.chip, part, accounts.DISCREPANCY, _memo(order_id), now_ms)
    kind, account = ClearingKind.ORDER.value, accounts.chip(fall.chip)
    made = Clearing(now_ms, -part, kind, account, moved, f"order {order_id}: {why}", who)
    discrepancies.note_clearing(db, fall.id, made)
    return part


def _memo(order_id: int) -> str:
    return f"booked as a discrepancy before, cost of order {order_id}"


def _available(db: Database, iccid: str) -> int:
    balance = books.balance(db, accounts.chip(iccid))
    return balance.available if balance else 0


def book_stock_in(
    db: Database, iccid: str, operator: str, amount: int, sms_id: int, *, now_ms: int
) -> None:
    """Book stock that a text says has arrived; the stock is read again before selling."""
    supplier = accounts.supplier(operator)
    journal.open_account(db, supplier, now_ms=now_ms)
    _must(
        journal.transfer(
            db,
            Transfer(
                id=f"sms:{sms_id}:stock_in",
                debit=accounts.chip(iccid),
                credit=supplier,
                amount=amount,
                reference=f"chip:{iccid}",
                memo="stock in",
            ),
            now_ms=now_ms,
        ),
        iccid,
    )
    chips.doubt_stock(db, iccid)


# A reading that is the ledger's own figure.
_NOTE_EQUAL = (
    "INSERT INTO stock_reading (chip, at, stock, ledger, source, exact_after)"
    " SELECT ?1, ?2, ?3, ?3, 'reply', (SELECT coalesce(max(id), 0) FROM attempt)"
    " FROM account WHERE code = ?4 AND debits_posted - credits_posted = ?3"
)


def after_sale(db: Database, iccid: str, figure: int | None, *, now_ms: int) -> bool:
    """Compare the stock that a success reply named; True if the chip may sell on at once."""
    stock = accounts.chip(iccid)
    if figure is None or not touched(db, _NOTE_EQUAL, (iccid, now_ms, figure, stock)):
        chips.doubt_stock(db, iccid)
        return False
    chips.trust_stock(db, iccid)
    return True


def readings(db: Database, iccid: str, limit: int = 20) -> list[Reading]:
    """The newest readings of a chip."""
    return select(
        db,
        Reading,
        f"SELECT {columns(Reading)} FROM stock_reading WHERE chip = ? ORDER BY id DESC LIMIT ?",
        (iccid, limit),
    )


def reading(db: Database, reading_id: int) -> Reading | None:
    """One reading."""
    return select_one(
        db, Reading, f"SELECT {columns(Reading)} FROM stock_reading WHERE id = ?", (reading_id,)
    )


def readings_during(db: Database, attempt: Attempt) -> list[Reading]:
    """What was read of a chip while an attempt was open on it, in order."""
    return select(
        db,
        Reading,
        f"SELECT {columns(Reading)} FROM stock_reading"
        # One of the same millisecond ended the order before, whose end claimed this one.
        " WHERE chip = ? AND at > ? AND (? IS NULL OR at <= ?) ORDER BY id",
        (attempt.chip, attempt.claimed_at, attempt.closed_at, attempt.closed_at),
    )


def _move(db: Database, iccid: str, difference: int, against: str, memo: str, now_ms: int) -> str:
    """Change a chip's stock in the books, at once and against another account; the transfer."""
    journal.open_account(db, against, now_ms=now_ms)
    chip = accounts.chip(iccid)
    number = scalar(db, "SELECT coalesce(max(sequence), 0) + 1 FROM transfer")
    wanted = Transfer(
        id=f"stock:{number}:{iccid}",
        debit=chip if difference > 0 else against,
        credit=against if difference > 0 else chip,
        amount=abs(difference),
        reference=f"chip:{iccid}",
        memo=memo,
    )
    _must(journal.transfer(db, wanted, now_ms=now_ms), iccid)
    return wanted.id


def _must(result: Result, iccid: str) -> None:
    if result is not Result.OK:
        raise LedgerRefused(f"stock of chip {iccid}: {result}; run: pulsarack audit")
