"""The weather from outside: what people and the world do to a rack while it sells."""

import asyncio
from collections.abc import Callable
from random import Random

from pulsarack.daemon.control_protocol import CallError
from pulsarack.modems.simulator.menu_weather import MenuMix
from pulsarack.modems.simulator.modem import Modem
from pulsarack.modems.simulator.operators.exchange import Receipt
from tests.simulation.admin import Admin
from tests.simulation.plan import PlannedStorm, Storm
from tests.simulation.world import Lost, World

STRANGER = "+62812000000999"
ADVERT = "PROMO: kuota 10GB cuma 25rb, hub *999#"
FORGED_NUMBER = "7777777777777777"
# How long somebody waits for an order that he could meddle with.
PATIENCE_SECONDS = 1200


class Weather:
    """All weather of a world; each storm is one small function."""

    def __init__(self, world: World, admin: Admin) -> None:
        self._world = world
        self._admin = admin
        self._rack = world.simulation
        self._rng = Random(f"weather/{world.plan.seed}")
        self._broken: dict[str, None] = {}
        self._strike: dict[Storm, Callable[[Modem, Modem, float], None]] = {
            Storm.UNPLUG: lambda one, _, s: one.power_cut(s),
            Storm.RENAME: self._rename,
            Storm.EXCHANGE_PLACES: self._exchange_places,
            Storm.SWAP_CARDS: lambda one, other, s: self._swap_cards(one, other, s, True),
            Storm.SWAP_CARDS_SILENTLY: lambda one, other, s: self._swap_cards(one, other, s, False),
            Storm.TAKE_CARD: lambda one, _, s: self._rack.take_card(one, s),
            Storm.LOSE_NETWORK: lambda one, _, s: one.lose_network(s),
            Storm.STEP_CLOCK: self._step_clock,
            Storm.STOCK_IN: lambda one, _, s: self._rack.give_stock(one.iccid, int(s), STRANGER),
            Storm.STOCK_TAKEN: lambda one, _, s: self._take_stock(one, int(s)),
            Storm.PIN_CHANGED: lambda one, _, s: self._rack.change_chip_pin(one.iccid, "98765432"),
            Storm.BAR: lambda one, _, s: self._rack.bar(one.iccid),
            Storm.STOP: lambda one, _, s: world.stop(),
        }

    async def blow(self, planned: PlannedStorm) -> None:
        """Let one storm strike at its time."""
        await asyncio.sleep(planned.at)
        world, modems = self._world, self._rack.modems
        one, other = modems[planned.modem], modems[planned.other]
        if planned.storm in (Storm.PIN_CHANGED, Storm.BAR):
            self._broken[one.iccid] = None
        world.trace("storm", planned.storm.value, planned.amount)
        world.struck(planned.storm.value, one.iccid)
        if planned.storm is Storm.CHIP_RESTED:
            await self._rest(one, planned.amount)
        elif planned.storm is Storm.JUNK_SMS:
            await self._junk(one)
        elif planned.storm is Storm.SOLD_ELSEWHERE:
            await self._sell_elsewhere(one)
        elif planned.storm is Storm.PRICE_CHANGED:
            await self._admin.change_price(int(planned.amount))
        elif planned.storm is Storm.ADMIN_ERRS:
            await self._let_the_admin_err(one)
        elif planned.storm is Storm.CLEARED_UP:
            await self._admin.clear_up()
        else:
            self._strike[planned.storm](one, other, planned.amount)

    def calm_down(self) -> None:
        """End all weather; what is on its way still comes."""
        plan = self._world.plan
        plan.faults.clear()
        object.__setattr__(plan.rack.menu_mix, "shares", MenuMix().shares)
        for share in ("delayed", "doubled"):
            object.__setattr__(plan.rack.sms_mix, share, 0.0)

    def heal(self) -> None:
        """Put right at the operators what the weather broke for good."""
        for iccid in self._broken:
            self._rack.unbar(iccid)
            self._rack.change_chip_pin(iccid, self._world.pins[iccid])

    def _rename(self, one: Modem, _: Modem, seconds: float) -> None:
        self._world.bus.rename(one)
        one.power_cut(seconds)

    def _exchange_places(self, one: Modem, other: Modem, seconds: float) -> None:
        self._world.bus.exchange_places(one, other)
        one.power_cut(seconds)
        if other is not one:
            other.power_cut(seconds)

    def _swap_cards(self, one: Modem, other: Modem, seconds: float, leave_bus: bool) -> None:
        if one is not other:
            self._rack.swap_cards(one, other, seconds, leave_bus=leave_bus)

    def _step_clock(self, _one: Modem, _other: Modem, seconds: float) -> None:
        self._world.wall.offset_ms += round(seconds * 1000)
        self._world.auditor.texts.clock_set = True
        self._world.auditor.limits.clock_set(asyncio.get_running_loop().time())

    def _take_stock(self, one: Modem, amount: int) -> None:
        self._rack.take_stock(one.iccid, amount)

    async def _junk(self, one: Modem) -> None:
        """A stranger's advert, and his forgery of what the operator would say of an order."""
        network = self._rack.network
        network.send_text(one.iccid, STRANGER, ADVERT)
        order = await self._order_on(one, "SENDING", "UNKNOWN")
        if order is None:
            return
        dealer = network.dealers[one.iccid]
        _, destination, denomination, cost = order
        now = self._world.wall.now_ms() / 1000
        receipt = Receipt(
            dealer, destination, denomination, cost, FORGED_NUMBER, None, dealer.stock, now,
            None, self._rng,
        )  # fmt: skip
        text = network.operator_of(one.iccid).report(receipt)
        network.send_text(one.iccid, STRANGER, text)

    async def _sell_elsewhere(self, one: Modem) -> None:
        """Another dealer sells the same to the customer of an order that is undecided here."""
        order = await self._order_on(one, "UNKNOWN")
        if order is not None:
            await asyncio.sleep(self._rng.uniform(60, 240))
            self._rack.network.operator_of(one.iccid).exchange.sold_elsewhere(*order[1:3])

    async def _let_the_admin_err(self, one: Modem) -> None:
        order = await self._order_on(one, "UNKNOWN", delivered=self._rng.random() < 0.5)
        if order is not None:
            await asyncio.sleep(self._rng.choice((0, 0, 30, 120)))
            await self._admin.err(order[0])

    async def _order_on(
        self, one: Modem, *states: str, delivered: bool = False
    ) -> tuple[int, str, int, int] | None:
        """Wait for an order under way on a chip: its id, whom, what, its cost.

        delivered: one that the operator delivered, and not one that nobody did.
        """
        wanted = ", ".join(f"'{state}'" for state in states)
        for _ in range(PATIENCE_SECONDS):
            found = self._world.auditor.history(
                "SELECT o.id, o.destination, o.denomination, o.cost FROM attempt a JOIN orders o"
                f" ON o.id = a.order_id WHERE a.chip = '{one.iccid}' AND a.closed_at IS NULL"
                f" AND o.state IN ({wanted})"
            )
            if found and (found[0][0] in self._world.auditor.delivered) == delivered:
                order, destination, denomination, cost = found[0]
                return order, destination, denomination, cost
            await asyncio.sleep(1.0)
        return None

    async def _rest(self, one: Modem, seconds: float) -> None:
        try:
            await self._world.request("chip.rest", iccid=one.iccid, because="test")
            await asyncio.sleep(seconds)
            await self._world.insist("chip.enable", iccid=one.iccid)
        except (Lost, CallError):
            return
