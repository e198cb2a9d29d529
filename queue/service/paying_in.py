"""Payments from a bank: rows are stored and credited, and each agent is told in the transaction.

Whichever way a statement comes (a file, a program over HTTP), it goes through here.
"""

from collections.abc import Sequence

from peewee import Database

from pulsarack.queue.deposits import bank_rows
from pulsarack.queue.deposits.bank_rows import StatementRow, Taken
from pulsarack.queue.service import notices
from pulsarack.queue.validation import Refusal


def take(
    db: Database,
    bank: str,
    rows: Sequence[StatementRow],
    *,
    source: str,
    latest_day: str,
    now_ms: int,
) -> Taken | Refusal:
    """As `bank_rows.take`; whose ticket was paid is told, where he has an address."""
    taken = bank_rows.take(db, bank, rows, source=source, latest_day=latest_day, now_ms=now_ms)
    for one in taken.paid if isinstance(taken, Taken) else ():
        notices.money_came(
            db,
            one.ticket.agent,
            one.row.amount,
            number=str(one.ticket.id),
            bank=bank,
            now_ms=now_ms,
        )
    return taken
