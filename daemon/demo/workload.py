"""What the agents of a demonstration type: drawn beforehand, from one seeded source.

Most texts are ordinary orders. A few go to numbers that the simulated operators refuse,
a few are a customer's second top-up of the day, and some are mistakes that the daemon
must refuse at once; those come on top, since a refused text is no order. No two orders
of one draw have the same natural key, so whatever else is refused is a fault.

Numbers are of the 0812 0000 .... kind, which belongs to nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

AGENTS = {
    "kios1": "Kios 1",
    "kios2": "Kios 2",
    "kios3": "Kios 3",
    "kios4": "Kios 4",
    "kios5": "Kios 5",
}
PREFIXES = {"telkomsel": "0812", "indosat": "0856", "xl": "0817", "tri": "0895"}

# Shares of the orders.
_BAD_NUMBER_SHARE = 0.04
_SECOND_TODAY_SHARE = 0.03
# Refused texts on top of the orders: one for so many, at least some.
_ORDERS_PER_MISTAKE = 20
_LEAST_MISTAKES = 3
# Small amounts sell best; by rank of the denomination.
_WEIGHTS = (20, 35, 15, 15, 10, 5)
# Clear of 00 and 01, which mean trouble in the racks that come along.
_FIRST_NUMBER = 12


@dataclass(frozen=True, slots=True)
class Shop:
    """What can be sold of one operator.

    `codes`: products, cheapest first. `chips`: how many sell it. `bad_endings`: last
    digits of numbers that the operator does not know or has shut.
    """

    operator: str
    codes: tuple[str, ...]
    chips: int = 1
    bad_endings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Typed:
    """One text of an agent; `refusal` is the code with which it must be refused."""

    agent: str
    text: str
    client_reference: str
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class KillPoint:
    """When the daemon is killed: as soon as so many orders are accepted, or finished."""

    what: str
    count: int


def draw(
    rng: Random, count: int, shops: Sequence[Shop], *, agents: Sequence[str] = tuple(AGENTS)
) -> list[Typed]:
    """`count` orders, and some texts to be refused among them."""
    counter = _Counter(rng, count, shops, agents)
    typed = [counter.order() for _ in range(count)]
    for _ in range(max(_LEAST_MISTAKES, count // _ORDERS_PER_MISTAKE)):
        typed.insert(rng.randrange(len(typed) + 1), counter.mistake())
    return typed


def kill_points(rng: Random, kills: int, count: int) -> list[KillPoint]:
    """Where to kill, earliest first; never so late that nothing is left to go wrong."""
    counts = sorted(rng.randint(1, max(1, count * 4 // 5)) for _ in range(kills))
    return [KillPoint(rng.choice(("accepted", "finished")), each) for each in counts]


class _Counter:
    """Where agents type; it remembers what was ordered."""

    def __init__(
        self, rng: Random, count: int, shops: Sequence[Shop], agents: Sequence[str]
    ) -> None:
        self._rng = rng
        self._agents = agents
        self._shops = shops
        # Wide enough that customers are rarely drawn twice.
        self._last_number = max(1000, 20 * count)
        self._typed = 0
        self._taken: set[tuple[str, str]] = set()
        self._orders: list[tuple[str, str, str]] = []  # agent, product, number
        self._again: set[tuple[str, str, str]] = set()

    def order(self) -> Typed:
        """A text that is an order."""
        if self._orders and self._rng.random() < _SECOND_TODAY_SHARE:
            first = self._rng.choice(self._orders)
            if first not in self._again:
                self._again.add(first)
                agent, code, number = first
                return self._as_typed(agent, f"{code}.2.{number}")
        shop = self._shop()
        code = self._rng.choices(shop.codes, _WEIGHTS[: len(shop.codes)])[0]
        number = self._number(shop, code)
        agent = self._agent()
        self._orders.append((agent, code, number))
        return self._as_typed(agent, f"{code}.{number}")

    def mistake(self) -> Typed:
        """A text that must be refused."""
        shop = self._shop()
        code, number = self._rng.choice(shop.codes), self._any_number(shop)
        mistakes = [
            (f"{code}.{number[:6]}", "BAD_NUMBER"),
            (f"{code}.{number}0000", "BAD_NUMBER"),
            (f"{code[0]}7.{number}", "UNKNOWN_PRODUCT"),
            (f"{code} {number}", "BAD_FORMAT"),
            (f"{code}..{number}", "BAD_FORMAT"),
            (f"{code}.0831{number[4:]}", "WRONG_OPERATOR"),
        ]
        text, refusal = self._rng.choice(mistakes)
        return self._as_typed(self._agent(), text, refusal)

    def _as_typed(self, agent: str, text: str, refusal: str | None = None) -> Typed:
        self._typed += 1
        return Typed(agent, text, f"{agent}-{self._typed}", refusal)

    def _agent(self) -> str:
        return self._rng.choice(self._agents)

    def _shop(self) -> Shop:
        return self._rng.choices(self._shops, [shop.chips for shop in self._shops])[0]

    def _number(self, shop: Shop, code: str) -> str:
        bad = bool(shop.bad_endings) and self._rng.random() < _BAD_NUMBER_SHARE
        while True:
            number = self._any_number(shop)
            if bad:
                ending = self._rng.choice(shop.bad_endings)
                number = number[: -len(ending)] + ending
            elif number.endswith(shop.bad_endings or ("-",)):
                continue
            if (code, number) not in self._taken:
                self._taken.add((code, number))
                return number

    def _any_number(self, shop: Shop) -> str:
        number = self._rng.randint(_FIRST_NUMBER, self._last_number)
        return f"{PREFIXES[shop.operator]}{number:08d}"
