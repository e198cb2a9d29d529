"""Reversal: a success is taken back by a person's word, and its money with it.

The operator took the top-up back, or the shop gives the agent his price for peace's sake.
The agent gets the posted price back by the ledger's own reversal and is told, and what its
uplines earned is taken back; the attempt stays what it was, done. The cost goes back to the
chip only if the operator has given the stock back. Either way the chip's stock is read again
before it sells, and an attempt that is open on the chip is not decided by its stock: the
operator may give it back at any moment, and an equal amount would look like an order that was
not done. As long as it may still come, a later attempt on the chip is not held for not done by
its stock (see `may_come_back`).
"""

from collections.abc import Sequence

from peewee import Database

from pulsarack.ledger import journal
from pulsarack.ledger.journal import Result
from pulsarack.queue import attempts, chips, clock_steps, evidence, messages, orders, state
from pulsarack.queue.errors import IllegalMove, LedgerRefused
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.network import commissions
from pulsarack.queue.orders import Order
from pulsarack.queue.rows import scalar, tuples
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
    commissions.take_back(db, order_id, why=why, now_ms=now_ms)
    if stock_returned:
        _give_back(db, attempts.cost_hold(done.id), why, now_ms)
    # It says nothing about the delivery, so it proves nothing either way.
    word = Evidence(
        EvidenceKind.ADMIN, VerdictKind.NONE, because, decided_by=who, rule=Rule.REVERSED
    )
    evidence.record(db, done.id, word, now_ms=now_ms)
    # What the operator gives back, now or later, must not make the stock of an order that is
    # undecided there look untouched; and it may have sold on another chip than was booked.
    for chip in {one.chip for one in attempts.of_order(db, order_id) if one.committed_at}:
        chips.doubt_stock(db, chip)
        attempts.forget_stock_before(db, chip)
    messages.write_final(db, orders.get(db, order_id), now_ms=now_ms)
    return orders.get(db, order_id)


# The orders reversed since a time that had passed their point of no return on a chip, as they
# came: the cost, and whether it was booked back there with the reversal. From the prices given
# back, which are few: a chip's attempts are not.
_REVERSED = """
SELECT back.sequence, o.cost, max(EXISTS (SELECT 1 FROM transfer
        WHERE reverses = 'attempt:' || a.id || ':cost:post'))
    FROM transfer AS back
    CROSS JOIN orders AS o ON o.id = CAST(substr(back.reference, 7) AS INTEGER)
    CROSS JOIN attempt AS a ON a.order_id = o.id AND a.committed_at IS NOT NULL
    WHERE back.reverses GLOB 'order:*:price:post' AND back.at >= ? AND a.chip = ?
    GROUP BY back.sequence ORDER BY back.sequence
"""
# What two readings found the chip's stock off the books since: falls, and rises that can be
# nothing else than stock given back.
_FOUND = """
SELECT t.sequence, d.difference FROM discrepancy AS d JOIN transfer AS t ON t.id = d.transfer_id
    WHERE d.chip = ? AND d.stock IS NOT NULL AND t.sequence > ? AND (d.difference < 0 OR NOT (
        EXISTS (SELECT 1 FROM discrepancy_clearing AS c
            WHERE c.discrepancy_id = d.id AND c.kind != 'gain')
        OR EXISTS (SELECT 1 FROM discrepancy_order AS s JOIN orders AS o ON o.id = s.order_id
            WHERE s.discrepancy_id = d.id AND o.state != 'REVERSED')))
    ORDER BY t.sequence
"""
# The cost of what was delivered against a refund, since a person saw to it.
_ACKNOWLEDGED = """
SELECT coalesce(sum(o.cost), 0) FROM evidence AS e CROSS JOIN attempt AS a ON a.id = e.attempt_id
    CROSS JOIN orders AS o ON o.id = a.order_id
    WHERE e.rule = 'acknowledged' AND e.at >= ? AND a.chip = ?
"""


def may_come_back(db: Database, iccid: str, cost: int, *, now_ms: int) -> bool:
    """Whether as much as an order costs may still come back to a chip, untold.

    That is what the orders reversed there within a week had cost, together, less what was
    found to have come, and what was delivered against a refund. Stock-in texts tell of other
    stock: who gives back sends none.
    """
    since = clock_steps.stored_since(db, now_ms=now_ms, length_ms=attempts.UNNAMED_MS)
    owed = int(scalar(db, _ACKNOWLEDGED, (since, iccid)))
    reversed_: list[tuple[int, int, int]] = tuples(db, _REVERSED, (since, iccid))
    if reversed_:
        owed += sum(_owed(reversed_, tuples(db, _FOUND, (iccid, reversed_[0][0]))))
    return 0 < cost <= owed


def _owed(reversed_: Sequence[tuple[int, int, int]], found: Sequence[tuple[int, int]]) -> list[int]:
    """The costs that have not come back.

    A rise speaks of them if it is exactly one of them, or all; any other is something else. A
    fall may say that nothing has come of what was booked back.
    """
    owed: list[int] = []
    booked: list[int] = []
    for _, cost, back, difference in sorted(
        [(at, cost, back, 0) for at, cost, back in reversed_]
        + [(at, 0, 0, difference) for at, difference in found]
    ):
        if cost:
            (booked if back else owed).append(cost)
        elif difference < 0:
            owed += booked
            booked.clear()
        elif difference in owed:
            owed.remove(difference)
        elif difference == sum(owed):
            owed.clear()
    return owed


def _give_back(db: Database, hold_id: str, why: str, now_ms: int) -> None:
    result = journal.reverse(db, hold_id, id=f"{hold_id}:reversal", memo=why, now_ms=now_ms)
    if result is not Result.OK:
        raise LedgerRefused(f"hold {hold_id}: {result}; run: pulsarack audit")
