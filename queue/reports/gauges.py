"""How everything stands at one moment, in figures for a monitor: read often, so it reads little.

Each statement is answered from what is under way or waits (partial indexes), from a count that is
kept (`finished_orders`), or from a table that does not grow with the orders (chips, a row a card).
So it costs the same in a file of years. No agent and no number is in it.
"""

from dataclasses import dataclass
from typing import NamedTuple

from peewee import Database

from pulsarack.queue import complaints, contradiction, discrepancies, orders
from pulsarack.queue.deposits import bank_rows, credits
from pulsarack.queue.rows import select, tuples
from pulsarack.queue.state import OrderState


class OpenOrders(NamedTuple):
    """The open orders of an operator in one state; `since`: of the one that waits longest.

    Milliseconds UTC: its receipt, or of an undecided one when it became undecided last.
    """

    operator: str
    state: str
    number: int
    since: int


class ChipFigures(NamedTuple):
    """A chip; rupiah. `held` is set aside for what is being sold, `reserve` is its own."""

    iccid: str
    name: str
    operator: str | None
    state: str
    rest_until: int | None
    stock_exact: int
    reserve: int
    posted: int
    held: int


class Waiting(NamedTuple):
    """The texts that wait for a channel; `since`: when the oldest was written, ms UTC."""

    channel: str
    number: int
    since: int


@dataclass(frozen=True, slots=True)
class Gauges:
    """All of it, as of one snapshot. `needs_person`: what waits for a person's decision."""

    orders: dict[str, int]
    open: list[OpenOrders]
    chips: list[ChipFigures]
    outbox: list[Waiting]
    needs_person: dict[str, int]


_QUEUED = (
    "SELECT queue.operator, queue.number, first.received_at FROM ("
    "SELECT operator, count(*) AS number, min(id) AS id FROM orders"
    " WHERE state = 'QUEUED' GROUP BY operator) AS queue"
    " JOIN orders AS first ON first.id = queue.id"
)
# Never more than there are chips: one open attempt a chip.
_UNDER_WAY = (
    "SELECT operator, state, id, received_at FROM orders WHERE state IN ('SENDING', 'UNKNOWN')"
)
_UNDECIDED_SINCE = "SELECT max(at) FROM transition WHERE order_id = ? AND state = 'UNKNOWN'"
_CHIPS = (
    "SELECT c.iccid, c.name, c.operator, c.state, c.rest_until, c.stock_exact, c.reserve,"
    " coalesce(a.debits_posted - a.credits_posted, 0), coalesce(a.credits_held, 0)"
    " FROM chip AS c LEFT JOIN account AS a ON a.code = 'asset:chip:' || c.iccid"
)
_OUTBOX = (
    "SELECT channel, count(*), min(created_at) FROM outgoing WHERE state = 'WAITING'"
    " GROUP BY channel"
)


def gauges(db: Database) -> Gauges:
    """Read everything; one snapshot."""
    return Gauges(
        orders=orders.count_by_state(db),
        open=_open(db),
        chips=select(db, ChipFigures, _CHIPS),
        outbox=[Waiting(*row) for row in tuples(db, _OUTBOX)],
        needs_person=needs_person(db),
    )


def needs_person(db: Database) -> dict[str, int]:
    """What waits for a person, by kind, as `pulsarack status` says it."""
    return {
        "undecided": len(contradiction.undecided(db)),
        "refuted": len(contradiction.refuted(db)),
        "discrepancies": discrepancies.waiting(db),
        "payments": bank_rows.unmatched(db),
        "credits": credits.waiting(db),
        "complaints": complaints.waiting(db),
    }


def _open(db: Database) -> list[OpenOrders]:
    queued = OrderState.QUEUED.value
    found = [
        OpenOrders(operator, queued, number, since)
        for operator, number, since in tuples(db, _QUEUED)
    ]
    under_way: dict[tuple[str, str], list[int]] = {}
    for operator, state, order_id, received_at in tuples(db, _UNDER_WAY):
        since = received_at
        if state == OrderState.UNKNOWN:
            (row,) = tuples(db, _UNDECIDED_SINCE, (order_id,))
            since = received_at if row[0] is None else int(row[0])
        under_way.setdefault((operator, state), []).append(since)
    for (operator, state), since_each in under_way.items():
        found.append(OpenOrders(operator, state, len(since_each), min(since_each)))
    return found
