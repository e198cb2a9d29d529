"""The states of an order, and the only way to change one.

    QUEUED ----> SENDING ----> SUCCEEDED ----> REVERSED
      |  ^        |  |  |          ^
      |  +--------+  |  +--> FAILED|
      |  |           v         ^   |
      |  +--------UNKNOWN------+---+
      +--> FAILED (no way in time), CANCELLED

QUEUED: accepted, the price held. SENDING: claimed by a chip, the cost held.
UNKNOWN: money may have moved, nobody has proved it; everything stays held.
SUCCEEDED, FAILED and CANCELLED are told to the agent, and so is REVERSED: a
success that a person took back, with its price (see `reversal.py`). `LEGAL` is the whole rule;
`move` applies it under the order's present state, so that a second mover of the
same order finds nothing to move.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from peewee import Database

from pulsarack.ledger.sql import changed
from pulsarack.queue.errors import IllegalMove
from pulsarack.queue.rows import columns, execute, insert_all, scalar, select


class OrderState(StrEnum):
    """Where an order stands."""

    QUEUED = "QUEUED"
    SENDING = "SENDING"
    UNKNOWN = "UNKNOWN"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    REVERSED = "REVERSED"


LEGAL: dict[OrderState, frozenset[OrderState]] = {
    OrderState.QUEUED: frozenset({OrderState.SENDING, OrderState.FAILED, OrderState.CANCELLED}),
    OrderState.SENDING: frozenset(
        {OrderState.SUCCEEDED, OrderState.FAILED, OrderState.QUEUED, OrderState.UNKNOWN}
    ),
    OrderState.UNKNOWN: frozenset({OrderState.SUCCEEDED, OrderState.FAILED, OrderState.QUEUED}),
    OrderState.SUCCEEDED: frozenset({OrderState.REVERSED}),
    OrderState.FAILED: frozenset(),
    OrderState.CANCELLED: frozenset(),
    OrderState.REVERSED: frozenset(),
}

OPEN = frozenset({OrderState.QUEUED, OrderState.SENDING, OrderState.UNKNOWN})


# Each order's present state is looked at by the statement that changes it.
_MOVES = {
    new: "UPDATE orders SET state = ?, finished_at = ? WHERE id = ? AND state IN ("
    + ", ".join(f"'{old.value}'" for old, allowed in LEGAL.items() if new in allowed)
    + ")"
    for new in OrderState
}


_SUCCEED = _MOVES[OrderState.SUCCEEDED].replace(
    "finished_at = ?", "finished_at = ?, serial_number = coalesce(?, serial_number), reason = NULL"
)


def move(db: Database, order_id: int, new: OrderState, *, why: str, now_ms: int) -> None:
    """Move one order and record the transition.

    Raises IllegalMove, and changes nothing, if the table forbids it.
    """
    finished = None if new in OPEN else now_ms
    if not changed(db, _MOVES[new], new, finished, order_id):
        raise _illegal(db, order_id, new)
    record(db, order_id, new, why=why, now_ms=now_ms)


def succeed(
    db: Database, order_id: int, *, serial_number: str | None, why: str, now_ms: int
) -> None:
    """As `move` to SUCCEEDED, with the operator's number of it; one told before stays."""
    new = OrderState.SUCCEEDED
    if not changed(db, _SUCCEED, new, now_ms, serial_number, order_id):
        raise _illegal(db, order_id, new)
    record(db, order_id, new, why=why, now_ms=now_ms)


def _illegal(db: Database, order_id: int, new: OrderState) -> IllegalMove:
    old = scalar(db, "SELECT state FROM orders WHERE id = ?", (order_id,))
    if old is None:
        return IllegalMove(f"there is no order {order_id}")
    return IllegalMove(f"an order that is {old} cannot become {new}")


_RECORD = "INSERT INTO transition (order_id, at, state, why)"
_RECORD_ONE = f"{_RECORD} VALUES (?, ?, ?, ?)"


def record(db: Database, order_id: int, state: OrderState, *, why: str, now_ms: int) -> None:
    """Write the history line of a transition; part of every move and of intake."""
    execute(db, _RECORD_ONE, (order_id, now_ms, state, why))


def record_all(
    db: Database, order_ids: Sequence[int], state: OrderState, *, why: str, now_ms: int
) -> None:
    """The same line for some orders."""
    name = state.value
    insert_all(db, _RECORD, [(order_id, now_ms, name, why) for order_id in order_ids])


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of an order's history."""

    at: int
    state: str
    why: str


def history(db: Database, order_id: int) -> list[Transition]:
    """The states an order went through, first to last."""
    return select(
        db,
        Transition,
        f"SELECT {columns(Transition)} FROM transition WHERE order_id = ? ORDER BY id",
        (order_id,),
    )
