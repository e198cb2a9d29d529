"""Orders as rows: reading them, and the few writes that several rooms share."""

from dataclasses import dataclass

from peewee import Database

from pulsarack.queue import evidence
from pulsarack.queue.rows import columns, select, select_one, tuples
from pulsarack.queue.state import OPEN, OrderState


@dataclass(frozen=True, slots=True)
class Order:
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
_RARE = "state IN ('FAILED', 'CANCELLED', 'REVERSED')"

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

# Queued, its time has come and is not over, no equal one is under way, nothing calls it done.
_MAY_ROUTE = (
    "state = 'QUEUED' AND not_before <= ? AND expires_at > ?"
    " AND NOT EXISTS (SELECT 1 FROM orders AS rival WHERE rival.operator = orders.operator"
    " AND rival.destination = orders.destination AND rival.denomination = orders.denomination"
    f" AND rival.{_UNDER_WAY}) AND NOT {evidence.contradicted('orders.id')}"
)


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


def queued(db: Database, operator: str, *, affordable: int, now_ms: int, limit: int) -> list[Order]:
    """The oldest orders of an operator that may route now and cost at most so much.

    Those that wait for an equal one under way are left out, so that however many of them
    wait, the orders behind them are seen; and those that a late text calls done.
    """
    return select(
        db,
        Order,
        f"{_SELECT} WHERE operator = ? AND {_MAY_ROUTE} AND cost <= ? ORDER BY id LIMIT ?",
        (operator, now_ms, now_ms, affordable, limit),
    )


def any_queued(db: Database, operator: str | None = None) -> bool:
    """Whether any order waits (of that operator), for a chip or for its time."""
    if operator is None:
        return bool(tuples(db, "SELECT 1 FROM orders WHERE state = 'QUEUED' LIMIT 1"))
    queued = "SELECT 1 FROM orders WHERE state = 'QUEUED' AND operator = ? LIMIT 1"
    return bool(tuples(db, queued, (operator,)))


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


def attempt_summary(db: Database, order_id: int) -> AttemptSummary:
    """How many attempts there were, where the last one was, when the first began."""
    rows = tuples(
        db,
        "SELECT chip, slot, claimed_at FROM attempt WHERE order_id = ? ORDER BY number",
        (order_id,),
    )
    if not rows:
        return AttemptSummary(0, None, None, None)
    return AttemptSummary(len(rows), rows[-1][0], rows[-1][1], rows[0][2])
