"""Reversal: a success is taken back by a person's word, and its money with it.

The operator took the top-up back, or the shop gives the agent his price for peace's sake.
The agent gets the posted price back by the ledger's own reversal and is told; the attempt
stays what it was, done. The cost goes back to the chip only if the operator has given the
stock back. Either way the chip's stock is read again before it sells, and an attempt that
is open on the chip is not decided by its stock: the operator may give it back at any
moment, and an equal amount would look like an order that was not done. As long as it may
still come, the same holds of every later attempt of an equal cost on the chip (see
`may_come_back` and `stock.note_reading`).
"""

from peewee import Database

from pulsarack.ledger import accounts, journal
from pulsarack.ledger.journal import Result
from pulsarack.queue import attempts, chips, clock_steps, evidence, messages, orders, state
from pulsarack.queue.errors import IllegalMove, LedgerRefused
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.orders import Order
from pulsarack.queue.rows import scalar
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


def may_come_back(db: Database, iccid: str, cost: int, *, now_ms: int) -> bool:
    """Whether a reversed order's cost, of that amount, may still come back to a chip, untold.

    It has come if as much was booked on the chip since, by a text that stock arrived or by
    readings that found it too much. One such rise speaks for one order.
    """
    found = scalar(
        db,
        # From the prices given back, which are few: a chip's attempts are not.
        "WITH owed AS MATERIALIZED (SELECT back.sequence FROM transfer AS back"
        " CROSS JOIN orders AS o ON o.id = CAST(substr(back.reference, 7) AS INTEGER)"
        " CROSS JOIN attempt AS a ON a.order_id = o.id AND a.outcome = 'DONE'"
        " WHERE back.reverses GLOB 'order:*' AND back.at >= ? AND o.cost = ? AND a.chip = ?"
        " AND NOT EXISTS (SELECT 1 FROM transfer"
        " WHERE reverses = 'attempt:' || a.id || ':cost:post')),"
        " come AS (SELECT sequence FROM transfer WHERE debit = ? AND amount = ?"
        " AND sequence > (SELECT min(sequence) FROM owed) AND (id GLOB 'sms:*:stock_in'"
        " OR id IN (SELECT transfer_id FROM discrepancy WHERE chip = ? AND stock IS NOT NULL)))"
        " SELECT 1 FROM owed WHERE"
        " (SELECT count(*) FROM owed AS also WHERE also.sequence >= owed.sequence)"
        " > (SELECT count(*) FROM come WHERE come.sequence > owed.sequence) LIMIT 1",
        (
            clock_steps.stored_since(db, now_ms=now_ms, length_ms=attempts.UNNAMED_MS),
            cost,
            iccid,
            accounts.chip(iccid),
            cost,
            iccid,
        ),
    )
    return found is not None


def _give_back(db: Database, hold_id: str, why: str, now_ms: int) -> None:
    result = journal.reverse(db, hold_id, id=f"{hold_id}:reversal", memo=why, now_ms=now_ms)
    if result is not Result.OK:
        raise LedgerRefused(f"hold {hold_id}: {result}; run: pulsarack audit")
