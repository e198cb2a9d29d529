"""Which open attempt forbids that a modem is reset: one past its point of no return.

Its answer may still come, and what a reset cuts off is evidence lost. The chip is known
by its card, or, while nobody could read that, by the slot in which it was last seen.
"""

from peewee import Database

from pulsarack.queue import attempts, chips
from pulsarack.queue.attempts import Attempt


def open_in_slot(db: Database, slot: str, iccid: str | None) -> Attempt | None:
    """The open attempt past its point of no return on the chip that is in the slot."""
    for attempt in attempts.every_open(db):
        if attempt.committed_at is None:
            continue
        if iccid is not None:
            if attempt.chip == iccid:
                return attempt
            continue
        chip = chips.find(db, attempt.chip)
        if chip is not None and chip.slot == slot:
            return attempt
    return None
