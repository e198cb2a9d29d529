"""Which order does an agent mean: the newest to a number, of a day if one is named."""

from peewee import Database

from pulsarack.queue import archive
from pulsarack.queue.archive import PastOrder
from pulsarack.queue.orders import Order
from pulsarack.queue.rows import columns, scalar, select_one

# With a plus, so that the number is looked for and not the agent, who has more orders.
_SELECT = f"SELECT {columns(Order)} FROM orders WHERE destination = ?1 AND +agent = ?2"
_OF_DAY = "(?3 IS NULL OR local_day = ?3)"
# The conditions of two partial indexes (migrations/0005), word for word.
_ALIVE = "state NOT IN ('FAILED', 'CANCELLED')"
_TO_NOTHING = "state IN ('FAILED', 'CANCELLED')"


def newest_to(
    db: Database, agent: str, destination: str, local_day: str | None = None
) -> Order | PastOrder | None:
    """The agent's newest order to a destination (E.164 digits), archived ones last."""
    found = [
        order
        for state in (_ALIVE, _TO_NOTHING)
        if (order := _newest(db, state, agent, destination, local_day)) is not None
    ]
    if found:
        return max(found, key=lambda order: order.id)
    past = scalar(
        db,
        "SELECT max(id) FROM past_order WHERE destination = ?1 AND agent = ?2"
        " AND (?3 IS NULL OR local_day = ?3)",
        (destination, agent, local_day),
    )
    return None if past is None else archive.find(db, past)


def _newest(
    db: Database, state: str, agent: str, destination: str, local_day: str | None
) -> Order | None:
    return select_one(
        db,
        Order,
        f"{_SELECT} AND {state} AND {_OF_DAY} ORDER BY +id DESC LIMIT 1",
        (destination, agent, local_day),
    )
