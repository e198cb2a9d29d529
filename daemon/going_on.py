"""How a sale ends: one transaction settles it and, if the chip may go on, claims its next order.

Whoever waits for a chip waits for both, one commit instead of two. The attempt that ended is
closed in the same transaction before the next one is written, so that never two are open on a
chip; if it turns out that nothing can be claimed, only the end is written.

If nothing is to be done before the next order's first byte, and that byte moves money, the
claim is its point of no return (`Claim.committed`): another commit in between would tell no more.
"""

from collections.abc import Callable
from dataclasses import dataclass

from peewee import Database, IntegrityError

from pulsarack.daemon.context import MS, Standing
from pulsarack.ledger import sql
from pulsarack.queue import claim
from pulsarack.queue.chips import Chip
from pulsarack.queue.claim import Claim, IdleChip, Known
from pulsarack.queue.errors import ClaimLost
from pulsarack.queue.orders import Order

ClaimNext = Callable[[Database, Chip], Claim | None]
"""Claims the next order for a chip that is free in this transaction; None if there is none."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an order that was decided stands, and its chip; `claim` is the chip's next order.

    `chip` is None if more may have happened to it since.
    """

    standing: Standing
    chip: Chip | None = None
    claim: Claim | None = None


End = Callable[[Database, Order, bool], Ended]
"""Called in the transaction that decides an attempt, with its order as it is then.

The flag: nothing else happens to the chip with it, so that it may go on.
"""


@dataclass(frozen=True, slots=True)
class Report:
    """An operator's report that is waited for.

    `ending` is asked right before a text is booked, `note` told how it ended right behind that.
    """

    order_id: int
    attempt_id: int
    ending: Callable[[], End]
    note: Callable[[Ended], None]


def claim_next(
    ready: IdleChip, known: Known, *, sold_ms: int, now_ms: int, day_started_at: int
) -> ClaimNext:
    """What claims the next order for a chip at once.

    `known` is that of all passes; `sold_ms`: how long the chip was at the order that ends.
    """

    begin = known.rewound([ready.operator])

    def claim_for(db: Database, chip: Chip) -> Claim | None:
        begin()
        own, usual = chip.pause_seconds, ready.presence.limits.pause_seconds
        if (usual if own is None else own) * MS > sold_ms:
            return None  # it pauses first, counted from its last claim
        sql.run(db, "SAVEPOINT next")
        try:
            found = claim.claim_for(
                db, chip, ready, known, now_ms=now_ms, day_started_at=day_started_at
            )
        except (ClaimLost, IntegrityError):
            # The operator's answer must not be lost with it; the next pass says what is wrong.
            sql.run(db, "ROLLBACK TO next")
            found = None
        sql.run(db, "RELEASE next")
        return found

    return claim_for
