"""The final result of an order on the channel that it came over.

Written with the result itself, in one transaction; so the text waits for its channel or there is
no result. A buyer who has a number of his own is told by SMS as well.
"""

from peewee import Database

from pulsarack.queue.orders import Order
from pulsarack.queue.post import origins, outgoing
from pulsarack.queue.post.outgoing import Kind, Text
from pulsarack.queue.rows import execute
from pulsarack.queue.state import OrderState
from pulsarack.queue.wordings import final


def post(db: Database, order: Order, message_id: int, text: str, *, now_ms: int) -> None:
    """Write down what is to be sent about a finished order."""
    origin = origins.find(db, order.id)
    if origin is None:
        return
    to_agent = Text(
        channel=order.channel,
        address=origin.address,
        kind=Kind.RESULT,
        text=text,
        agent=order.agent,
        sender=origin.receiver,
        order_id=order.id,
        message_id=message_id,
    )
    outgoing.put(db, to_agent, now_ms=now_ms)
    if origin.reply_number is not None and order.state == OrderState.SUCCEEDED:
        to_buyer = Text(
            channel=outgoing.SMS,
            address=origin.reply_number,
            kind=Kind.BUYER,
            text=final.for_buyer(db, order),
            agent=order.agent,
            order_id=order.id,
            message_id=message_id,
        )
        outgoing.put(db, to_buyer, now_ms=now_ms)


def reword(db: Database, order: Order, text: str | None) -> None:
    """A success was proved before its number was known: tell it whom nothing was sent yet.

    `text`: to the agent; None: he has the other one, or may have it.
    """
    if text is not None:
        _reword(db, order, Kind.RESULT, text)
    _reword(db, order, Kind.BUYER, final.for_buyer(db, order))


def _reword(db: Database, order: Order, kind: Kind, text: str) -> None:
    execute(
        db,
        "UPDATE outgoing SET text = ? WHERE order_id = ? AND kind = ? AND tries = 0"
        " AND state = 'WAITING'",
        (text, order.id, kind.value),
    )
