"""Orders as rows: reading them, and the few writes that several rooms share."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from peewee import Database

from pulsarack.ledger.amounts import AMOUNT_MAX
from pulsarack.queue import evidence
from pulsarack.queue.rows import columns, insert, insert_all, scalar, select, select_one, tuples
from pulsarack.queue.state import OPEN, OrderState


class Order(NamedTuple):
    """One order. Price and cost are rupiah, denomination thousands of rupiah."""

    id: int
    state: str
    agent: str
    product: str
    operator: str
    destination: str
    denomination: int
    price: int
    cost: int
    repeat_index: int
    local_day: str
    client_reference: str | None
    channel: str
    text: str
    reason: str | None
    serial_number: str | None
    received_at: int
    expires_at: int
    not_before: int
    finished_at: int | None


_SELECT = f"SELECT {columns(Order)} FROM orders"

# Conditions of partial indexes (migrations/0005), word for word.
_UNDER_WAY = "state IN ('SENDING', 'UNKNOWN')"
_RARE = "(state = 'FAILED' OR state = 'CANCELLED' OR state = 'REVERSED')"

# Where the orders of a state are found, and what puts the newest first: with a plus those of an
# open state are found by their own index and sorted, since they are few and may lie behind
# millions of finished ones. Successes are what most orders are: the newest of all are theirs.
_OF_STATE = {
    OrderState.QUEUED: "state = 'QUEUED'",
    OrderState.SENDING: f"{_UNDER_WAY} AND state = 'SENDING'",
    OrderState.UNKNOWN: f"{_UNDER_WAY} AND state = 'UNKNOWN'",
    OrderState.SUCCEEDED: "state = 'SUCCEEDED'",
    **{
        state: f"{_RARE} AND state = '{state}'"
        for state in (OrderState.FAILED, OrderState.CANCELLED, OrderState.REVERSED)
    },
}
_NEWEST = {state: "+id" if state in OPEN else "id" for state in OrderState}

# Queued, its time (?3) has come and is not over, it costs no more than ?4, no equal one is under
# way, it does not stand still.
_MAY_ROUTE = (
    "state = 'QUEUED' AND not_before <= ?3 AND expires_at > ?3 AND cost <= ?4"
    " AND NOT EXISTS (SELECT 1 FROM orders AS rival WHERE rival.operator = orders.operator"
    " AND rival.destination = orders.destination AND rival.denomination = orders.denomination"
    f" AND rival.{_UNDER_WAY}) AND NOT {evidence.stands_still('orders')}"
)


_COLUMNS = Order._fields[1:]
_INTO = f"INSERT INTO orders ({', '.join(_COLUMNS)})"
_INSERT = f"{_INTO} VALUES ({', '.join('?' for _ in _COLUMNS)})"


def add(db: Database, order: Order) -> Order:
    """Write a new order down, whatever its id; the order as it is now."""
    return order._replace(id=insert(db, _INSERT, order[1:]))


def add_all(db: Database, new: Sequence[Order]) -> list[Order]:
    """The same of some by one statement: all or none."""
    rows = [order[1:] for order in new]
    first = insert_all(db, _INTO, rows)
    return [Order._make((number, *row)) for number, row in enumerate(rows, start=first)]


def find(db: Database, order_id: int) -> Order | None:
    """The order of that id."""
    return select_one(db, Order, f"{_SELECT} WHERE id = ?", (order_id,))


def get(db: Database, order_id: int) -> Order:
    """The order of that id, which must exist."""
    order = find(db, order_id)
    if order is None:
        raise LookupError(f"there is no order {order_id}")
    return order


def by_reference(db: Database, agent: str, client_reference: str) -> Order | None:
    """The order that an agent gave this reference to, whenever that was."""
    return select_one(
        db, Order, f"{_SELECT} WHERE agent = ? AND client_reference = ?", (agent, client_reference)
    )


def by_natural_key(
    db: Database, agent: str, product: str, destination: str, local_day: str, repeat_index: int
) -> Order | None:
    """The order of that day that stands in the way of an equal one, if any."""
    return select_one(
        db,
        Order,
        f"{_SELECT} WHERE agent = ? AND product = ? AND destination = ? AND local_day = ?"
        " AND repeat_index = ? AND state NOT IN ('FAILED', 'CANCELLED')",
        (agent, product, destination, local_day, repeat_index),
    )


def of_a_later_day(
    db: Database,
    key: tuple[str, str, str, str, int],
    *,
    after_ms: int,
    until_ms: int,
) -> Order | None:
    """The order that would stand in the way (its key as above) if its day were not still to come:
    accepted within those times, by the clock of then.
    """
    return select_one(
        db,
        Order,
        f"{_SELECT} WHERE agent = ? AND product = ? AND destination = ? AND local_day > ?"
        " AND repeat_index = ? AND state NOT IN ('FAILED', 'CANCELLED')"
        " AND received_at > ? AND received_at <= ? ORDER BY local_day LIMIT 1",
        (*key, after_ms, until_ms),
    )


def any_queued(db: Database, operator: str | None = None) -> bool:
    """Whether any order waits (of that operator), for a chip or for its time."""
    if operator is None:
        return bool(tuples(db, "SELECT 1 FROM orders WHERE state = 'QUEUED' LIMIT 1"))
    queued = "SELECT 1 FROM orders WHERE state = 'QUEUED' AND operator = ? LIMIT 1"
    return bool(tuples(db, queued, (operator,)))


def first_expiry(db: Database) -> int | None:
    """When the time of the orders that wait is over for the first of them; None if none waits."""
    found = scalar(db, "SELECT min(expires_at) FROM orders WHERE state = 'QUEUED'")
    return None if found is None else int(found)


class Waiting(NamedTuple):
    """An order that may route, and whether a chip tried it before."""

    order: Order
    tried: int


def _waiting(orders: str) -> str:
    """SQL: the columns of `_waiting_row`, of the orders of that name."""
    return f"EXISTS (SELECT 1 FROM attempt WHERE order_id = {orders}.id), {columns(Order)}"


def _waiting_row(tried: int, *order: Any) -> Waiting:
    return Waiting(Order(*order), tried)


_LAST_CODE = "\U0010ffff"


def overdue(db: Database, *, before_ms: int) -> list[int]:
    """The queued orders whose time was over before then: a working daemon has none of them."""
    found = tuples(
        db, "SELECT id FROM orders WHERE state = 'QUEUED' AND expires_at < ?", (before_ms,)
    )
    return sorted(order_id for (order_id,) in found)


def fair(
    db: Database,
    operator: str,
    *,
    after: str,
    affordable: int,
    now_ms: int,
    limit: int,
) -> list[Waiting]:
    """The orders of an operator that may route now, in turn over the agents that wait.

    The first of each agent, beginning with the agent behind `after` in the order of their
    codes and then round; if that is not enough, the second of each, and so on, up to the
    limit: of one agent always the oldest first. Whoever claims some of them gives the agent
    of the last one claimed as `after` of the next time (of the last one looked at, if none
    could be claimed): then no agent waits longer than one order of every other that waits,
    however many one of them has queued.
    """
    if limit == 1:
        one = next_in_turn(db, operator, after=after, affordable=affordable, now_ms=now_ms)
        return [] if one is None else [one]
    may = (now_ms, affordable)
    first = _in_turn(db, operator, after, _LAST_CODE, may, limit)
    if len(first) < limit:
        first += _in_turn(db, operator, "", after, may, limit - len(first))
    lines = [[one] for one in first]
    room, going_on = limit - len(first), lines
    while room > 0 and going_on:
        share, longer = max(1, room // len(going_on)), []
        for line in going_on:
            more = _behind(db, line[-1].order, may, min(share, room))
            line += more
            room -= len(more)
            if len(more) == share:
                longer.append(line)
        going_on = longer
    rounds = itertools.zip_longest(*lines)
    return [waiting for one in rounds for waiting in one if waiting is not None]


_May = tuple[int, int]  # what ?3 and ?4 of `_MAY_ROUTE` are


def _first_of(agents: str) -> str:
    """SQL: the first order that may route of the first agent, among those named, that has one."""
    return (
        "SELECT id FROM orders INDEXED BY orders_queued_by_agent"
        f" WHERE operator = ?1 AND {agents} AND {_MAY_ROUTE} ORDER BY agent, id LIMIT 1"
    )


_NEXT_IN_TURN = (
    f"SELECT {_waiting('chosen')} FROM orders AS chosen WHERE chosen.id ="
    f" coalesce(({_first_of('agent > ?2')}), ({_first_of('agent <= ?2')}))"
)


def next_in_turn(
    db: Database, operator: str, *, after: str, affordable: int = AMOUNT_MAX, now_ms: int
) -> Waiting | None:
    """The first order that `fair` gives, None if none may route."""
    rows = tuples(db, _NEXT_IN_TURN, (operator, after, now_ms, affordable))
    return _waiting_row(*rows[0]) if rows else None


def _queued_agent(after: str) -> str:
    """SQL: the next agent behind a code, up to ?5, who has orders queued."""
    return (
        "SELECT agent FROM orders INDEXED BY orders_queued_by_agent WHERE state = 'QUEUED'"
        f" AND operator = ?1 AND agent > {after} AND agent <= ?5 ORDER BY agent LIMIT 1"
    )


_IN_TURN = (
    f"WITH RECURSIVE turn (code) AS (SELECT ({_queued_agent('?2')}) UNION ALL"
    f" SELECT ({_queued_agent('turn.code')}) FROM turn WHERE turn.code IS NOT NULL)"
    f" SELECT {_waiting('chosen')} FROM turn JOIN orders AS chosen ON chosen.id ="
    f" ({_first_of('agent = turn.code')}) WHERE turn.code IS NOT NULL LIMIT ?6"
)


def _in_turn(
    db: Database, operator: str, after: str, up_to: str, may: _May, limit: int
) -> list[Waiting]:
    """The first order that may route of each agent between two codes, in their order.

    Agents are found by one step into the index each, however many orders they have.
    """
    rows = tuples(db, _IN_TURN, (operator, after, *may, up_to, limit))
    return [_waiting_row(*row) for row in rows]


_BEHIND = (
    f"SELECT {_waiting('orders')} FROM orders INDEXED BY orders_queued_by_agent"
    f" WHERE operator = ?1 AND agent = ?2 AND id > ?5 AND {_MAY_ROUTE} ORDER BY id LIMIT ?6"
)


def _behind(db: Database, last: Order, may: _May, limit: int) -> list[Waiting]:
    """The next orders of the same agent and operator that may route now."""
    rows = tuples(db, _BEHIND, (last.operator, last.agent, *may, last.id, limit))
    return [_waiting_row(*row) for row in rows]


def listed(
    db: Database, *, state: str | None = None, agent: str | None = None, limit: int = 50
) -> list[Order]:
    """The newest orders, of one state or one agent if wanted."""
    if state is None:
        conditions, newest = [], "id"
    else:
        conditions, newest = [_OF_STATE[OrderState(state)]], _NEWEST[OrderState(state)]
    params: list[object] = []
    source = _SELECT
    if agent is not None:
        # With a plus he is looked for among the open ones, not they among all of his.
        conditions.append("+agent = ?" if newest == "+id" else "agent = ?")
        params.append(agent)
        if conditions[0].startswith(_RARE):
            source += " INDEXED BY orders_rare_of_agent"
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return select(db, Order, f"{source}{where} ORDER BY {newest} DESC LIMIT ?", [*params, limit])


def count_by_state(db: Database) -> dict[str, int]:
    """How many orders are in each state that has some."""
    rows = tuples(
        db,
        "SELECT state, number FROM finished_orders WHERE number > 0"
        " UNION ALL SELECT state, count(*) FROM orders WHERE state = 'QUEUED' GROUP BY state"
        f" UNION ALL SELECT state, count(*) FROM orders WHERE {_UNDER_WAY} GROUP BY state",
    )
    return dict(rows)


def price_hold(order_id: int) -> str:
    """The id of the transfer that holds an order's price."""
    return f"order:{order_id}:price"


def reference(order_id: int) -> str:
    """What an order's transfers carry as their reference."""
    return f"order:{order_id}"


@dataclass(frozen=True, slots=True)
class AttemptSummary:
    """What a log line says of an order's attempts."""

    count: int
    chip: str | None
    slot: str | None
    first_claimed_at: int | None


NOT_TRIED: Final = AttemptSummary(0, None, None, None)


def attempt_summary(db: Database, order_id: int) -> AttemptSummary:
    """How many attempts there were, where the last one was, when the first began."""
    rows = tuples(
        db,
        "SELECT chip, slot, claimed_at FROM attempt WHERE order_id = ? ORDER BY number",
        (order_id,),
    )
    if not rows:
        return NOT_TRIED
    return AttemptSummary(len(rows), rows[-1][0], rows[-1][1], rows[0][2])
