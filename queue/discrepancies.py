"""Discrepancies: what a chip's stock was off the books, recorded until somebody says why.

A difference that two readings agree on is booked against `suspense:discrepancy` and kept
as a row of its own, together with its span: the orders that can have to do with it. These
are the orders that passed their point of no return on the chip after its stock was last
found exact, and those that had been proved not done shortly before without a word of the
operator, who may have booked them late. With an empty span no order explains it.

The row stays open until a person decides what it was. That decision is recorded once, with
who and why, and moves what is left of the amount out of suspense to the account that says
so. An order that turns out to be done after all takes its cost out of the falls that it can
lie in without a person (see `stock.take_back_discrepancy`). Nothing here is ever edited:
the rest of a discrepancy is its difference less its clearings, and the audit holds the rests
against the account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from peewee import Database

from pulsarack.ledger import accounts, journal
from pulsarack.ledger.journal import Result, Transfer
from pulsarack.queue import chips, clock_steps
from pulsarack.queue.errors import LedgerRefused, WrongKind
from pulsarack.queue.rows import columns, execute, insert, scalar, select, select_one, tuples

# How long before the last exact reading the operator may have had what it booked after it.
BOOKED_LATE_MS = 24 * 3600 * 1000


class ClearingKind(StrEnum):
    """What a difference turned out to be."""

    LOSS = "loss"  # stock that is gone
    GAIN = "gain"  # stock that nobody gave us
    STOCK_IN = "stock-in"  # stock that came, or was taken back, without a text
    DELIVERY = "delivery"  # the cost of an order that its books do not show
    OPENING = "opening"  # it was so before we kept books
    ORDER = "order"  # an order that is now known to be done took it; never a person's word


DECISIONS = tuple(kind for kind in ClearingKind if kind is not ClearingKind.ORDER)
# What can only be stock that is missing, and what only stock that is too much.
_FALLS = (ClearingKind.LOSS, ClearingKind.DELIVERY)
_RISES = (ClearingKind.GAIN,)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One difference, rupiah; below zero stock is missing.

    `stock` and `ledger` are the operator's figure and ours when it was booked; None where an
    order took from suspense what nobody had booked there. `since` is when the stock was last
    exact before. `rest` is what is not cleared yet, with the sign of `difference`.
    """

    id: int
    chip: str
    at: int
    difference: int
    stock: int | None
    ledger: int | None
    since: int | None
    transfer_id: str
    rest: int
    orders: int
    first_order: int | None
    last_order: int | None


@dataclass(frozen=True, slots=True)
class Clearing:
    """What a discrepancy, or a part of it, turned out to be."""

    at: int
    amount: int
    kind: str
    account: str
    transfer_id: str
    why: str
    who: str


@dataclass(frozen=True, slots=True)
class SpanOrder:
    """An order in a span, and what its last attempt on the chip came to.

    Of one that was archived since, what the archive alone knows is None.
    """

    id: int
    state: str
    destination: str
    cost: int | None
    committed_at: int | None
    outcome: str | None
    said_done: int


@dataclass(frozen=True, slots=True)
class Cleared:
    """A decision about a discrepancy; `repeated`: it had been taken before, nothing moved."""

    clearing: Clearing
    repeated: bool


@dataclass(frozen=True, slots=True)
class Span:
    """Since when a difference can have arisen, and the orders it can lie in."""

    since: int | None
    orders: tuple[int, ...]


_ROWS = f"""
SELECT {columns(Discrepancy)} FROM (SELECT d.*,
    d.difference - coalesce((SELECT sum(amount) FROM discrepancy_clearing AS c
        WHERE c.discrepancy_id = d.id), 0) AS rest,
    (SELECT count(*) FROM discrepancy_order AS o WHERE o.discrepancy_id = d.id) AS orders,
    (SELECT min(order_id) FROM discrepancy_order AS o WHERE o.discrepancy_id = d.id)
        AS first_order,
    (SELECT max(order_id) FROM discrepancy_order AS o WHERE o.discrepancy_id = d.id)
        AS last_order
    FROM discrepancy AS d)
"""


# Those since the stock was exact, by their number; the time only bounds what is looked at.
_SPAN = """
SELECT order_id FROM attempt
    WHERE chip = ?1 AND claimed_at >= ?3 AND id > ?2 AND committed_at IS NOT NULL
UNION SELECT order_id FROM attempt AS a
    WHERE chip = ?1 AND closed_at >= ?4 AND outcome = 'NOT_DONE' AND committed_at IS NOT NULL
    AND EXISTS (SELECT 1 FROM evidence AS e WHERE e.attempt_id = a.id
        AND e.verdict = 'NOT_DONE' AND e.kind IN ('stock', 'admin'))
ORDER BY order_id
"""


def span(db: Database, iccid: str, *, now_ms: int) -> Span:
    """The orders that a difference found on a chip now can lie in."""
    exact = tuples(
        db,
        "SELECT at, exact_after FROM stock_reading WHERE chip = ? AND exact_after IS NOT NULL"
        " ORDER BY id DESC LIMIT 1",
        (iccid,),
    )
    since, after = exact[0] if exact else (None, 0)
    late = clock_steps.stored_since(db, now_ms=now_ms, length_ms=BOOKED_LATE_MS)
    lowest = 0 if since is None else clock_steps.lowest_since(db, since, after)
    rows = tuples(db, _SPAN, (iccid, after, lowest, late))
    return Span(since, tuple(order_id for (order_id,) in rows))


def record(
    db: Database,
    iccid: str,
    difference: int,
    transfer_id: str,
    where: Span,
    *,
    read: tuple[int, int] | None,
    now_ms: int,
) -> int:
    """Keep a difference that was booked; `read` is the operator's figure and ours. The id."""
    figure, ledger = read or (None, None)
    discrepancy_id = insert(
        db,
        "INSERT INTO discrepancy (chip, at, difference, stock, ledger, since, transfer_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (iccid, now_ms, difference, figure, ledger, where.since, transfer_id),
    )
    for order_id in where.orders:
        execute(db, "INSERT INTO discrepancy_order VALUES (?, ?)", (discrepancy_id, order_id))
    return discrepancy_id


def find(db: Database, discrepancy_id: int) -> Discrepancy | None:
    """The discrepancy of that id."""
    return select_one(db, Discrepancy, f"{_ROWS} WHERE id = ?", (discrepancy_id,))


def listed(
    db: Database, *, cleared: bool = False, chip: str | None = None, limit: int = 1000
) -> list[Discrepancy]:
    """The newest discrepancies that wait for a decision, or all of them; of one chip if wanted."""
    return select(
        db,
        Discrepancy,
        f"{_ROWS} WHERE (? OR rest != 0) AND (? IS NULL OR chip = ?) ORDER BY id DESC LIMIT ?",
        (int(cleared), chip, chip, limit),
    )


def waiting(db: Database) -> int:
    """How many discrepancies wait for a decision."""
    return int(scalar(db, f"SELECT count(*) FROM ({_ROWS} WHERE rest != 0)"))


def open_falls(db: Database, iccid: str, order_id: int | None = None) -> list[Discrepancy]:
    """The falls of a chip's stock that nobody has explained, newest first.

    With an order only those that it can lie in.
    """
    return select(
        db,
        Discrepancy,
        f"{_ROWS} WHERE chip = ? AND rest < 0 AND (? IS NULL OR EXISTS (SELECT 1"
        " FROM discrepancy_order AS o WHERE o.discrepancy_id = id AND o.order_id = ?))"
        " ORDER BY id DESC",
        (iccid, order_id, order_id),
    )


def clearings(db: Database, discrepancy_id: int) -> list[Clearing]:
    """What was decided about a discrepancy, in order."""
    return select(
        db,
        Clearing,
        f"SELECT {columns(Clearing)} FROM discrepancy_clearing WHERE discrepancy_id = ?"
        " ORDER BY id",
        (discrepancy_id,),
    )


def span_orders(db: Database, found: Discrepancy) -> list[SpanOrder]:
    """The orders in a discrepancy's span."""
    return select(
        db,
        SpanOrder,
        f"SELECT {columns(SpanOrder)} FROM (SELECT o.id, o.state, o.destination, o.cost,"
        " a.committed_at, a.outcome, EXISTS (SELECT 1 FROM evidence AS e WHERE"
        " e.attempt_id = a.id AND e.verdict = 'DONE') AS said_done"
        " FROM discrepancy_order AS s JOIN orders AS o ON o.id = s.order_id"
        " JOIN attempt AS a ON a.id = (SELECT max(id) FROM attempt WHERE order_id = o.id"
        " AND chip = ? AND committed_at IS NOT NULL)"
        " WHERE s.discrepancy_id = ? UNION ALL"
        " SELECT p.id, p.state, p.destination, NULL, NULL, NULL, p.said_done"
        " FROM discrepancy_order AS s JOIN past_order AS p ON p.id = s.order_id"
        " WHERE s.discrepancy_id = ?) ORDER BY id",
        (found.chip, found.id, found.id),
    )


def decisions(found: Discrepancy) -> tuple[ClearingKind, ...]:
    """What a person can say that a discrepancy was.

    What no reading found gives back what was once decided, and that may have been anything.
    """
    if found.stock is None:
        return DECISIONS
    against = _RISES if found.rest < 0 else _FALLS
    return tuple(kind for kind in DECISIONS if kind not in against)


def clear(
    db: Database,
    found: Discrepancy,
    kind: ClearingKind | None,
    *,
    because: str,
    who: str,
    now_ms: int,
) -> Cleared:
    """Decide what the rest of a discrepancy was; without a kind it is a loss, or a gain.

    What is decided already stays so and is answered again. Raises WrongKind if stock that
    is missing is called a gain, or stock that is too much a loss or a delivery.
    """
    decided = clearings(db, found.id)
    if found.rest == 0 and decided:
        return Cleared(decided[-1], repeated=True)
    default = ClearingKind.LOSS if found.rest < 0 else ClearingKind.GAIN
    kind = kind or default
    if kind not in decisions(found):
        what = "missing" if found.rest < 0 else "too much"
        raise WrongKind(f"{abs(found.rest)} of stock is {what}: that is no {kind.value}")
    account = _account(db, found, kind)
    journal.open_account(db, account, now_ms=now_ms)
    missing = found.rest < 0
    moved = Transfer(
        id=f"discrepancy:{found.id}:clear",
        debit=account if missing else accounts.DISCREPANCY,
        credit=accounts.DISCREPANCY if missing else account,
        amount=abs(found.rest),
        reference=f"chip:{found.chip}",
        memo=f"{kind.value}, by {who}",
    )
    result = journal.transfer(db, moved, now_ms=now_ms)
    if result is not Result.OK:
        raise LedgerRefused(f"discrepancy {found.id}: {result}; run: pulsarack audit")
    made = Clearing(now_ms, found.rest, kind.value, account, moved.id, because, who)
    note_clearing(db, found.id, made)
    return Cleared(made, repeated=False)


def note_clearing(db: Database, discrepancy_id: int, made: Clearing) -> None:
    """Keep what a discrepancy, or a part of it, turned out to be; its transfer is booked."""
    values: Sequence[object] = (
        discrepancy_id,
        made.at,
        made.amount,
        made.kind,
        made.account,
        made.transfer_id,
        made.why,
        made.who,
    )
    execute(
        db,
        f"INSERT INTO discrepancy_clearing (discrepancy_id, {columns(Clearing)})"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def _account(db: Database, found: Discrepancy, kind: ClearingKind) -> str:
    if kind is ClearingKind.STOCK_IN:
        chip = chips.find(db, found.chip)
        # Only an adopted chip's stock is ever read, and adopting names the operator.
        assert chip is not None and chip.operator is not None
        return accounts.supplier(chip.operator)
    return _ACCOUNTS[kind]


_ACCOUNTS = {
    ClearingKind.LOSS: accounts.STOCK_LOSS,
    ClearingKind.GAIN: accounts.STOCK_GAIN,
    ClearingKind.DELIVERY: accounts.AIRTIME,
    ClearingKind.OPENING: accounts.OPENING,
}
