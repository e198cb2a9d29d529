"""The agents of a demonstration of the channels: who is above whom, and what a model says of it.

A provider, two distributors, and two tiers of agents, each with mark-ups for those below. What an
order costs and who earns of it is worked out here a second time, in a few lines that share
nothing with the daemon, from the same rules: of those that fit, the most specific one counts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """An agent of the tree; `place` makes its number and its PIN."""

    code: str
    name: str
    upline: str | None
    language: str
    place: int

    @property
    def number(self) -> str:
        """Its telephone, of the kind that belongs to nobody."""
        return f"628120099{self.place:04d}"

    @property
    def pin(self) -> str:
        """Its PIN."""
        return str(4071 + 137 * self.place)

    @property
    def wrong_pin(self) -> str:
        """What it types by mistake."""
        return str(4072 + 137 * self.place)

    @property
    def key(self) -> str:
        """The secret of its programs, as long as one that nobody guesses."""
        return f"key-of-{self.code}-{self.place * 7919:08d}-0123456789"


TREE = (
    Member("PUSAT", "Pusat Pulsa", None, "id", 1),
    Member("DIST1", "Distributor Satu", "PUSAT", "id", 2),
    Member("DIST2", "Distributor Dua", "PUSAT", "id", 3),
    Member("AG1", "Toko Satu", "DIST1", "id", 4),
    Member("AG2", "Shop Two", "DIST2", "en", 5),
    Member("AG1A", "Kios Satu A", "AG1", "id", 6),
    Member("AG1B", "Kiosk One B", "AG1", "en", 7),
    Member("AG2A", "Kios Dua A", "AG2", "id", 8),
)
# The provider only earns.
SELLERS = TREE[1:]
UPLINES = {member.code: member.upline for member in TREE}


@dataclass(frozen=True, slots=True)
class Markup:
    """One rule of an upline; None stands for any."""

    upline: str
    amount: int
    downline: str | None = None
    product: str | None = None


MARKUPS = (
    Markup("PUSAT", 25),
    Markup("PUSAT", 0, downline="DIST2"),
    Markup("DIST1", 100),
    Markup("DIST1", 175, product="S10"),
    Markup("DIST2", 125),
    Markup("AG1", 200),
    Markup("AG1", 150, downline="AG1B"),
    Markup("AG1", 50, downline="AG1B", product="S10"),
    Markup("AG2", 300),
)


def shares(agent: str, product: str) -> dict[str, int]:
    """What each upline adds to the price, and earns."""
    found = {}
    below, upline = agent, UPLINES[agent]
    while upline is not None:
        fitting = [
            rule
            for rule in MARKUPS
            if rule.upline == upline
            and rule.downline in (None, below)
            and rule.product in (None, product)
        ]
        # A product weighs more than a downline.
        best = max(fitting, key=lambda rule: (rule.product is not None, rule.downline is not None))
        found[upline] = best.amount
        below, upline = upline, UPLINES[upline]
    return found


class Model:
    """What deposits and commissions must be, from what was paid in, sold and moved."""

    def __init__(self, prices: Mapping[str, int]) -> None:
        """prices: of the products, without mark-ups."""
        self._prices = prices
        self.deposits: Counter[str] = Counter()
        self.commissions: Counter[str] = Counter()
        # As commissions, whatever became deposit meanwhile.
        self.earned: Counter[str] = Counter()

    def price(self, agent: str, product: str) -> int:
        """What an agent pays."""
        return self._prices[product] + sum(shares(agent, product).values())

    def sold(self, orders: Iterable[tuple[str, str]]) -> None:
        """Orders that succeeded: agent and product of each."""
        for agent, product in orders:
            self.deposits[agent] -= self.price(agent, product)
            self.commissions.update(shares(agent, product))
            self.earned.update(shares(agent, product))
