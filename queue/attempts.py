"""Attempts: one try of an order on one chip, written before it is made.

An attempt without `committed_at` is provably not done: the step that moves money
cannot have left. With it, only evidence decides; that nothing was sent after all is
evidence, too, if whoever was to send it says so (`Rule.NOT_SENT`), and nobody else can.
An open attempt keeps its chip and its order from every other attempt (two unique
indexes), undecided ones included.
"""

import functools
import itertools
from typing import NamedTuple

from peewee import Database

from pulsarack.queue import evidence
from pulsarack.queue.errors import NotOpen
from pulsarack.queue.rows import columns, execute, scalar, select, select_one, touched

# How long an operator may still send what belongs to an attempt that is over, and say nothing
# by which it is known: the text of one that something else proved done, or its stock again.
UNNAMED_MS = 7 * 24 * 3600 * 1000


class Attempt(NamedTuple):
    """One attempt. Stock in rupiah; `stock_before` only where it was surely known."""

    id: int
    order_id: int
    number: int
    chip: str
    slot: str
    modem: str
    recipe: str
    claimed_at: int
    committed_at: int | None
    closed_at: int | None
    outcome: str | None
    reason: str | None
    why: str
    stock_before: int | None
    stock_after: int | None
    answered: int
    routing: str


class Exchange(NamedTuple):
    """One thing said or heard during an attempt, secrets masked."""

    at: int
    direction: str
    kind: str
    text: str
    status: int | None


_SELECT = f"SELECT {columns(Attempt)} FROM attempt"


def get(db: Database, attempt_id: int) -> Attempt:
    """The attempt of that id, which must exist."""
    found = select_one(db, Attempt, f"{_SELECT} WHERE id = ?", (attempt_id,))
    if found is None:
        raise LookupError(f"there is no attempt {attempt_id}")
    return found


class Owner(NamedTuple):
    """Whose an attempt is."""

    order_id: int
    chip: str


def owner(db: Database, attempt_id: int) -> Owner:
    """The order and the chip of an attempt, which must exist."""
    found = select_one(db, Owner, "SELECT order_id, chip FROM attempt WHERE id = ?", (attempt_id,))
    if found is None:
        raise LookupError(f"there is no attempt {attempt_id}")
    return found


def of_order(db: Database, order_id: int) -> list[Attempt]:
    """An order's attempts, first to last."""
    return select(db, Attempt, f"{_SELECT} WHERE order_id = ? ORDER BY number", (order_id,))


def open_on_chip(db: Database, iccid: str) -> Attempt | None:
    """The open attempt of a chip: being sent, or undecided."""
    return select_one(db, Attempt, f"{_SELECT} WHERE chip = ? AND closed_at IS NULL", (iccid,))


def every_open(db: Database) -> list[Attempt]:
    """All open attempts."""
    # With the plus the index of the open ones is read and sorted, not every attempt there ever was.
    return select(db, Attempt, f"{_SELECT} WHERE closed_at IS NULL ORDER BY +id")


_MAY_LEAVE = f"closed_at IS NULL AND NOT {evidence.contradicted('attempt.order_id')}"


def mark_committed(db: Database, attempt_id: int, *, now_ms: int) -> None:
    """Note that the step which moves money is about to leave; must be durable before it does.

    Raises NotOpen if the attempt was decided meanwhile, or a late text says that an earlier
    attempt of its order was done after all: then nothing may be sent.
    """
    found = touched(
        db,
        "UPDATE attempt SET committed_at = ?"
        f" WHERE id = ? AND committed_at IS NULL AND {_MAY_LEAVE}",
        (now_ms, attempt_id),
    )
    if not found:
        raise NotOpen(f"attempt {attempt_id} is closed, committed already, or must not go")


def may_still_leave(db: Database, attempt_id: int) -> bool:
    """Whether one that was claimed as committed may go, when something was waited for since."""
    may = f"SELECT 1 FROM attempt WHERE id = ? AND {_MAY_LEAVE}"
    return scalar(db, may, (attempt_id,)) is not None


def close(
    db: Database,
    attempt_id: int,
    *,
    done: bool,
    reason: str | None,
    why: str,
    stock_after: int | None,
    answered: bool,
    now_ms: int,
) -> None:
    """Close an open attempt with what was proved; raises NotOpen if it is closed already."""
    closed = touched(
        db,
        "UPDATE attempt SET closed_at = ?, outcome = ?, reason = ?, why = ?, stock_after = ?,"
        " answered = max(answered, ?) WHERE id = ? AND closed_at IS NULL",
        (
            now_ms,
            "DONE" if done else "NOT_DONE",
            reason,
            why,
            stock_after,
            int(answered),
            attempt_id,
        ),
    )
    if not closed:
        raise NotOpen(f"attempt {attempt_id} is closed already")


def leave_undecided(db: Database, attempt_id: int, *, reason: str, why: str) -> None:
    """Note on an open attempt why nobody knows; it stays open.

    Raises NotOpen if it is closed, or never reached the point of no return: then it is known.
    """
    found = touched(
        db,
        "UPDATE attempt SET reason = ?, why = ?"
        " WHERE id = ? AND closed_at IS NULL AND committed_at IS NOT NULL",
        (reason, why, attempt_id),
    )
    if not found:
        raise NotOpen(f"attempt {attempt_id} is closed, or was never committed")


def forget_stock_before(db: Database, iccid: str) -> None:
    """Note that a chip's stock was not what we thought when its open attempt began."""
    execute(
        db,
        "UPDATE attempt SET stock_before = NULL WHERE chip = ? AND closed_at IS NULL",
        (iccid,),
    )


@functools.cache
def _keep_exchanges(number: int) -> str:
    rows = ", ".join(["(?1, ?, ?, ?, ?, ?)"] * number)
    return f"INSERT INTO exchange (attempt_id, {columns(Exchange)}) VALUES {rows}"


def record_exchange(db: Database, attempt_id: int, *said: Exchange) -> None:
    """Keep what was said or heard, in order."""
    if said:
        values = itertools.chain.from_iterable(said)
        execute(db, _keep_exchanges(len(said)), (attempt_id, *values))


def exchanges(db: Database, attempt_id: int) -> list[Exchange]:
    """What was said and heard, in order."""
    return select(
        db,
        Exchange,
        f"SELECT {columns(Exchange)} FROM exchange WHERE attempt_id = ? ORDER BY id",
        (attempt_id,),
    )


def cost_hold(attempt_id: int) -> str:
    """The id of the transfer that holds an attempt's cost in the chip's stock."""
    return f"attempt:{attempt_id}:cost"


def silent(iccid: str, since: str) -> str:
    """SQL: the attempts of a chip, closed at or after then, that were never answered.

    Such an attempt's answer may still come, and must not be taken for another's. What
    counts is when it was closed, not when it was sent: texts for a chip that was out of
    the rack meanwhile come when it is back.
    """
    return (
        f"SELECT 1 FROM attempt WHERE chip = {iccid} AND closed_at >= {since}"
        " AND committed_at IS NOT NULL AND answered = 0"
    )


def silent_since(db: Database, iccid: str, since_ms: int, *, but: int) -> bool:
    """Whether a chip has another attempt, open at or after then, that was never answered."""
    # Of a chip's attempts one is open at most, and that is this one.
    found = scalar(db, f"{silent('?1', '?2')} AND id != ?3 LIMIT 1", (iccid, since_ms, but))
    return found is not None


def latest_on_chip(db: Database, iccid: str, limit: int = 20) -> list[Attempt]:
    """The newest attempts of a chip."""
    return select(
        db,
        Attempt,
        f"{_SELECT} WHERE chip = ? ORDER BY claimed_at DESC, id DESC LIMIT ?",
        (iccid, limit),
    )
