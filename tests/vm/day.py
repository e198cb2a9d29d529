"""One day in the virtual machine: the guest, the rack on the host, agents, and their clock.

Guest and host share one clock: it is set once, before the daemon starts, and compared at the
end. All waiting is for something to be seen, within a time; what is not seen in time is a
fault of the story and not the end of the day.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo import workload
from pulsarack.daemon.demo.enlist import Trade, enlist
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.progress import FINAL, Progress
from pulsarack.daemon.demo.traders import Traders
from pulsarack.daemon.demo.workload import Typed
from pulsarack.modems.simulator.clock import VirtualClock
from tests.soak.agents import Told
from tests.soak.run import patient
from tests.vm import guest as in_guest
from tests.vm.guest import Guest, Tty
from tests.vm.machine import Machine
from tests.vm.rack import RACK, Placed, VmRack
from tests.vm.story import Story
from tests.vm.wiring import GuestBus

ORDERS_EXPECTED = 400
CHIPS_KEPT_BUSY = 4
_CLOCK_TRIES = 8
_LOOK_SECONDS = 0.25
_UNIT_TIMEOUT = 120.0


class _Link(Link):
    """The way to the daemon; keeps every message as it came."""

    def __init__(self, socket: Path) -> None:
        super().__init__(socket)
        self.told: list[Told] = []

    async def follow(
        self, name: str, take: Callable[[dict[str, Any]], Awaitable[None]], /, **args: Any
    ) -> None:
        """As a link does."""

        async def taken(event: dict[str, Any]) -> None:
            if name == "messages.follow":
                message = (event["agent"], event["order"], event["id"], event["text"])
                self.told.append(Told(*message))
            await take(event)

        await super().follow(name, taken, **args)


@dataclass(frozen=True, slots=True)
class Sold:
    """What became of one order that a scenario has given."""

    number: int
    state: str
    reason: str | None
    attempts: list[dict[str, Any]]
    states: list[str]


class Day:
    """Everything a scenario needs."""

    def __init__(
        self,
        machine: Machine,
        root: Path,
        story: Story,
        seed: int,
        speed: float,
        rack_file: Path = RACK,
    ) -> None:
        self.machine, self.root, self.story, self.speed = machine, root, story, speed
        self.seed = seed
        self.rng = Random(seed)
        self.clock = WallClock(speed)
        self.trade = patient(Trade(rack_file))
        self._rack_file = rack_file
        self.guest = Guest(machine)
        self.link = _Link(machine.control)
        self.progress = Progress(ORDERS_EXPECTED)
        self.traders = Traders(self.link, self.progress, CHIPS_KEPT_BUSY)
        self.typed: list[Typed] = []
        self.truth = root / "truth.jsonl"
        self._spare = iter(workload.draw(self.rng, ORDERS_EXPECTED, self.trade.shops()))
        self._customers = iter(range(9000, 10000))
        self._company: list[asyncio.Task[None]] = []
        self._bus: GuestBus | None = None
        self._rack: VmRack | None = None
        self._controller = ""
        # The longest that the daemon took to answer, and a bare program beside it; real seconds.
        self.slowest_answer = self.slowest_beside = 0.0

    @property
    def rack(self) -> VmRack:
        """The modems."""
        assert self._rack is not None
        return self._rack

    async def open(self) -> float:
        """Everything up to the running daemon, the rack empty; real seconds of its start."""
        package = await in_guest.package_of_the_tree(self.root)
        await self.guest.install(package, self.trade.chips, self.speed, self.clock.anchor)
        before = await self.furnish()
        began = WallClock().monotonic()
        await self.guest.start()
        seconds = WallClock().monotonic() - began
        self.story.saw(f"the clocks of guest and host differ by {abs(before) * 1000:.0f} ms")
        return seconds

    async def furnish(self) -> float:
        """The bus, the modems, all out, and one clock; by how many seconds it is off."""
        self._bus = await GuestBus.start(self.machine)
        clock = VirtualClock(self.speed, self.clock.anchor)
        files = (self.truth, self.seed, clock, self._rack_file)
        self._rack = VmRack(self.machine, self._bus, *files)
        self._controller = (await self.machine.run("cat /sys/bus/usb/devices/usb17/serial")).strip()
        return await self.set_clock()

    async def power_cut(self) -> float:
        """The guest dies and boots again, its rack empty; real seconds until it is reached."""
        assert self._bus is not None
        self.rack.lose_power()
        await self.machine.cut_power()
        await self._bus.stop()
        seconds = await self.machine.boot()
        self._bus = await GuestBus.start(self.machine)
        await self.set_clock()
        self.rack.regain_power(self._bus)
        return seconds

    async def enlist(self, pulse: bool = True) -> None:
        """Products, agents, chips; and from now on the agents listen.

        `pulse`: it is measured how quickly the daemon and the guest answer.
        """
        await enlist(self.link, self.trade, ORDERS_EXPECTED)
        company: list[Coroutine[Any, Any, None]] = [
            self.traders.follow_events(),
            self.traders.reconcile(),
            *((self._feel_the_pulse(), self._feel_the_machine()) if pulse else ()),
            *(self.traders.follow_messages(agent) for agent in workload.AGENTS),
        ]
        self._company = [asyncio.create_task(one) for one in company]

    async def close(self) -> None:
        """Let go of everything."""
        for task in self._company:
            task.cancel()
        await asyncio.gather(*self._company, return_exceptions=True)
        await self.link.close()
        if self._bus is not None:
            await self._bus.stop()

    async def set_clock(self) -> float:
        """Set the guest's clock to ours; by how many seconds it is off afterwards."""
        assert self._bus is not None
        off = await self.clock_difference()
        await self._bus.clock(-off)
        return await self.clock_difference()

    async def clock_difference(self) -> float:
        """The guest's time less ours, real seconds, from the quickest of some answers."""
        assert self._bus is not None
        wall = WallClock()
        found = []
        for _ in range(_CLOCK_TRIES):
            sent = wall.now_ms() / 1000
            theirs = await self._bus.clock()
            heard = wall.now_ms() / 1000
            found.append((heard - sent, theirs - (sent + heard) / 2))
        return min(found)[1]

    # --- the rack as the daemon sees it ---------------------------------------------------

    def slot_of(self, placed: Placed) -> str:
        """The name that the slot of a modem's port must have."""
        if placed.is_cable:
            return f"usb-{self._controller}-1.{placed.port}"
        return f"usb-vhci_hcd.0-{placed.port + 1}"

    async def modems(self) -> dict[str, dict[str, Any]]:
        """What the daemon says of its slots."""
        return await in_guest.modems(self.link)

    async def at_work(self, which: list[Placed]) -> bool:
        """Whether each of these modems is ready, with its card, in the slot of its port."""
        rows = await self.modems()
        for placed in which:
            row = rows.get(self.slot_of(placed))
            if row is None or row["state"] != "ready" or row["iccid"] != placed.iccid:
                return False
        return True

    async def until_shown(self, which: list[Placed], within: float) -> float | None:
        """The seconds until every slot shows the card that is in the modem there."""

        async def shown() -> bool:
            rows = await self.modems()
            return all(rows.get(self.slot_of(one), {}).get("iccid") == one.iccid for one in which)

        return await self.until(shown, within)

    async def until_at_work(self, which: list[Placed], within: float) -> float | None:
        """The seconds until they are all at work, or None if that took too long."""
        return await self.until(lambda: self.at_work(which), within)

    async def until_back(self, which: list[Placed], within: float) -> float | None:
        """The seconds from the return of the last of these to the bus until all are at work."""

        async def back() -> bool:
            return all(placed.plugged for placed in which) and await self.at_work(which)

        if await self.until(back, within) is None:
            return None
        now = which[0].modem.scheduler.now()
        return now - max(placed.plugged_at for placed in which)

    async def until_stock_is_known(self, within: float) -> float | None:
        """The seconds until every chip's stock is exact or its order undecided."""

        async def known() -> bool:
            rows = (await self.link.call("chip.list"))["chips"]
            return all(row["stock_exact"] or row["undecided"] for row in rows)

        return await self.until(known, within)

    async def at_port(self, placed: Placed) -> Tty | None:
        """The tty of a modem that the daemon has open."""
        key = self.slot_of(placed)
        found = [tty for tty in await self.guest.ttys(udev=False) if tty.key == key and tty.open]
        return found[0] if len(found) == 1 else None

    # --- orders -----------------------------------------------------------------------------

    async def sell(self, count: int) -> list[int]:
        """Orders drawn at random; their numbers, when all are accepted or refused."""
        texts = [one for _, one in zip(range(count), self._spare, strict=False)]
        self.typed += texts
        await self.traders.type_all(texts)
        answered = self.traders.answered
        return [answered[one.client_reference] for one in texts if one.client_reference in answered]

    async def order(self, operator: str) -> int:
        """One order to one operator, by a customer who is not in the draw."""
        code = {"telkomsel": "S10", "indosat": "I10", "xl": "X10"}[operator]
        customer = next(self._customers)
        prefix = workload.PREFIXES[operator]
        typed = Typed("kios1", f"{code}.{prefix}0000{customer}", f"vm-{customer}")
        self.typed.append(typed)
        await self.traders.type_all([typed])
        return self.traders.answered[typed.client_reference]

    async def sold(self, number: int) -> Sold:
        """What is known of an order."""
        found = await self.link.call("order.show", id=number)
        order = found["order"]
        states = [line["state"] for line in found["history"] if "state" in line]
        return Sold(number, order["state"], order.get("reason"), found["attempts"], states)

    async def until_state(self, number: int, states: frozenset[str], within: float) -> float | None:
        """The seconds until an order is in one of these states."""

        async def there() -> bool:
            return (await self.sold(number)).state in states

        return await self.until(there, within)

    async def until_finished(self, numbers: list[int], within: float) -> float | None:
        """The seconds until all these orders have ended, with their agents told."""

        async def ended() -> bool:
            states = self.progress.states
            return all(states.get(one) in FINAL and one in self.progress.told for one in numbers)

        return await self.until(ended, within)

    async def until(self, look: Callable[[], Awaitable[bool]], within: float) -> float | None:
        """The seconds until something is seen, or None if it is not; simulated time."""
        began = self.clock.monotonic()
        while True:
            if await look():
                return self.clock.monotonic() - began
            self._stumble()
            if self.clock.monotonic() - began > within:
                return None
            await asyncio.sleep(_LOOK_SECONDS)

    async def rest(self, seconds: float) -> None:
        """Let simulated time pass."""
        await asyncio.sleep(seconds / self.speed)

    async def _feel_the_pulse(self) -> None:
        while True:
            with self._timed() as seconds:
                await self.link.call("status")
            self.slowest_answer = max(self.slowest_answer, seconds())
            await asyncio.sleep(1.0)

    async def _feel_the_machine(self) -> None:
        assert self._bus is not None
        while True:
            with self._timed() as seconds:
                await self._bus.clock()
            self.slowest_beside = max(self.slowest_beside, seconds())
            await asyncio.sleep(1.0)

    @staticmethod
    @contextlib.contextmanager
    def _timed() -> Iterator[Callable[[], float]]:
        wall = WallClock()
        began = wall.monotonic()
        yield lambda: wall.monotonic() - began

    def _stumble(self) -> None:
        """Raise what went wrong in the background."""
        for task in self._company:
            if task.done() and not task.cancelled():
                task.result()
        for placed in self.rack.modems:
            if placed.failure is not None:
                failure, placed.failure = placed.failure, None
                raise failure


@contextlib.asynccontextmanager
async def aimed(day: Day, aim: Any) -> Any:
    """With an aim in force."""
    old, day.rack.aim = day.rack.aim, aim
    try:
        yield aim
    finally:
        day.rack.aim = old
