"""Reconciliation: what of our books has not been held against the outside, or differs from it.

Stock is compared whenever a chip stands idle, payments whenever a bank's rows come in. This is
the look each morning at what that left open: chips whose operator was not heard of for long,
chips whose last figure is not the books', discrepancies that nobody has explained, and
payments that nobody has claimed.
"""

from dataclasses import dataclass
from typing import Final

from peewee import Database

from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.side_reader import SideReader
from pulsarack.queue import discrepancies
from pulsarack.queue.deposits import bank_rows
from pulsarack.queue.rows import tuples

NAMED: Final = 10
"""So many chips are named in the log."""
_HOUR_MS: Final = 3600 * MS
_NEWEST: Final = """
SELECT c.iccid, r.at, r.stock, r.ledger FROM chip AS c LEFT JOIN stock_reading AS r
    ON r.id = (SELECT max(id) FROM stock_reading WHERE chip = c.iccid)
    WHERE c.state IN ('ACTIVE', 'RESTING') ORDER BY c.iccid
"""


@dataclass(frozen=True, slots=True)
class Open:
    """What is not reconciled: chips by their ICCID, and how many of the others."""

    unread: tuple[str, ...]
    differing: tuple[str, ...]
    discrepancies: int
    payments: int


def look(db: Database, *, unread_before_ms: int) -> Open:
    """What is open; `unread_before_ms`: a chip should have been read since."""
    rows = tuples(db, _NEWEST)
    return Open(
        tuple(iccid for iccid, at, _, _ in rows if at is None or at < unread_before_ms),
        tuple(iccid for iccid, at, stock, ledger in rows if at is not None and stock != ledger),
        discrepancies.waiting(db),
        bank_rows.unmatched(db),
    )


async def reconcile(context: Context, reader: SideReader) -> str:
    """Look, warn of each kind once, and say it in figures."""
    hours, now_ms = context.config.schedules.unread_hours, context.clock.now_ms()
    before = now_ms - hours * _HOUR_MS if hours else 0
    found = await reader.run(lambda db: look(db, unread_before_ms=before))
    log = context.log
    if found.unread and hours:
        log.warning(
            "reconciliation.unread",
            chips=len(found.unread),
            named=list(found.unread[:NAMED]),
            hours=hours,
            remedy="plug them in, or take them out of service: pulsarack chip list",
        )
    if found.differing:
        log.warning(
            "reconciliation.differs",
            chips=len(found.differing),
            named=list(found.differing[:NAMED]),
            remedy="they are read again before they sell; see: pulsarack chip show ICCID",
        )
    if found.discrepancies:
        log.warning(
            "reconciliation.discrepancies",
            count=found.discrepancies,
            remedy="say what they were: pulsarack discrepancies",
        )
    if found.payments:
        log.warning(
            "reconciliation.payments",
            count=found.payments,
            remedy="say whose they are: pulsarack bank rows --unmatched",
        )
    return (
        f"{len(found.unread) if hours else 0} chips not read for {hours} h,"
        f" {len(found.differing)} read otherwise than booked,"
        f" {found.discrepancies} discrepancies open, {found.payments} payments unclaimed"
    )
