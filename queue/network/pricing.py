"""What a product costs an agent, and what of it each of its uplines earns.

The price is the base price of the agent's own level (the product's own price, if the level has
none) and what every upline on the way to the top adds, each by its own most specific rule
(markups.py). What an upline adds is its commission, so the base price is what remains to us,
however many are above. An upline that is off adds and earns all the same (agents.py).

An agent without level and uplines costs no statement.
"""

from dataclasses import dataclass
from typing import NamedTuple

from peewee import Database

from pulsarack.queue.agents import Agent
from pulsarack.queue.products import Product
from pulsarack.queue.rows import scalar, tuples


@dataclass(frozen=True, slots=True)
class Share:
    """What an upline earns, rupiah."""

    agent: str
    amount: int


class Offer(NamedTuple):
    """What an agent pays, and what each upline earns of it, the nearest first; none earns 0."""

    price: int
    shares: tuple[Share, ...]

    @property
    def remains(self) -> int:
        """What is left to us when the uplines have theirs."""
        return self.price - sum(share.amount for share in self.shares)


_RULE = (
    "(SELECT amount FROM markup WHERE upline = way.upline AND coalesce(downline, '') = {}"
    " AND coalesce(product, '') = {})"
)
# Each upline of the agent ?1, the nearest first, and what it adds to the price of ?2. The
# downline that counts is the one right below it on the way.
_ADDED = f"""
WITH RECURSIVE way (upline, downline, distance) AS (
    SELECT upline, code, 1 FROM agent WHERE code = ?1 AND upline IS NOT NULL
    UNION ALL SELECT a.upline, a.code, way.distance + 1 FROM way
        JOIN agent AS a ON a.code = way.upline WHERE a.upline IS NOT NULL
)
SELECT way.upline, coalesce({_RULE.format("way.downline", "?2")}, {_RULE.format("''", "?2")},
    {_RULE.format("way.downline", "''")}, {_RULE.format("''", "''")}, 0)
FROM way ORDER BY way.distance
"""


def offer(db: Database, agent: Agent, product: Product) -> Offer:
    """What a product costs an agent at this moment."""
    base = _base(db, agent, product)
    if agent.upline is None:
        return Offer(base, ())
    added = tuples(db, _ADDED, (agent.code, product.code))
    shares = tuple(Share(upline, amount) for upline, amount in added if amount)
    return Offer(base + sum(share.amount for share in shares), shares)


def below_cost(offered: Offer, product: Product) -> bool:
    """Whether a sale would leave us less than it costs, and no admin allowed that."""
    return offered.remains < product.cost and not product.below_cost


def _base(db: Database, agent: Agent, product: Product) -> int:
    if not agent.level:
        return product.price
    own = "SELECT price FROM level_price WHERE level = ? AND product = ?"
    price = scalar(db, own, (agent.level, product.code))
    return product.price if price is None else int(price)
