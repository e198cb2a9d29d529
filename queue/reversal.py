"""Reversal: a success is taken back by a person's word, and its money with it.

The operator took the top-up back, or the shop gives the agent his price for peace's sake.
The agent gets the posted price back by the ledger's own reversal and is told; the attempt
stays what it was, done. The cost goes back to the chip only if the operator has given the
stock back. Either way the chip's stock is read again before it sells, and an attempt that
is open on the chip is not decided by its stock: the operator may give it back at any
moment, and an equal amount would look like an order that was not done.
"""

from peewee import Database

from pulsarack.ledger import journal
from pulsarack.ledger.journal import Result
from pulsarack.queue import attempts, chips, evidence, messages, orders, state
from pulsarack.queue.errors import IllegalMove, LedgerRefused
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.orders import Order
from pulsarack.queue.state import OrderState


def reverse(
    db: Database, order_id: int, *, because: str, who: str, stock_returned: bool, now_ms: int
) -> Order:
    """Take a success back. Raises IllegalMove, and changes nothing, if it is none."""
    order = orders.get(db, order_id)
    if order.state != OrderState.SUCCEEDED:
        raise IllegalMove(f"order {order_id} is {order.state}; only a success is reversed")
    why = f"reversed by {who}: {because}"
    (done,) = [one for one in attempts.of_order(db, order_id) if one.outcome == "DONE"]
    state.move(db, order_id, OrderState.REVERSED, why=why, now_ms=now_ms)
    _give_back(db, orders.price_hold(order_id), why, now_ms)
    if stock_returned:
        _give_back(db, attempts.cost_hold(done.id), why, now_ms)
    # It says nothing about the delivery, so it proves nothing either way.
    word = Evidence(
        EvidenceKind.ADMIN, VerdictKind.NONE, because, decided_by=who, rule=Rule.REVERSED
    )
    evidence.record(db, done.id, word, now_ms=now_ms)
    chips.doubt_stock(db, done.chip)
    # What the operator gives back, now or later, must not make the stock of an order that is
    # undecided on the chip look untouched.
    attempts.forget_stock_before(db, done.chip)
    messages.write_final(db, orders.get(db, order_id), now_ms=now_ms)
    return orders.get(db, order_id)


def _give_back(db: Database, hold_id: str, why: str, now_ms: int) -> None:
    result = journal.reverse(db, hold_id, id=f"{hold_id}:reversal", memo=why, now_ms=now_ms)
    if result is not Result.OK:
        raise LedgerRefused(f"hold {hold_id}: {result}; run: pulsarack audit")
