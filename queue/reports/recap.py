"""A day of an agent in figures (rekap): its orders by product and state, and what it earned.

Orders are counted on the local day on which they were accepted, as they stand now. What was
earned of downlines' orders is what the ledger booked on that day, less what was taken back. Days
whose orders are archived have no figures any more.
"""

from dataclasses import dataclass
from typing import Final

from peewee import Database

from pulsarack.ledger import accounts, books
from pulsarack.queue.rows import scalar, tuples
from pulsarack.queue.state import OPEN

_MARGIN_MS: Final = 3_600_000
_MOST_LINES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class RecapLine:
    """All orders of one product in one state; `amount` is the sum of their prices."""

    product: str
    state: str
    count: int
    amount: int


@dataclass(frozen=True, slots=True)
class Recap:
    """One day; `spent` rupiah for successes, `held` for orders that are open."""

    day: str
    lines: tuple[RecapLine, ...]
    earned: int

    @property
    def count(self) -> int:
        """All orders."""
        return sum(line.count for line in self.lines)

    def of_state(self, *states: str) -> tuple[int, int]:
        """How many orders are in one of the states, and the sum of their prices."""
        found = [line for line in self.lines if line.state in states]
        return sum(line.count for line in found), sum(line.amount for line in found)

    @property
    def spent(self) -> int:
        """What the successes cost."""
        return self.of_state("SUCCEEDED")[1]

    @property
    def held(self) -> int:
        """What is set aside for orders that are open."""
        return self.of_state(*OPEN)[1]


def of_day(db: Database, agent: str, local_day: str, begins_at: int, ends_at: int) -> Recap:
    """The figures of a local day, which begins and ends at those times (milliseconds UTC)."""
    first = _first_order(db, begins_at - _MARGIN_MS)
    last = _first_order(db, ends_at + _MARGIN_MS)
    found = tuples(
        db,
        "SELECT product, state, count(*), sum(price) FROM orders"
        " WHERE agent = ? AND id >= ? AND id < ? AND local_day = ?"
        " GROUP BY product, state ORDER BY product, state",
        (agent, first, last, local_day),
    )
    lines = tuple(RecapLine(*row) for row in found)
    return Recap(local_day, lines, _earned(db, agent, begins_at, ends_at))


def _earned(db: Database, agent: str, begins_at: int, ends_at: int) -> int:
    account = accounts.commission(agent)
    above = books.first_since(db, begins_at - _MARGIN_MS) - 1
    below = books.first_since(db, ends_at + _MARGIN_MS)
    rows = books.movements(db, account, above=above, below=below, limit=_MOST_LINES)
    return sum(
        row.amount if row.credit == account else -row.amount
        for row in rows
        if begins_at <= row.at < ends_at and row.reference.startswith("order:")
    )


def _first_order(db: Database, at_ms: int) -> int:
    """The id of an order near the first one that was accepted then or later, by halving."""
    low, high = 0, int(scalar(db, "SELECT coalesce(max(id), 0) FROM orders")) + 1
    while low < high:
        middle = (low + high) // 2
        row = tuples(
            db,
            "SELECT id, received_at FROM orders WHERE id >= ? ORDER BY id LIMIT 1",
            (middle,),
        )
        if not row or row[0][1] >= at_ms:
            high = middle
        else:
            low = row[0][0] + 1
    return low
