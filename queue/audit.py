"""The audit of the queue: promises P1, P3, P4 and P5 checked over the whole database.

Each check is one query that must find nothing; what it finds is named row by row. The
ledger's own audit recomputes the balances; an audit against an operator's books is in
`daemon/audit.py`.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.rows import tuples
from pulsarack.queue.state import LEGAL, OrderState


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: which promise, where, and what."""

    rule: str
    subject: str
    detail: str


# Each row: promise, what is wrong, SQL giving (kind of row, id, detail).
QUERIES: tuple[tuple[str, str, str], ...] = (
    (
        "P3",
        "the price is not booked as its state demands",
        "SELECT 'order', o.id, o.state || ', price hold: ' || coalesce(r.phase, 'open')"
        " || CASE WHEN h.id IS NULL THEN ' (no hold)' ELSE '' END"
        " FROM orders o LEFT JOIN transfer h ON h.id = 'order:' || o.id || ':price'"
        " LEFT JOIN transfer r ON r.hold_id = h.id"
        " WHERE h.id IS NULL OR coalesce(r.phase, 'open') != CASE o.state"
        " WHEN 'SUCCEEDED' THEN 'post' WHEN 'REVERSED' THEN 'post'"
        " WHEN 'FAILED' THEN 'void' WHEN 'CANCELLED' THEN 'void' ELSE 'open' END",
    ),
    (
        "P3",
        "the price held is not the order's price from its agent's deposit",
        "SELECT 'order', o.id, h.debit || ' ' || h.amount || ', price ' || o.price"
        " FROM orders o JOIN transfer h ON h.id = 'order:' || o.id || ':price'"
        " WHERE h.amount != o.price OR h.debit != 'liability:agent:' || o.agent",
    ),
    (
        "P3",
        "the cost is not booked as the attempt's outcome demands",
        "SELECT 'attempt', a.id, coalesce(a.outcome, 'open') || ', cost hold: '"
        " || coalesce(r.phase, 'open') || CASE WHEN h.id IS NULL THEN ' (no hold)' ELSE '' END"
        " FROM attempt a LEFT JOIN transfer h ON h.id = 'attempt:' || a.id || ':cost'"
        " LEFT JOIN transfer r ON r.hold_id = h.id"
        " WHERE h.id IS NULL OR coalesce(r.phase, 'open') != CASE a.outcome"
        " WHEN 'DONE' THEN 'post' WHEN 'NOT_DONE' THEN 'void' ELSE 'open' END",
    ),
    (
        "P3",
        "the cost held is not the order's cost from the attempt's chip",
        "SELECT 'attempt', a.id, h.credit || ' ' || h.amount || ', cost ' || o.cost"
        " FROM attempt a JOIN orders o ON o.id = a.order_id"
        " JOIN transfer h ON h.id = 'attempt:' || a.id || ':cost'"
        " WHERE h.amount != o.cost OR h.credit != 'asset:chip:' || a.chip",
    ),
    (
        "P2",
        "an order has more than one attempt that was done",
        "SELECT 'order', order_id, count(*) || ' attempts done' FROM attempt"
        " WHERE outcome = 'DONE' GROUP BY order_id HAVING count(*) > 1",
    ),
    (
        "P4",
        "the order's state does not follow from its attempts",
        "SELECT 'order', o.id, o.state || ', attempts done ' ||"
        " (SELECT count(*) FROM attempt WHERE order_id = o.id AND outcome = 'DONE')"
        " || ', open ' ||"
        " (SELECT count(*) FROM attempt WHERE order_id = o.id AND closed_at IS NULL)"
        " FROM orders o WHERE"
        " (o.state IN ('SUCCEEDED', 'REVERSED')) != EXISTS"
        " (SELECT 1 FROM attempt WHERE order_id = o.id AND outcome = 'DONE')"
        " OR (o.state IN ('SENDING', 'UNKNOWN')) != EXISTS"
        " (SELECT 1 FROM attempt WHERE order_id = o.id AND closed_at IS NULL)",
    ),
    (
        "P4",
        "an undecided order has an attempt that never reached the point of no return",
        "SELECT 'order', o.id, 'attempt ' || a.id FROM orders o"
        " JOIN attempt a ON a.order_id = o.id AND a.closed_at IS NULL"
        " WHERE o.state = 'UNKNOWN' AND a.committed_at IS NULL",
    ),
    (
        "P4",
        "an attempt was closed without evidence of its outcome",
        "SELECT 'attempt', a.id, a.outcome FROM attempt a WHERE a.outcome IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM evidence e"
        " WHERE e.attempt_id = a.id AND e.verdict = a.outcome)",
    ),
    (
        "P4",
        "the evidence of an attempt contradicts itself",
        "SELECT 'attempt', a.id, a.outcome || ', but ' || e.kind || ' says ' || e.verdict"
        " || ': ' || substr(e.detail, 1, 80) FROM attempt a JOIN evidence e ON e.attempt_id = a.id"
        " WHERE e.verdict != 'NONE' AND a.outcome IS NOT NULL AND e.verdict != a.outcome"
        # Decided since: by a proof that was booked late, or by an admin.
        " AND NOT EXISTS (SELECT 1 FROM attempt d WHERE d.order_id = a.order_id"
        " AND d.outcome = 'DONE' AND d.id > a.id)"
        " AND NOT EXISTS (SELECT 1 FROM evidence later WHERE later.attempt_id = a.id"
        " AND later.kind = 'admin' AND later.id > e.id)",
    ),
    (
        "P4",
        "two orders carry the same serial number",
        "SELECT 'serial number', serial_number, 'orders ' || group_concat(id) FROM orders"
        " WHERE serial_number IS NOT NULL GROUP BY operator, serial_number HAVING count(*) > 1",
    ),
    (
        "P1",
        "money is held for an order that is not there",
        "SELECT 'transfer', t.id, t.debit || ' ' || t.amount FROM transfer t"
        " WHERE t.phase = 'held' AND t.reference GLOB 'order:[0-9]*' AND NOT EXISTS"
        " (SELECT 1 FROM orders o WHERE o.id = CAST(substr(t.reference, 7) AS INTEGER))",
    ),
    (
        "P6",
        "a finished order has no message for its agent",
        "SELECT 'order', o.id, o.state FROM orders o WHERE o.finished_at IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM message m WHERE m.order_id = o.id)",
    ),
    (
        "P5",
        "the ledger's stock differs from the operator's last figure of an idle chip",
        "SELECT 'chip', c.iccid, 'ledger ' || (b.debits_posted - b.credits_posted)"
        " || ', operator ' || r.stock FROM chip c"
        " JOIN account b ON b.code = 'asset:chip:' || c.iccid"
        " JOIN stock_reading r ON r.id = (SELECT max(id) FROM stock_reading WHERE chip = c.iccid)"
        " WHERE c.stock_exact = 1 AND r.stock != b.debits_posted - b.credits_posted"
        " AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.chip = c.iccid AND a.closed_at IS NULL)",
    ),
)


def audit(db: Database) -> list[Finding]:
    """Everything that is wrong in the queue; an empty list is a clean audit."""
    found = [
        Finding(promise, f"{kind} {key}", f"{what}: {detail}")
        for promise, what, sql in QUERIES
        for kind, key, detail in tuples(db, sql)
    ]
    found.extend(check_histories(tuples_of_transitions(db)))
    return found


def tuples_of_transitions(db: Database) -> Iterator[tuple[int, str, list[str]]]:
    """(order id, present state, states it went through) of every order."""
    path: list[str] = []
    current: tuple[int, str] | None = None
    rows = tuples(
        db,
        "SELECT o.id, o.state, t.state FROM orders o LEFT JOIN transition t ON t.order_id = o.id"
        " ORDER BY o.id, t.id",
    )
    for order_id, state, step in rows:
        if current is not None and current[0] != order_id:
            yield (*current, path)
            path = []
        current = (order_id, state)
        if step is not None:
            path.append(step)
    if current is not None:
        yield (*current, path)


def check_histories(histories: Iterator[tuple[int, str, list[str]]]) -> Iterator[Finding]:
    """P1: every order is in a state that its recorded transitions lead to, legally."""
    for order_id, state, path in histories:
        problem = _path_problem(state, path)
        if problem:
            yield Finding("P1", f"order {order_id}", problem)


def _path_problem(state: str, path: list[str]) -> str | None:
    if not path or path[0] != OrderState.QUEUED:
        return "its history does not begin with QUEUED"
    unknown = [step for step in path if step not in OrderState.__members__]
    if unknown:
        return f"its history has the unknown state {unknown[0]}"
    for old, new in itertools.pairwise(path):
        if OrderState(new) not in LEGAL[OrderState(old)]:
            return f"its history moves from {old} to {new}"
    if path[-1] != state:
        return f"its history ends in {path[-1]}, its state is {state}"
    return None
