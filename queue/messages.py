"""The outbox: one message for each final state of an order, written with the decision it tells.

A success that is reversed later is told by a second message. A message is delivered at
least once on the channel that the order came from; its id makes a repeat harmless. What it says
is a wording (`wordings/final.py`), filled once: the text is kept as it was told.
"""

from typing import NamedTuple

from peewee import Database

from pulsarack.queue.orders import Order
from pulsarack.queue.post import results
from pulsarack.queue.rows import columns, execute, insert, select, touched, tuples
from pulsarack.queue.state import OrderState
from pulsarack.queue.wordings import final

SOCKET = "socket"
"""The channel of orders that come over the control socket: who follows the agent is told."""


class Message(NamedTuple):
    """A final result on its way to an agent."""

    id: int
    order_id: int
    state: str
    agent: str
    channel: str
    text: str
    created_at: int
    delivered_at: int | None
    tries: int


_SELECT = f"SELECT {columns(Message)} FROM message"
_FOR_AGENT = "delivered_at IS NULL AND agent = ? AND id > ? AND channel = ?"


def name_serial_number(db: Database, order: Order) -> None:
    """A success was proved before its number was known: tell it, if nothing was told yet.

    What was handed out once is never told otherwise.
    """
    if order.state != OrderState.SUCCEEDED:
        return
    text = final.for_agent(db, order)
    untold = touched(
        db,
        "UPDATE message SET text = ? WHERE order_id = ? AND state = ? AND tries = 0 AND NOT EXISTS"
        " (SELECT 1 FROM outgoing WHERE message_id = message.id AND kind = 'result' AND tries > 0)",
        (text, order.id, OrderState.SUCCEEDED.value),
    )
    if order.channel != SOCKET:
        results.reword(db, order, text if untold else None)


def write_final(db: Database, order: Order, *, now_ms: int) -> None:
    """Write the message of a finished order."""
    text = final.for_agent(db, order)
    message_id = insert(
        db,
        "INSERT INTO message (order_id, state, agent, channel, text, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (order.id, order.state, order.agent, order.channel, text, now_ms),
    )
    if order.channel != SOCKET:
        results.post(db, order, message_id, text, now_ms=now_ms)


def waiting(db: Database, agent: str | None, *, after: int = 0, limit: int = 100) -> list[Message]:
    """Messages not delivered yet, oldest first: of an agent those that the socket tells."""
    if agent is None:
        return select(
            db,
            Message,
            f"{_SELECT} WHERE delivered_at IS NULL AND id > ? ORDER BY id LIMIT ?",
            (after, limit),
        )
    sql = f"{_SELECT} WHERE {_FOR_AGENT} ORDER BY id LIMIT ?"
    return select(db, Message, sql, (agent, after, SOCKET, limit))


def any_waiting(db: Database, agent: str, *, after: int) -> bool:
    """Whether there is one that the socket is to tell an agent."""
    sql = f"SELECT 1 FROM message WHERE {_FOR_AGENT} LIMIT 1"
    return bool(tuples(db, sql, (agent, after, SOCKET)))


def of_order(db: Database, order_id: int) -> list[Message]:
    """The messages of an order, as they were written."""
    return select(db, Message, f"{_SELECT} WHERE order_id = ? ORDER BY id", (order_id,))


def hand_out(db: Database, found: list[Message]) -> list[Message]:
    """Note that messages, found in the same transaction, are handed to a channel.

    As they are: from now on they never change.
    """
    for message in found:
        execute(db, "UPDATE message SET tries = tries + 1 WHERE id = ?", (message.id,))
    return [message._replace(tries=message.tries + 1) for message in found]


def delivered(db: Database, message_id: int, *, now_ms: int) -> bool:
    """Note that the agent has it; False if there never was such a message."""
    found = touched(
        db,
        "UPDATE message SET delivered_at = coalesce(delivered_at, ?) WHERE id = ?",
        (now_ms, message_id),
    )
    # One that is not here any more was delivered before its order was archived.
    issued = "SELECT 1 FROM sqlite_sequence WHERE name = 'message' AND seq >= ?"
    return found or bool(tuples(db, issued, (message_id,)))
