"""Everything an admin does before the first order, done over the control socket.

What the rack's operators take for a top-up is in the rack file; the product list follows
it, since a dealer knows his prices.
"""

import asyncio
from collections import Counter
from pathlib import Path

from pulsarack.daemon.cli import product_file
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.deposit import pay_in
from pulsarack.daemon.demo.errors import DemoError
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.workload import AGENTS, Shop
from pulsarack.modems.simulator import catalogue
from pulsarack.modems.simulator.catalogue import ChipCard
from pulsarack.modems.simulator.errors import SimulatorError
from pulsarack.modems.simulator.rack import Rack, load_rack
from pulsarack.ussd.shelf import Shelf, load_shelf

PRODUCTS = Path(__file__).parent / "products.csv"
# More than any order of the list costs.
DEPOSIT_AN_ORDER = 150_000
# What is put on top where the operator of a rack takes more than the list price.
_LEAST_MARGIN = 500
_LOOK_SECONDS = 0.1


class Trade:
    """What there is to sell: the rack's chips, and the products of their operators."""

    def __init__(self, rack_path: Path) -> None:
        """Reads the rack file; raises DemoError."""
        try:
            self._rack: Rack = load_rack(rack_path)
            self.chips: list[ChipCard] = catalogue.chips(rack_path)
        except SimulatorError as error:
            raise DemoError(str(error), "correct the rack file") from None
        self.operators = Counter(chip.operator for chip in self.chips)
        self.products = [self._priced(row) for row in product_file.read(PRODUCTS)]

    def shops(self) -> list[Shop]:
        """The operators that have a chip in the rack."""
        return [self._shop(operator, count) for operator, count in sorted(self.operators.items())]

    def _shop(self, operator: str, count: int) -> Shop:
        plan = self._rack.operators[operator]
        codes = [row["code"] for row in self.products if row["operator"] == operator]
        endings = (*plan.not_registered_endings, *plan.inactive_endings)
        return Shop(operator, tuple(map(str, codes)), count, endings)

    def _priced(self, row: dict[str, int | str]) -> dict[str, int | str]:
        plan = self._rack.operators.get(str(row["operator"]))
        cost = plan.costs.get(int(row["denomination"])) if plan else None
        if cost is None:
            return row
        return {**row, "cost": cost, "price": max(int(row["price"]), cost + _LEAST_MARGIN)}


async def enlist(link: Link, trade: Trade, orders: int) -> None:
    """Products, agents with a deposit for all orders, and the chips of the rack."""
    await link.call("product.import", rows=trade.products)
    for code, name in AGENTS.items():
        await link.call("agent.new", code=code, name=name)
        await pay_in(link, code, DEPOSIT_AN_ORDER * orders)
    await adopt(link, trade)


async def adopt(link: Link, trade: Trade) -> None:
    """The chips of the rack."""
    shelf = load_shelf()
    for number, chip in enumerate(trade.chips):
        await link.call(
            "chip.adopt",
            iccid=chip.iccid,
            operator=chip.operator,
            recipe=_recipe(shelf, chip.operator),
            name=f"{chip.operator}-{number}",
            msisdn=chip.msisdn,
        )


_CAN_SELL = ("idle", "resting")


async def wait_for_rack(link: Link, chips: int, within_seconds: float) -> None:
    """Until all chips can sell, their stock read, or the time is over; orders may come anyway."""
    clock = WallClock()
    deadline = clock.monotonic() + within_seconds
    while clock.monotonic() < deadline:
        rows = (await link.call("chip.list"))["chips"]
        # A database that is gone on with knows their stock before their modems are there.
        if sum(row["stock_exact"] and row["doing"] in _CAN_SELL for row in rows) >= chips:
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _recipe(shelf: Shelf, operator: str) -> str:
    found = shelf.of_operator(operator)
    if not found:
        raise DemoError(f"there is no recipe for {operator}", "take a rack without that operator")
    return found[0].name
