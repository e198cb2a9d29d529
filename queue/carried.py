"""How many attempts a chip has carried today, without counting its whole day for every order.

A chip that sells some thousands a day would be counted over and over. So what lies more than
SETTLED_MS back is counted once and remembered; an order costs the count of what came since. It
may be remembered because such rows stand: an attempt keeps the time at which it was claimed, and
none is added with an earlier time of the same era (clock_steps.py), but for what a person says of
an order that a backup held (contradiction.py): then all is counted once more. Those proved not
done, which do not count, are few, and are counted anew each time.
"""

from dataclasses import dataclass

from peewee import Database

from pulsarack.queue.rows import scalar

# What is younger may belong to a transaction that comes to nothing.
SETTLED_MS = 30_000
# So much time is remembered at once.
_STEP_MS = 30_000

_BETWEEN = (
    "SELECT count(*) FROM attempt WHERE chip = ? AND claimed_at > ? AND claimed_at <= ? AND id > ?"
)


@dataclass(slots=True)
class Counted:
    """`number` attempts of a chip were claimed from the beginning of a day until `until` (ms UTC).

    `after_attempt`: those of the day's only era are behind this one.
    """

    iccid: str
    day_started_at: int
    after_attempt: int
    until: int
    number: int = 0

    def move_up(self, db: Database, now_ms: int) -> None:
        """Count what has settled since, if there is more than a little."""
        until = now_ms - SETTLED_MS
        if until - self.until > _STEP_MS:
            between = (self.iccid, self.until, until, self.after_attempt)
            self.number += scalar(db, _BETWEEN, between)
            self.until = until


class Carried:
    """What is remembered of chips. For jobs that write: of those one begins after the other."""

    def __init__(self) -> None:
        self._counted: dict[str, Counted] = {}

    def of(self, iccid: str, *, day_started_at: int, after_attempt: int) -> Counted:
        """What was counted of a chip; nothing yet, if that was another day or another era."""
        found = self._counted.get(iccid)
        if found is None or (found.day_started_at, found.after_attempt) != (
            day_started_at,
            after_attempt,
        ):
            found = Counted(iccid, day_started_at, after_attempt, until=day_started_at - 1)
            self._counted[iccid] = found
        return found

    def forget(self) -> None:
        """An attempt was written with a time that may have been counted already. From any thread,
        once that is stored."""
        self._counted.clear()
