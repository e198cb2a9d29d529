"""The audit of the queue: promises P1 to P6 checked over the whole database.

Each check is one query that must find nothing; what it finds is named row by row. The
ledger's own audit recomputes the balances; an audit against an operator's books is in
`daemon/audit.py`.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from peewee import Database

from pulsarack.ledger import accounts
from pulsarack.queue.deposits import audit_rules
from pulsarack.queue.network import audit as network_audit
from pulsarack.queue.rows import tuples
from pulsarack.queue.state import LEGAL, OrderState


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: which promise, where, and what."""

    rule: str
    subject: str
    detail: str


# Each row: promise, what is wrong, SQL giving (kind of row, id, detail). These speak of orders
# and what is theirs alone, and so hold in an archive as well.
OF_ORDERS: tuple[tuple[str, str, str], ...] = (
    (
        "P3",
        "the price is not booked as its state demands",
        "SELECT 'order', o.id, o.state || ', price hold: ' || coalesce(r.phase, 'open')"
        " || CASE WHEN h.id IS NULL THEN ' (no hold)' ELSE '' END FROM orders o"
        " LEFT JOIN transfer h ON h.id = 'order:' || o.id || ':price' AND h.phase = 'held'"
        " LEFT JOIN transfer r ON r.hold_id = h.id"
        " WHERE h.id IS NULL OR coalesce(r.phase, 'open') != CASE o.state"
        " WHEN 'SUCCEEDED' THEN 'post' WHEN 'REVERSED' THEN 'post'"
        " WHEN 'FAILED' THEN 'void' WHEN 'CANCELLED' THEN 'void' ELSE 'open' END",
    ),
    (
        "P3",
        "the price held is not the order's price from its agent's deposit for a sale",
        "SELECT 'order', o.id, h.debit || ' to ' || h.credit || ' ' || h.amount"
        " || ', price ' || o.price"
        " FROM orders o JOIN transfer h ON h.id = 'order:' || o.id || ':price'"
        " WHERE h.amount != o.price OR h.debit != 'liability:agent:' || o.agent"
        f" OR h.credit != '{accounts.SALES}'",
    ),
    (
        "P3",
        "the cost is not booked as the attempt's outcome demands",
        "SELECT 'attempt', a.id, coalesce(a.outcome, 'open') || ', cost hold: '"
        " || coalesce(r.phase, 'open') || CASE WHEN h.id IS NULL THEN ' (no hold)' ELSE '' END"
        " FROM attempt a"
        " LEFT JOIN transfer h ON h.id = 'attempt:' || a.id || ':cost' AND h.phase = 'held'"
        " LEFT JOIN transfer r ON r.hold_id = h.id"
        " WHERE h.id IS NULL OR coalesce(r.phase, 'open') != CASE a.outcome"
        " WHEN 'DONE' THEN 'post' WHEN 'NOT_DONE' THEN 'void' ELSE 'open' END",
    ),
    (
        "P3",
        "the cost held is not the order's cost of airtime from the attempt's chip",
        "SELECT 'attempt', a.id, h.credit || ' to ' || h.debit || ' ' || h.amount"
        " || ', cost ' || o.cost"
        " FROM attempt a JOIN orders o ON o.id = a.order_id"
        " JOIN transfer h ON h.id = 'attempt:' || a.id || ':cost'"
        " WHERE h.amount != o.cost OR h.credit != 'asset:chip:' || a.chip"
        f" OR h.debit != '{accounts.AIRTIME}'",
    ),
    (
        "P3",
        "the price was given back of an order that is not reversed, or not of one that is",
        "SELECT 'order', o.id, o.state || coalesce(', given back by ' || b.id, '') FROM orders o"
        " LEFT JOIN transfer b ON b.reverses = 'order:' || o.id || ':price:post'"
        " WHERE (o.state = 'REVERSED') != (b.id IS NOT NULL)",
    ),
    (
        "P3",
        "a commission is booked of an order that did not succeed, or not as its reversal demands",
        "SELECT 'transfer', t.id, 'order ' || o.id || ' is ' || o.state"
        " || coalesce(', taken back by ' || b.id, '') FROM transfer t"
        " JOIN orders o ON o.id = CAST(substr(t.reference, 7) AS INTEGER)"
        " LEFT JOIN transfer b ON b.reverses = t.id"
        f" WHERE t.debit = '{accounts.COMMISSION_EXPENSE}'"
        " AND (o.state NOT IN ('SUCCEEDED', 'REVERSED')"
        " OR (o.state = 'REVERSED') != (b.id IS NOT NULL))",
    ),
    (
        "P3",
        "the cost went back to the chip for an order that is not reversed",
        "SELECT 'attempt', a.id, 'order ' || o.id || ' is ' || o.state || ', back by ' || b.id"
        " FROM attempt a JOIN orders o ON o.id = a.order_id"
        " JOIN transfer b ON b.reverses = 'attempt:' || a.id || ':cost:post'"
        " WHERE o.state != 'REVERSED'",
    ),
    (
        "P2",
        "an order has more than one attempt that was done",
        "SELECT 'order', order_id, count(*) || ' attempts done' FROM attempt"
        " WHERE outcome = 'DONE' GROUP BY order_id HAVING count(*) > 1",
    ),
    (
        "P2",
        "an order has more than one open attempt",
        "SELECT 'order', order_id, 'attempts ' || group_concat(id) FROM attempt"
        " WHERE closed_at IS NULL GROUP BY order_id HAVING count(*) > 1",
    ),
    (
        "P2",
        "two orders carry the same reference of their agent",
        "SELECT 'agent', agent, 'reference ' || client_reference || ', orders '"
        " || group_concat(id) FROM orders WHERE client_reference IS NOT NULL"
        " GROUP BY agent, client_reference HAVING count(*) > 1",
    ),
    (
        "P2",
        "live orders have one natural key",
        "SELECT 'orders', group_concat(id), agent || ' ' || product || '.' || repeat_index"
        " || ' to ' || destination || ' on ' || local_day"
        " FROM orders WHERE state NOT IN ('FAILED', 'CANCELLED')"
        " GROUP BY destination, product, agent, local_day, repeat_index HAVING count(*) > 1",
    ),
    (
        "P4",
        # Then an answer of the operator could be either's.
        "a chip has more than one open attempt",
        "SELECT 'chip', chip, 'attempts ' || group_concat(id) FROM attempt"
        " WHERE closed_at IS NULL GROUP BY chip HAVING count(*) > 1",
    ),
    (
        "P4",
        "an attempt was done that never reached the point of no return",
        "SELECT 'attempt', id, 'order ' || order_id FROM attempt"
        " WHERE outcome = 'DONE' AND committed_at IS NULL",
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
        "an attempt that reached the point of no return was closed as one that did not",
        "SELECT 'attempt', a.id, 'order ' || a.order_id FROM evidence e"
        " JOIN attempt a ON a.id = e.attempt_id"
        " WHERE e.rule = 'never_committed' AND e.verdict = a.outcome"
        " AND a.committed_at IS NOT NULL",
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
        "an order was reversed and nobody's word for it is kept",
        "SELECT 'order', o.id, o.agent || ' ' || o.price FROM orders o"
        " WHERE o.state = 'REVERSED' AND NOT EXISTS (SELECT 1 FROM attempt a"
        " JOIN evidence e ON e.attempt_id = a.id WHERE a.order_id = o.id"
        " AND e.rule = 'reversed')",
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
        " WHERE t.phase = 'held' AND (t.reference GLOB 'order:[0-9]*' AND NOT EXISTS"
        " (SELECT 1 FROM orders o WHERE o.id = CAST(substr(t.reference, 7) AS INTEGER))"
        " OR t.id GLOB 'order:[0-9]*:price' AND NOT EXISTS"
        " (SELECT 1 FROM orders o WHERE o.id = CAST(substr(t.id, 7) AS INTEGER)))",
    ),
    (
        "P1",
        "money is held for an attempt that is not there",
        "SELECT 'transfer', t.id, t.credit || ' ' || t.amount FROM transfer t"
        " WHERE t.phase = 'held' AND t.id GLOB 'attempt:[0-9]*:cost' AND NOT EXISTS"
        " (SELECT 1 FROM attempt a WHERE a.id = CAST(substr(t.id, 9) AS INTEGER))",
    ),
    (
        "P1",
        "an order is finished and has no time of it, or has one and is not finished",
        "SELECT 'order', id, state || ', finished_at ' || coalesce(finished_at, 'is not set')"
        " FROM orders"
        " WHERE (finished_at IS NULL) != (state IN ('QUEUED', 'SENDING', 'UNKNOWN'))",
    ),
    (
        "P6",
        "a finished order has no message for its agent",
        "SELECT 'order', o.id, o.state FROM orders o WHERE o.finished_at IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM message m WHERE m.order_id = o.id AND m.state = o.state)",
    ),
    (
        "P6",
        "a message tells a state that its order never had",
        "SELECT 'message', m.id, 'order ' || m.order_id || ' was never ' || m.state"
        " FROM message m WHERE NOT EXISTS (SELECT 1 FROM transition t"
        " WHERE t.order_id = m.order_id AND t.state = m.state)",
    ),
    (
        "P6",
        "a message goes to another agent or channel than its order came from",
        "SELECT 'message', m.id, m.agent || ' by ' || m.channel || ', order ' || o.id"
        " || ' of ' || o.agent || ' by ' || o.channel"
        " FROM message m JOIN orders o ON o.id = m.order_id"
        " WHERE m.agent != o.agent OR m.channel != o.channel",
    ),
    (
        "P6",
        "a final message was written for an order that is not final",
        "SELECT 'message', m.id, 'order ' || o.id || ' is ' || o.state"
        " FROM message m JOIN orders o ON o.id = m.order_id"
        " WHERE o.state IN ('QUEUED', 'SENDING', 'UNKNOWN')",
    ),
)

QUERIES: tuple[tuple[str, str, str], ...] = (
    *OF_ORDERS,
    *network_audit.QUERIES,
    (
        "P5",
        "the stock of a chip counts as exact and was never read",
        "SELECT 'chip', c.iccid, c.name FROM chip c"
        " LEFT JOIN stock_reading r ON r.chip = c.iccid"
        " WHERE c.stock_exact = 1 AND r.id IS NULL",
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
    (
        "P5",
        "what is open of the discrepancies is not what their account holds",
        "SELECT 'account', a.code, 'it holds ' || (a.debits_posted - a.credits_posted)"
        " || ', missing by the discrepancies is ' || -open.rest FROM account a, (SELECT"
        " coalesce((SELECT sum(difference) FROM discrepancy), 0)"
        " - coalesce((SELECT sum(amount) FROM discrepancy_clearing), 0) AS rest) AS open"
        f" WHERE a.code = '{accounts.DISCREPANCY}'"
        " AND a.debits_posted - a.credits_posted != -open.rest",
    ),
    (
        "P5",
        "a discrepancy is not what its transfer moved",
        "SELECT 'discrepancy', d.id, d.difference || ' by ' || d.transfer_id FROM discrepancy d"
        " LEFT JOIN transfer t ON t.id = d.transfer_id AND t.phase = 'posted'"
        " AND t.amount = abs(d.difference)"
        f" AND t.debit = iif(d.difference > 0, 'asset:chip:' || d.chip, '{accounts.DISCREPANCY}')"
        f" AND t.credit = iif(d.difference > 0, '{accounts.DISCREPANCY}', 'asset:chip:' || d.chip)"
        " WHERE t.id IS NULL",
    ),
    (
        "P5",
        "the clearing of a discrepancy is not what its transfer moved",
        "SELECT 'discrepancy', c.discrepancy_id, c.kind || ' ' || c.amount || ' by '"
        " || c.transfer_id FROM discrepancy_clearing c"
        " LEFT JOIN transfer t ON t.id = c.transfer_id AND t.phase = 'posted'"
        " AND t.amount = abs(c.amount)"
        f" AND t.debit = iif(c.amount > 0, '{accounts.DISCREPANCY}', c.account)"
        f" AND t.credit = iif(c.amount > 0, c.account, '{accounts.DISCREPANCY}')"
        " WHERE t.id IS NULL",
    ),
    (
        "P5",
        "money went through the account of discrepancies and no row says why",
        "SELECT 'transfer', t.id, t.debit || ' ' || t.amount || ' from ' || t.credit"
        " FROM transfer t WHERE t.phase IN ('posted', 'post')"
        f" AND (t.debit = '{accounts.DISCREPANCY}' OR t.credit = '{accounts.DISCREPANCY}')"
        " AND t.id NOT IN (SELECT transfer_id FROM discrepancy)"
        " AND t.id NOT IN (SELECT transfer_id FROM discrepancy_clearing)",
    ),
    (
        "P5",
        "a discrepancy was cleared by more than it was",
        "SELECT 'discrepancy', d.id, d.difference || ', cleared ' || sum(c.amount)"
        " FROM discrepancy d JOIN discrepancy_clearing c ON c.discrepancy_id = d.id"
        " GROUP BY d.id HAVING (d.difference - sum(c.amount)) * d.difference < 0",
    ),
    (
        "P1",
        "an order is in the database and in an archive",
        "SELECT 'order', id, archive FROM past_order WHERE id IN (SELECT id FROM orders)",
    ),
    (
        "P1",
        "an archive should hold another number of orders",
        "SELECT 'archive', a.name, a.orders || ', known are ' || count(p.id) FROM archive a"
        " LEFT JOIN past_order p ON p.archive = a.name GROUP BY a.name"
        " HAVING a.orders != count(p.id)",
    ),
    (
        "P1",
        "a discrepancy names an order that is nowhere",
        "SELECT 'discrepancy', discrepancy_id, 'order ' || order_id FROM discrepancy_order"
        " WHERE order_id NOT IN (SELECT id FROM orders)"
        " AND order_id NOT IN (SELECT id FROM past_order)",
    ),
    (
        "P1",
        "the finished orders are not as many as were counted",
        "SELECT 'state', f.state, f.number || ' counted, ' || count(o.state) || ' found'"
        " FROM finished_orders f LEFT JOIN (SELECT state FROM orders UNION ALL"
        " SELECT state FROM past_order) o ON o.state = f.state"
        " GROUP BY f.state HAVING f.number != count(o.state)",
    ),
    (
        "P2",
        "a reference belongs to an archived order as well",
        "SELECT 'order', o.id, o.agent || ' ' || o.client_reference || ', order ' || p.id"
        " FROM past_order p JOIN orders o ON o.agent = p.agent"
        " AND o.client_reference = p.client_reference",
    ),
    (
        "P3",
        "money of an archived order stayed in the journal",
        "SELECT 'transfer', t.id, t.debit || ' ' || t.amount || ', order in ' || p.archive"
        " FROM transfer t CROSS JOIN past_order p ON p.id = CAST(substr(t.reference, 7) AS INTEGER)"
        " WHERE t.reference GLOB 'order:[0-9]*'",
    ),
    (
        "P4",
        "a serial number belongs to an archived order as well",
        "SELECT 'order', o.id, o.serial_number || ', order ' || p.id FROM past_order p"
        " JOIN orders o ON o.operator = p.operator AND o.serial_number = p.serial_number",
    ),
    *audit_rules.QUERIES,
)


def audit(db: Database) -> list[Finding]:
    """Everything that is wrong in the queue; an empty list is a clean audit."""
    return list(findings(db))


def findings(db: Database) -> Iterator[Finding]:
    """The same, one by one: what came before a row that cannot be read is not lost."""
    for promise, what, sql in QUERIES:
        for kind, key, detail in tuples(db, sql):
            yield Finding(promise, f"{kind} {key}", f"{what}: {detail}")
    yield from check_histories(tuples_of_transitions(db))


def findings_of_orders(db: Database) -> Iterator[Finding]:
    """What is wrong with the orders of an archive, each taken by itself."""
    for promise, what, sql in OF_ORDERS:
        for kind, key, detail in tuples(db, sql):
            yield Finding(promise, f"{kind} {key}", f"{what}: {detail}")
    yield from check_histories(tuples_of_transitions(db))


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
