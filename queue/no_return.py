"""Which open attempt forbids that a modem is reset: one past its point of no return.

Its answer may still come, and what a reset cuts off is evidence lost. The chip is known
by its card. While nobody could read that, it may be any chip that no other slot shows.
"""

from collections.abc import Collection

from peewee import Database

from pulsarack.queue import attempts
from pulsarack.queue.attempts import Attempt


def open_in_slot(db: Database, iccid: str | None, shown: Collection[str]) -> Attempt | None:
    """The open attempt past its point of no return on the chip that is in a slot, or may be.

    `iccid`: the card that is in it, None if it was not read; `shown`: what all slots show.
    """
    for attempt in attempts.every_open(db):
        if attempt.committed_at is None:
            continue
        if attempt.chip == iccid or (iccid is None and attempt.chip not in shown):
            return attempt
    return None
