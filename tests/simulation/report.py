"""What is known of one history, and of many together."""

from collections import Counter
from dataclasses import dataclass, field, fields


@dataclass
class Report:
    """Counts add up; `broken` is empty if every promise was kept.

    `crashes`: by (point, state it struck in); `faults`: by (state, fault); `moves`: by (from,
    to); `went_on`: orders claimed with the end of the one before on their chip, `at_once`: those
    whose claim was their point of no return; `reasons`: of attempts proved not done and of failed
    orders; `unknown`: how undecided orders were decided,
    by kind of evidence; `waits`: seconds until they were; `archived`: orders that left for an
    archive when all was over; `earning`: orders of which an upline earns; `texts`: what agents
    wrote, and what the channels did to it; `bulk`: requests of many orders, and how each of those
    was answered;
    `returns`: seconds that each modem took to work again (returns.py).
    """

    seed: int
    digest: str = ""
    broken: list[str] = field(default_factory=list)
    orders: int = 0
    archived: int = 0
    earning: int = 0
    seconds: float = 0.0
    states: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    crashes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    moves: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    went_on: int = 0
    at_once: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    texts: Counter[str] = field(default_factory=Counter)
    bulk: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Report") -> None:
        """Take another history's counts in."""
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, (list, int, float)) and one.name != "seed":
                setattr(self, one.name, mine + theirs)
