"""The audit of the network: commissions row by row, and a tree that is one.

Rows as in `queue/audit.py`, which runs them: promise, what is wrong, SQL giving (kind of row, id,
detail). They need the rows of commissions, and those end when an order is archived; what holds of
an archived order's transfers stands there.
"""

from typing import Final

from pulsarack.ledger import accounts

QUERIES: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "P3",
        "a commission is not booked as the order's state demands",
        "SELECT 'order', c.order_id, o.state || ', ' || c.upline || ' earns ' || c.amount"
        " || coalesce(', booked by ' || t.id, ', not booked')"
        " FROM order_commission c JOIN orders o ON o.id = c.order_id"
        " LEFT JOIN transfer t ON t.id = 'order:' || c.order_id || ':commission:' || c.upline"
        " AND t.phase = 'posted' AND t.amount = c.amount"
        f" AND t.debit = '{accounts.COMMISSION_EXPENSE}'"
        " AND t.credit = 'liability:commission:' || c.upline"
        " WHERE (t.id IS NOT NULL) != (o.state IN ('SUCCEEDED', 'REVERSED'))",
    ),
    (
        "P3",
        "a commission was booked that no order says",
        "SELECT 'transfer', t.id, t.credit || ' ' || t.amount FROM transfer t"
        f" WHERE t.debit = '{accounts.COMMISSION_EXPENSE}' AND NOT EXISTS"
        " (SELECT 1 FROM order_commission c"
        " WHERE c.order_id = CAST(substr(t.reference, 7) AS INTEGER)"
        " AND t.id = 'order:' || c.order_id || ':commission:' || c.upline)",
    ),
    (
        "P3",
        "commission came from elsewhere than an order",
        "SELECT 'transfer', t.id, t.credit || ' ' || t.amount || ' from ' || t.debit"
        " FROM transfer t WHERE t.credit GLOB 'liability:commission:*'"
        f" AND t.debit != '{accounts.COMMISSION_EXPENSE}'",
    ),
    (
        "P3",
        "commission left its account and is neither its owner's deposit nor taken back",
        "SELECT 'transfer', t.id, t.debit || ' ' || t.amount || ' to ' || t.credit"
        " FROM transfer t WHERE t.debit GLOB 'liability:commission:*'"
        f" AND (t.reverses IS NULL OR t.credit != '{accounts.COMMISSION_EXPENSE}')"
        " AND (t.id NOT GLOB 'commission:*:exchange:*'"
        " OR t.credit != 'liability:agent:' || substr(t.debit, 22))",
    ),
    (
        "P3",
        "the uplines of an order earn all of its price or more",
        "SELECT 'order', o.id, o.price || ', commissions ' || sum(c.amount)"
        " FROM order_commission c JOIN orders o ON o.id = c.order_id"
        " GROUP BY o.id HAVING sum(c.amount) >= o.price",
    ),
    (
        "P3",
        "an agent is above itself",
        "WITH RECURSIVE reached (code) AS (SELECT code FROM agent WHERE upline IS NULL"
        " UNION SELECT a.code FROM reached JOIN agent a ON a.upline = reached.code)"
        " SELECT 'agent', code, 'upline ' || upline FROM agent WHERE code NOT IN reached",
    ),
)
