"""A word of the operator that makes an earlier proof of ours doubtful.

"The same top-up was just done" to an order that we proved not done by its stock, while
nobody else ordered the same: most likely it was done after all. What is recorded here
lets the order stand still (`evidence.contradicted`) until an admin has looked.
"""

from peewee import Database

from pulsarack.queue import attempts, clock_steps, evidence, orders
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.orders import Order
from pulsarack.queue.routing import HOUR_MS
from pulsarack.queue.rows import scalar


def suspect_repeat(db: Database, attempt: Attempt, *, now_ms: int) -> None:
    """The operator refuses an order as just done: was an earlier attempt of it done after all?

    If an earlier attempt was proved not done without a word of the operator, and no equal
    order of anybody succeeded lately, then the operator most likely means that attempt.
    """
    order = orders.get(db, attempt.order_id)
    silent = [
        one
        for one in attempts.of_order(db, order.id)
        if one.outcome == "NOT_DONE" and one.committed_at is not None and not one.answered
    ]
    hour_ago = clock_steps.stored_since(db, now_ms=now_ms, length_ms=HOUR_MS)
    if not silent or _equal_success(db, order, hour_ago):
        return
    detail = "the operator refuses the order as one that was just done"
    found = Evidence(EvidenceKind.REPLY, VerdictKind.DONE, detail, rule=Rule.REPEAT_REFUSED)
    evidence.record(db, silent[-1].id, found, now_ms=now_ms)


def _equal_success(db: Database, order: Order, since_ms: int) -> bool:
    return (
        scalar(
            db,
            "SELECT 1 FROM orders WHERE operator = ? AND destination = ? AND denomination = ?"
            " AND id != ? AND state NOT IN ('FAILED', 'CANCELLED')"
            " AND (state IN ('SENDING', 'UNKNOWN') OR"
            " (state IN ('SUCCEEDED', 'REVERSED') AND finished_at >= ?)) LIMIT 1",
            (order.operator, order.destination, order.denomination, order.id, since_ms),
        )
        is not None
    )
