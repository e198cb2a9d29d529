"""The admin: he sets prices, takes successes back, decides what stands still, and errs.

He knows the operators' books, and what he says is true, but for the mistakes that the plan
lets him make: those he says himself, and the auditor then expects them on record.
"""

import asyncio
from random import Random
from typing import Any

from pulsarack.daemon.control_protocol import CallError
from pulsarack.daemon.demo.deposit import pay_in
from tests.daemon.world import PRODUCTS, RECIPES
from tests.simulation.plan import COSTS, ODD_DENOMINATION, PlannedReversal
from tests.simulation.world import World

WHO = "boss"
ODD_COST = 15_150
FALLS = (None, "loss", "stock-in", "delivery", "opening")
RISES = (None, "gain", "stock-in", "opening")


class Admin:
    """The admin of a world; whatever he asks for he asks until the daemon answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = Random(f"admin/{world.plan.seed}")
        self.erred: set[int] = set()
        self._products = {
            str(row["code"]): {**row, "cost": COSTS.get(int(row["denomination"]), ODD_COST)}
            for row in [*PRODUCTS, *odd_products()]
        }

    async def set_up(self) -> None:
        """Adopt the chips, bring in products and agents."""
        world = self._world
        await world.ready.wait()
        for modem in world.plan.rack.modems:
            chip = modem.chip
            recipe = RECIPES[chip.operator]
            await world.insist(
                "chip.adopt",
                iccid=chip.iccid,
                operator=chip.operator,
                recipe=recipe,
                pause_seconds=None if world.plan.pauses else 0,
            )
        for code, row in self._products.items():
            world.auditor.prices(code, int(row["price"]))
        await world.insist("product.import", rows=list(self._products.values()))
        for agent in world.plan.agents:
            await world.insist("agent.new", code=agent, name=agent)
            world.auditor.credited(agent, await pay_in(self, agent, world.plan.deposit))

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """One call, until the daemon answers it."""
        return await self._world.insist(name, **arguments)

    async def change_price(self, rise: int) -> None:
        """Give one product another price, rupiah more or less."""
        code = self._rng.choice(list(self._products))
        row = self._products[code] = {**self._products[code]}
        old = int(row["price"])
        row["price"] = max(int(row["cost"]), old + rise)
        self._world.auditor.prices(code, row["price"])
        await self._world.insist("product.import", rows=[row])
        self._world.auditor.prices(code, row["price"])

    async def reverse(self, order: int, planned: PlannedReversal) -> None:
        """Take a success back, and let the operator give the stock back if it does."""
        world = self._world
        await asyncio.sleep(planned.after)
        await self._ask(
            "order.reverse", id=order, because="a complaint", stock_returned=planned.said
        )
        sold = world.auditor.delivered.get(order)
        reversed_ = world.auditor.history(
            f"SELECT 1 FROM orders WHERE id = {order} AND state = 'REVERSED'"
        )
        if sold and reversed_ and planned.returned_after is not None:
            await asyncio.sleep(planned.returned_after)
            world.simulation.give_back(sold["chip"], sold["cost"])

    async def err(self, order: int) -> None:
        """Decide an order that is undecided, wrongly."""
        self.erred.add(order)
        await self._resolve(order, delivered=order not in self._world.auditor.delivered)

    async def decide(self) -> None:
        """What no evidence decided in hours: he looks into the operator's books."""
        for order in (await self._world.insist("order.undecided"))["orders"]:
            await self._resolve(order["id"], delivered=order["id"] in self._world.auditor.delivered)

    async def enable_chips(self) -> None:
        """Bring back what the weather, or he himself, took out of service."""
        for (iccid,) in self._world.auditor.history(
            "SELECT iccid FROM chip WHERE state = 'OUT'"
            " OR (state = 'RESTING' AND rest_until IS NULL)"
        ):
            await self._world.insist("chip.enable", iccid=iccid)

    async def clear_up(self) -> None:
        """Say of some discrepancies what they were, and of refuted orders that they are settled."""
        for found in (await self._world.insist("discrepancies.list"))["discrepancies"]:
            if self._rng.random() < 0.6:
                kind = self._rng.choice(FALLS if found["rest"] < 0 else RISES)
                await self._ask("discrepancies.clear", id=found["id"], because="test", kind=kind)
        for order in (await self._world.insist("order.refuted"))["orders"]:
            await self._ask("order.acknowledge", id=order["id"], because="the agent paid again")

    async def _resolve(self, order: int, *, delivered: bool) -> None:
        self._world.auditor.said(order, delivered)
        because = "the operator's books say so"
        await self._ask("order.resolve", id=order, delivered=delivered, because=because)

    async def _ask(self, name: str, **arguments: Any) -> None:
        try:
            await self._world.insist(name, who=WHO, **arguments)
        except CallError:
            return  # others were quicker, or it was done before its answer was lost


def odd_products() -> list[dict[str, Any]]:
    """Products of a denomination that no operator of the rack sells."""
    tens = [row for row in PRODUCTS if row["denomination"] == 10]
    return [
        {**row, "code": f"{str(row['code'])[0]}{ODD_DENOMINATION}",
         "denomination": ODD_DENOMINATION, "price": 15_500}
        for row in tens
    ]  # fmt: skip
