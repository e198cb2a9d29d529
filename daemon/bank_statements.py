"""What holds for rows of banks' statements, whichever way they come: a file, or a program."""

from pulsarack.daemon import calendar
from pulsarack.daemon.context import Context
from pulsarack.queue.deposits.bank_rows import Taken

# Banks give what comes in at night or at a weekend the date of their next working day.
DAYS_AHEAD = 4
_DAY_MS = 86_400_000


def latest_day(context: Context) -> str:
    """The last local day that a row can have now."""
    ahead_ms = context.clock.now_ms() + DAYS_AHEAD * _DAY_MS
    return calendar.local_day(ahead_ms, context.config.daemon.timezone)


def tell(
    context: Context, bank: str, taken: Taken, *, uid: int | None = None, account: str | None = None
) -> None:
    """Log what became of rows: a line a ticket, and one of all; an admin or a program of the
    HTTP API brought them. Whose tickets were paid hear of it at once."""
    for one in taken.paid:
        context.log.info(
            "ticket.paid",
            ticket=one.ticket.id,
            agent=one.ticket.agent,
            amount=one.row.amount,
            row=one.row.id,
        )
    context.log.info(
        "bank.imported",
        bank=bank,
        uid=uid,
        account=account,
        added=taken.added,
        known=taken.known,
        paid=len(taken.paid),
        unmatched=len(taken.unmatched),
    )
    if taken.paid:
        context.events.noticed()
