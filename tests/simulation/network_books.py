"""What agents pay and uplines earn, in the auditor's own books.

It knows every set of rules that was ever in force, in their order, and works out by itself what
each upline had to add. An order must carry the shares of one set that it may have met, from the
one that was surely in force when it was first asked for; they never change; and what uplines
have is what they earned of the orders that succeeded, less what they asked for and got.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

Row = tuple[Any, ...]
Shares = dict[str, int]
_KEY = "commission:{}:exchange:{}"


@dataclass(frozen=True)
class Rules:
    """Who is above whom, who adds what, and what levels pay."""

    uplines: dict[str, str] = field(default_factory=dict)
    markups: dict[tuple[str, str | None, str | None], int] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    prices: dict[tuple[str, str], int] = field(default_factory=dict)

    def above(self, agent: str) -> list[str]:
        """The uplines of an agent, the nearest first."""
        found: list[str] = []
        while (upline := self.uplines.get(found[-1] if found else agent)) is not None:
            found.append(upline)
        return found

    def shares(self, agent: str, product: str) -> Shares:
        """What each upline earns."""
        found: Shares = {}
        below = agent
        for upline in self.above(agent):
            for key in ((below, product), (None, product), (below, None), (None, None)):
                amount = self.markups.get((upline, *key))
                if amount is not None:
                    if amount:
                        found[upline] = amount
                    break
            below = upline
        return found

    def changed(self, name: str, said: dict[str, Any]) -> "Rules | None":
        """The rules after what an admin says; None if that cannot be."""
        if name == "agent.move":
            return self._moved(said["code"], said["upline"])
        if name == "markup.set":
            return self._marked_up(**{"downline": None, "product": None, **said})
        if name == "agent.level":
            if said["level"] and all(level != said["level"] for level, _ in self.prices):
                return None
            return replace(self, levels={**self.levels, said["code"]: said["level"]})
        if name == "price.set":
            priced = (said["level"], said["product"])
            return replace(self, prices={**self.prices, priced: said["price"]})
        return self  # turning an agent off changes no price

    def _moved(self, agent: str, upline: str | None) -> "Rules | None":
        before = self.uplines.get(agent)
        if upline is not None and (upline == agent or agent in self.above(upline)):
            return None
        if upline == before:
            return self
        uplines = {one: its for one, its in self.uplines.items() if one != agent}
        if upline is not None:
            uplines[agent] = upline
        kept = {key: amount for key, amount in self.markups.items() if key[:2] != (before, agent)}
        return replace(self, uplines=uplines, markups=kept)

    def _marked_up(
        self, upline: str, amount: int, downline: str | None, product: str | None
    ) -> "Rules | None":
        if downline is not None and self.uplines.get(downline) != upline:
            return None
        return replace(self, markups={**self.markups, (upline, downline, product): amount})


class NetworkBooks:
    """The rules that were, what each order carries, and what was drawn."""

    def __init__(
        self,
        rows: Callable[..., list[Row]],
        find: Callable[[str, str], None],
        by_text: Callable[[str, int], str | None],
    ) -> None:
        """`by_text`: whose exchange a transfer is that was asked for in a text."""
        self.find = find
        self._by_text = by_text
        self._rows = rows
        self._rules = [Rules()]
        self._sure = 0
        self._since: dict[tuple[str, ...], int] = {}
        self._shares: dict[int, Shares] = {}
        self._asked: dict[str, tuple[str, int | None]] = {}
        self.earning = 0  # orders of which an upline earns

    @property
    def newest(self) -> Rules:
        """The rules as the admin said last."""
        return self._rules[-1]

    @property
    def _there(self) -> bool:
        return len(self._rules) > 1

    def may_be(self, rules: Rules) -> None:
        """These are in force from some moment on that has not passed yet."""
        self._rules.append(rules)

    def is_so(self) -> None:
        """The daemon said so."""
        self._sure = len(self._rules) - 1

    def asked(self, agent: str, key: str, amount: int | None) -> None:
        """An upline is about to ask for what it earned."""
        self._asked[_KEY.format(agent, key)] = (agent, amount)

    def wished(self, key: tuple[str, ...]) -> None:
        """An agent is about to ask for something, perhaps not for the first time."""
        self._since.setdefault(key, self._sure)

    def look(self, *, archived: bool) -> None:
        """Read what orders carry; what was seen once must stay until the order is archived."""
        if not self._there:
            return
        found: dict[int, Shares] = defaultdict(dict)
        for order, upline, amount in self._rows(
            "SELECT o.id, c.upline, c.amount FROM orders AS o"
            " LEFT JOIN order_commission AS c ON c.order_id = o.id"
        ):
            if upline is not None:
                found[order][upline] = amount
            elif order not in found:
                found[order] = {}
        for order, shares in found.items():
            before = self._shares.setdefault(order, shares)
            if shares != before and not (archived and not shares):
                self.find("P3", f"order {order} let uplines earn {before}, now {shares}")
        self.earning = sum(1 for shares in self._shares.values() if shares)

    def check(
        self, order: int, key: tuple[str, ...], agent: str, product: str, price: int, own: list[int]
    ) -> None:
        """The price of an order is one that it may have met; `own`: the product's prices then."""
        shares = self._shares.get(order, {})
        met = self._rules[self._since[key] :]
        for rules in met:
            level = rules.prices.get((rules.levels.get(agent, ""), product))
            bases = own if level is None else [level]
            if rules.shares(agent, product) == shares and price - sum(shares.values()) in bases:
                return
        tried = [rules.shares(agent, product) for rules in met]
        self.find("P3", f"order {order} of {agent} costs {price}, {shares}; not {own} {tried}")

    def earned(self, succeeded: set[int]) -> Counter[str]:
        """What uplines earned of these orders."""
        total: Counter[str] = Counter()
        for order in succeeded & self._shares.keys():
            total.update(self._shares[order])
        return total

    def drawn(self) -> Counter[str]:
        """What became deposit; nothing does that nobody asked for."""
        total: Counter[str] = Counter()
        if not self._there:
            return total
        rows = self._rows(
            "SELECT id, debit, credit, amount FROM transfer WHERE id >= 'commission:'"
            " AND id < 'commission;'"
        )
        for name, debit, credit, amount in rows:
            by_text = (self._by_text(name, amount) or "nobody", amount)
            agent, wanted = self._asked.get(name, by_text)
            sides = (f"liability:commission:{agent}", f"liability:agent:{agent}")
            if (debit, credit) != sides or wanted not in (None, amount):
                self.find("P3", f"{name} moved {amount} from {debit} to {credit}")
            total[agent] += amount
        return total
