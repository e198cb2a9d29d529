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
_FOR_AGENT = "FROM message WHERE delivered_at IS NULL AND agent = ? AND id > ? AND channel = ?"
_HAND_OUT = (
    "UPDATE message SET tries = tries + 1"
    f" WHERE id IN (SELECT id {_FOR_AGENT} ORDER BY id LIMIT ?) RETURNING {columns(Message)}"
)


def name_serial_number(db: Database, order: Order) -> None:
    """A success was proved before its number was known: tell it, if nothing was told yet.

    What was handed out once is never told otherwise.
    """
    if order.state != OrderState.SUCCEEDED:
        return
    text = final.for_agent(db, order)
    execute(
        db,
        "UPDATE message SET text = ? WHERE order_id = ? AND state = ? AND tries = 0 AND NOT EXISTS"
        " (SELECT 1 FROM outgoing WHERE message_id = message.id AND kind = 'result' AND tries > 0)",
        (text, order.id, OrderState.SUCCEEDED.value),
    )
    if order.channel != SOCKET:
        results.reword(db, order, text)


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


def any_waiting(db: Database, agent: str, *, after: int) -> bool:
    """Whether there is one that the socket is to tell an agent."""
    return bool(tuples(db, f"SELECT 1 {_FOR_AGENT} LIMIT 1", (agent, after, SOCKET)))


def of_order(db: Database, order_id: int) -> list[Message]:
    """The messages of an order, as they were written."""
    return select(db, Message, f"{_SELECT} WHERE order_id = ? ORDER BY id", (order_id,))


def hand_out(db: Database, agent: str, *, after: int, limit: int) -> list[Message]:
    """An agent's messages that the socket is to tell, the oldest first, noted as handed out.

    As they are: from now on they never change.
    """
    return sorted(select(db, Message, _HAND_OUT, (agent, after, SOCKET, limit)))


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
