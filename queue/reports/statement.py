"""An agent's statement (mutasi): what moved its deposit, why, and the balance after each.

It is read from the ledger and only says what the ledger has: a line a movement, with its kind
from what caused it. What is held for orders that are not final is no line. Rows that left for an
archive leave their balance behind, so a statement from the database ends above the newest of
them; the daemon goes on in the archives.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from peewee import Database

from pulsarack.ledger import accounts, books, closing
from pulsarack.ledger.books import Line
from pulsarack.queue import archive, orders

# By how much the clock may have been set back within a day that is looked for.
_MARGIN_MS: Final = 3_600_000
_MOST_ROWS: Final = 20_000
_ORDER = re.compile(r"order:([0-9]{1,18})")
_COMMISSION = "liability:commission:"
_AGENT = "liability:agent:"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement: rupiah, below zero if they left; `balance` is the deposit after it.

    `kind`: order, refund, ticket, deposit (a bank's row that an admin assigned), transfer,
    commission, correction (two admins' word, or one's before there were two), other. `other` is
    the agent on the other side of a transfer.
    """

    at: int
    kind: str
    amount: int
    balance: int
    order_id: int | None
    product: str | None
    destination: str | None
    other: str | None
    memo: str


def newest(db: Database, agent: str, limit: int) -> list[StatementLine]:
    """The newest lines that the database has; [] also if there is no such agent."""
    now = books.balance(db, accounts.agent(agent))
    if now is None:
        return []
    found = books.movements(db, now.code, above=_end(db, now.code), limit=limit)
    return told(db, books.lines(now, found))


def between(
    db: Database, agent: str, begins_at: int, ends_at: int, limit: int
) -> list[StatementLine]:
    """The newest lines of a time (milliseconds UTC, the end not included)."""
    now = books.balance(db, accounts.agent(agent))
    if now is None:
        return []
    above = max(_end(db, now.code), books.first_since(db, begins_at - _MARGIN_MS) - 1)
    below = books.first_since(db, ends_at + _MARGIN_MS)
    # The hours around the day are among them, so `limit` comes later.
    found = books.movements(db, now.code, above=above, below=below, limit=_MOST_ROWS)
    if not found:
        return []
    left = books.balance_before(db, now, found[0].sequence + 1)
    shown = books.lines(now._replace(posted=left), found)
    return told(db, [one for one in shown if begins_at <= one.entry.at < ends_at][:limit])


def told(db: Database, lines: Iterable[Line]) -> list[StatementLine]:
    """Lines of the ledger as an agent reads them."""
    return [_told(db, line) for line in lines if line.debit or line.credit]


def _end(db: Database, account: str) -> int:
    """The number of the newest row of the account that left for an archive."""
    return max((one.last_sequence for one in closing.brought_forward(db, account)), default=0)


def _told(db: Database, line: Line) -> StatementLine:
    entry = line.entry
    match = _ORDER.fullmatch(entry.reference)
    order_id = int(match[1]) if match else None
    order = None
    if order_id is not None:
        order = orders.find(db, order_id) or archive.find(db, order_id)
    return StatementLine(
        at=entry.at,
        kind=kind_of(line),
        amount=line.credit - line.debit,
        balance=line.balance,
        order_id=order_id,
        product=order.product if order else None,
        destination=order.destination if order else None,
        other=line.other.removeprefix(_AGENT) if line.other.startswith(_AGENT) else None,
        memo=entry.memo,
    )


def kind_of(line: Line) -> str:
    """What caused a movement of a deposit."""
    transfer_id, reference = line.entry.id, line.entry.reference
    if reference.startswith("order:"):
        return "refund" if line.entry.reverses else "order"
    if transfer_id.startswith("bank_row:"):
        return "ticket" if line.entry.memo.startswith("ticket ") else "deposit"
    if transfer_id.startswith("balance_transfer:"):
        return "transfer"
    if line.other.startswith(_COMMISSION):
        return "commission"
    if transfer_id.startswith(("credit_request:", "credit:")):
        return "correction"
    return "other"
