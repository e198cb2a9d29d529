"""What must hold of money that came in: the audit's queries about deposits (promise P3).

Each rupiah in a deposit has a cause that says the same as the ledger: a row of a bank's
statement, two admins, another agent's deposit, a commission, or an order that was reversed. What
one admin credited before there were two ends at the transfer that a migration noted.
"""

from typing import Final

from pulsarack.ledger import accounts

_DEPOSIT = "liability:agent:"
_CASH = accounts.bank("cash")

# Each cause is looked up by its number in the transfer's id; a scan of all for each would not end.
_CAUSES = (
    "EXISTS (SELECT 1 FROM bank_row r WHERE r.id = CAST(substr(t.id, 10) AS INTEGER)"
    " AND t.id = 'bank_row:' || r.id AND t.debit = 'asset:bank:' || r.bank"
    " AND r.agent = substr(t.credit, 17) AND r.amount = t.amount)",
    "EXISTS (SELECT 1 FROM credit_request c WHERE c.id = CAST(substr(t.id, 16) AS INTEGER)"
    " AND t.id = 'credit_request:' || c.id"
    f" AND c.state = 'CONFIRMED' AND t.debit = '{_CASH}' AND c.agent = substr(t.credit, 17)"
    " AND c.amount = t.amount)",
    "EXISTS (SELECT 1 FROM balance_transfer b WHERE b.id = CAST(substr(t.id, 18) AS INTEGER)"
    " AND t.id = 'balance_transfer:' || b.id"
    f" AND t.debit = '{_DEPOSIT}' || b.sender AND b.receiver = substr(t.credit, 17)"
    " AND b.amount = t.amount)",
    "t.debit GLOB 'liability:commission:*'",
    "coalesce(t.reverses, '') GLOB 'order:[0-9]*:price:post'",
    f"(t.debit = '{_CASH}' AND t.sequence <= (SELECT max(last_sequence) FROM early_credit))",
)

QUERIES: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "P3",
        "a deposit was raised and nothing says why",
        "SELECT 'transfer', t.id, t.credit || ' ' || t.amount || ' from ' || t.debit"
        f" FROM transfer t WHERE t.credit GLOB '{_DEPOSIT}*' AND t.phase IN ('posted', 'post')"
        f" AND NOT ({' OR '.join(_CAUSES)})",
    ),
    (
        "P3",
        "a deposit was lowered and nothing says why",
        "SELECT 'transfer', t.id, t.debit || ' ' || t.amount || ' to ' || t.credit"
        f" FROM transfer t WHERE t.debit GLOB '{_DEPOSIT}*' AND t.phase IN ('posted', 'post')"
        " AND t.id NOT GLOB 'order:[0-9]*:price:post' AND NOT EXISTS"
        " (SELECT 1 FROM balance_transfer b WHERE b.id = CAST(substr(t.id, 18) AS INTEGER)"
        " AND t.id = 'balance_transfer:' || b.id) AND NOT EXISTS"
        " (SELECT 1 FROM credit_request c WHERE c.id = CAST(substr(t.id, 16) AS INTEGER)"
        " AND t.id = 'credit_request:' || c.id"
        f" AND c.state = 'CONFIRMED' AND t.credit = '{_CASH}' AND c.agent = substr(t.debit, 17)"
        " AND -c.amount = t.amount)",
    ),
    (
        "P3",
        "a row of a statement is not credited as it says",
        "SELECT 'bank row', r.id, r.state || ' ' || r.amount || coalesce(' of ' || r.agent, '')"
        " || coalesce(', by ' || t.id || ' ' || t.amount, ', no transfer') FROM bank_row r"
        " LEFT JOIN transfer t ON t.id = 'bank_row:' || r.id"
        " WHERE (r.agent IS NULL) != (t.id IS NULL) OR (t.id IS NOT NULL AND (t.phase != 'posted'"
        f" OR t.amount != r.amount OR t.credit != '{_DEPOSIT}' || r.agent"
        " OR t.debit != 'asset:bank:' || r.bank))",
    ),
    (
        "P3",
        "a ticket is paid and no row of its amount and days says so, or one does and it is not",
        "SELECT 'ticket', k.id, k.state || ' ' || k.amount"
        " || coalesce(', row ' || r.id || ' ' || r.amount || ' of ' || r.agent, ', no row')"
        " FROM ticket k LEFT JOIN bank_row r ON r.ticket_id = k.id"
        " WHERE (k.state = 'PAID') != (r.id IS NOT NULL) OR (r.id IS NOT NULL"
        " AND (r.amount != k.amount OR r.agent != k.agent OR r.day < k.first_day"
        " OR r.day > k.last_day OR (k.bank != '' AND k.bank != r.bank)))",
    ),
    (
        "P3",
        "a ticket was paid by more than one row",
        "SELECT 'ticket', ticket_id, 'rows ' || group_concat(id) FROM bank_row"
        " WHERE ticket_id IS NOT NULL GROUP BY ticket_id HAVING count(*) > 1",
    ),
    (
        "P3",
        "a proposal is not booked as it was decided",
        "SELECT 'proposal', c.id, c.state || ' ' || c.amount"
        " || coalesce(', by ' || t.id || ' ' || t.amount, ', no transfer') FROM credit_request c"
        " LEFT JOIN transfer t ON t.id = 'credit_request:' || c.id"
        " WHERE (c.state = 'CONFIRMED') != (t.id IS NOT NULL) OR t.amount != abs(c.amount)",
    ),
    (
        "P3",
        "one admin alone decided about a deposit",
        "SELECT 'proposal', id, 'user ' || uid || ' proposed and confirmed ' || amount"
        " FROM credit_request WHERE state = 'CONFIRMED' AND decided_uid = uid",
    ),
    (
        "P3",
        "balance that moved between agents is not booked as it was asked",
        "SELECT 'balance transfer', b.id, b.sender || ' to ' || b.receiver || ' ' || b.amount"
        " || coalesce(', by ' || t.amount, ', no transfer') FROM balance_transfer b"
        " LEFT JOIN transfer t ON t.id = 'balance_transfer:' || b.id"
        " WHERE t.id IS NULL OR t.phase != 'posted' OR t.amount != b.amount"
        f" OR t.debit != '{_DEPOSIT}' || b.sender OR t.credit != '{_DEPOSIT}' || b.receiver",
    ),
)
