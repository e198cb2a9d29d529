"""Where an order that came over a channel is answered.

An order of the control socket has no row here: who follows its agent is told. The row goes with
its order when that is archived.
"""

from collections.abc import Sequence
from typing import NamedTuple

from peewee import Database

from pulsarack.queue.rows import columns, execute, insert_all, select_one


class OrderOrigin(NamedTuple):
    """The address that an order came from, and which of ours it came to.

    `reply_number` is the buyer's telephone, who is told the result too; `dialect` is how a
    program wants to be told.
    """

    order_id: int
    address: str
    receiver: str
    reply_number: str | None
    dialect: str


_INTO = f"INSERT INTO order_origin ({columns(OrderOrigin)})"


def add(db: Database, origin: OrderOrigin) -> None:
    """Note it, in the transaction that accepts the order."""
    execute(db, f"{_INTO} VALUES (?, ?, ?, ?, ?)", tuple(origin))


def add_all(db: Database, all_of_them: Sequence[OrderOrigin]) -> None:
    """The same of some orders by one statement."""
    insert_all(db, _INTO, all_of_them)


def find(db: Database, order_id: int) -> OrderOrigin | None:
    """That of an order; None if it came over the socket, or is archived."""
    return select_one(
        db,
        OrderOrigin,
        f"SELECT {columns(OrderOrigin)} FROM order_origin WHERE order_id = ?",
        (order_id,),
    )
