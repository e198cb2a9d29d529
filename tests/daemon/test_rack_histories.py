"""Everything that hands do in front of a rack, in any order and at any instant, while it sells.

Sticks are pulled out and put elsewhere, cards change their modems, a second modem shows a card
or an IMEI that is another's, slots are renamed, modems are reset by hand, commands written to
them, chips rested, the daemon stopped or killed: between any two steps of what the daemon does.
In the end all is put right, and then nothing is paid twice, nothing is lost, nobody was reset
past a point of no return, and the books agree with the operator's.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pulsarack.daemon.control_protocol import CallError, check_arguments
from pulsarack.modems.simulator.modem import Modem
from pulsarack.modems.usb_reset import UsbSeat
from pulsarack.queue import attempts
from tests.daemon.virtual_loop import run
from tests.daemon.world import PEER, World, rack_plan

DIALECTS = ("wavecom", "simcom-sim800", "huawei-e1550")
# By USSD, with a list of the last ones; and by SMS.
SOLD_BY = {"telkomsel": ("S", "0812"), "xl": ("X", "0817")}
PATHS = tuple(f"/rack/modem{number}" for number in range(len(DIALECTS)))
PLACES = (*PATHS, "/rack/port7", "/rack/port8")
# Within one turn of the event loop, within a dialogue, within a modem's start, and beyond.
PAUSES = (0.0, 0.0, 0.05, 0.4, 1.0, 3.0, 7.0, 20.0, 70.0)
REFUSALS = {"NOT_FOUND", "NOT_DONE", "NOT_RESET", "NAME_TAKEN", "AMBIGUOUS"}
FAULTS = ("", "", "done_no_reply", "not_done_no_reply", "late_sms", "late_booking")


@dataclass(frozen=True)
class Seat:
    """Where a stick is."""

    key: str
    kernel_name: str = "1-2.1"
    bus: int = 1
    address: int = 2
    bridge: bool = False
    model: str = "12d1:1001"


class History:
    """One rack, and the hands at it; also the bench on which its modems are reset."""

    def __init__(self, world: World, seed: int, operator: str) -> None:
        self.world, self.rng = world, Random(seed)
        self.letter, self.prefix = SOLD_BY[operator]
        self.where = dict(enumerate(PATHS))  # in which place a modem is, by its number
        self.out: dict[int, str] = {}  # those in a hand, and where they were last
        self.cards = [modem.card for modem in world.simulation.modems]
        self.imeis = [modem.imei for modem in world.simulation.modems]
        self.tasks: list[asyncio.Task[Any]] = []
        self.orderings: list[asyncio.Task[None]] = []
        self.orders: dict[int, str] = {}
        self.broken: list[str] = []
        self.done: list[str] = []
        self.number = 0
        for place in PLACES:
            world.ports.places[place] = Seat(place)
        world.resets = self  # type: ignore[assignment]
        for modem in world.simulation.modems:
            self._watch(modem)

    # -- the bench -----------------------------------------------------------------------------

    def can_power(self) -> bool:
        return True

    async def usb(self, seat: UsbSeat) -> None:
        self._reset(seat.key, 2.0)

    async def power(self, seat: UsbSeat) -> None:
        self._reset(seat.key, 6.0)

    def _reset(self, place: str, seconds: float) -> None:
        number = next((one for one, path in self.where.items() if path == place), None)
        if number is None:
            return
        if self.world.ports.is_open(place):
            self.broken.append(f"{place} was reset with its port open")
        modem = self.world.simulation.modems[number]
        self._judge(modem)
        modem.go_away(seconds, leave_bus=True)

    def _watch(self, modem: Modem) -> None:
        restart = modem.restart

        def judged() -> None:
            self._judge(modem)
            restart()

        modem.restart = judged  # type: ignore[method-assign]

    def _judge(self, modem: Modem) -> None:
        """Of two that show one card the one that sold with it counts."""
        if sum(one.card is modem.card for one in self.world.simulation.modems) > 1:
            return
        found = self.world.daemon.store.read_inline(attempts.every_open)
        for one in found:
            if one.committed_at is not None and one.chip == modem.iccid:
                self.broken.append(
                    f"chip {one.chip} was reset past no return, order {one.order_id}"
                )

    # -- what hands do -------------------------------------------------------------------------

    def order(self) -> None:
        self.number += 1
        text = f"{self.letter}{self.rng.choice((5, 10, 20))}.{self.prefix}0000{self.number:04}"

        async def work() -> None:
            order_id = await self.world.order(text)
            self.orders[order_id] = text

        self.orderings.append(asyncio.create_task(work()))

    def unplug(self) -> None:
        if not self.where:
            return
        number = self.rng.choice(list(self.where))
        path = self.where.pop(number)
        self.out[number] = path
        self.world.ports.unplug(path)
        self.world.simulation.modems[number].go_away(1e9, leave_bus=False)

    def plug(self) -> None:
        if not self.out:
            return
        number = self.rng.choice(list(self.out))
        self._plug(number)

    def _plug(self, number: int) -> None:
        was = self.out.pop(number)
        taken = {*self.where.values(), *self.out.values()}
        path = self.rng.choice([one for one in PLACES if one not in taken])
        self.world.ports.plug(path, was)
        self.where[number] = path
        self.world.simulation.modems[number].power_on()

    def move_card(self) -> None:
        """Two cards are exchanged, of modems that are out."""
        if len(self.out) < 2:
            return
        one, other = (self.world.simulation.modems[n] for n in self.rng.sample(list(self.out), 2))
        mine, yours = one.card, other.card
        one.change_card(yours)
        other.change_card(mine)

    def duplicate(self) -> None:
        """A modem that is out shows another's card, or another's IMEI, when it returns."""
        if not self.out:
            return
        number = self.rng.choice(list(self.out))
        modem = self.world.simulation.modems[number]
        other = self.rng.choice([m for m in self.world.simulation.modems if m is not modem])
        if self.rng.random() < 0.5:
            modem.card = other.card
        else:
            modem.imei = other.imei
        self._plug(number)

    def rename(self) -> None:
        self._call("slot.name", slot=self._slot(), name=self.rng.choice(("kiri", "atas", "modem1")))

    def reset(self) -> None:
        how = self.rng.choice(("cfun", "usb", "power", None))
        self._call("modem.reset", slot=self._slot(), how=how, who="t", because="")

    def at(self) -> None:
        self._call("modem.at", slot=self._slot(), command="AT+CSQ", who="t")

    def rest(self) -> None:
        self._call("chip.rest", iccid=self._iccid(), because="test")

    def enable(self) -> None:
        self._call("chip.enable", iccid=self._iccid())

    def trace(self) -> None:
        async def listen() -> None:
            stream = self.world.daemon.calls.find("modem.trace")
            assert stream.stream is not None
            args = check_arguments(stream, {"slot": self._slot()})
            with suppress(CallError):
                async for _ in stream.stream(args, PEER):
                    if self.rng.random() < 0.01:
                        return

        self._start(listen())

    async def again(self) -> None:
        """The daemon ends, as it is asked to or as it is killed, and comes back."""
        await asyncio.gather(*self.orderings)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()
        if self.rng.random() < 0.5:
            await self.world.crash()
        else:
            await self.world.stop()
        await asyncio.sleep(self.rng.choice(PAUSES))
        await self.world.start()

    # -- how it goes ---------------------------------------------------------------------------

    async def live(self, steps: int) -> None:
        acts: list[tuple[int, Callable[[], None]]] = [
            (9, self.order), (4, self.unplug), (4, self.plug), (2, self.move_card),
            (2, self.duplicate), (1, self.rename), (3, self.reset), (2, self.at),
            (1, self.rest), (2, self.enable), (1, self.trace),
        ]  # fmt: skip
        choices = [act for weight, act in acts for _ in range(weight)]
        for _ in range(steps):
            if self.rng.random() < 0.02:
                self.done.append("again")
                await self.again()
            act = self.rng.choice(choices)
            self.done.append(f"{self.world.clock.monotonic():.2f} {act.__name__}")
            act()
            for _ in range(self.rng.randrange(8)):
                await asyncio.sleep(0)
            await asyncio.sleep(self.rng.choice(PAUSES) * self.rng.random())
        await self.put_right()

    async def put_right(self) -> None:
        """Every card in its modem, every modem in a place, every chip in service."""
        for number in list(self.where):
            path = self.where.pop(number)
            self.out[number] = path
            self.world.ports.unplug(path)
            self.world.simulation.modems[number].go_away(1e9, leave_bus=False)
        await asyncio.sleep(20.0)
        for number, modem in enumerate(self.world.simulation.modems):
            modem.imei = self.imeis[number]
            modem.change_card(self.cards[number])
        for number in list(self.out):
            self._plug(number)
        for task in self.tasks:
            if task.done() and not task.cancelled():
                task.result()
        for modem in self.world.plan.modems:
            with suppress(CallError):
                await self.world.call("chip.enable", iccid=modem.chip.iccid)

    def _slot(self) -> str:
        slots = self.world.daemon.rack.slots.values()
        return self.rng.choice([slot.name for slot in slots] or ["modem0"])

    def _iccid(self) -> str:
        return self.rng.choice(self.world.plan.modems).chip.iccid

    def _call(self, name: str, /, **arguments: Any) -> None:
        async def work() -> None:
            given = {key: value for key, value in arguments.items() if value is not None}
            try:
                await self.world.call(name, **given)
            except CallError as error:
                assert error.code in REFUSALS, error.code

        self._start(work())

    def _start(self, work: Any) -> None:
        self.tasks.append(asyncio.create_task(work))


async def _lived(directory: Path, seed: int, steps: int, operator: str) -> None:
    rng = Random(seed)
    faults = "".join(
        f'\n[[fault]]\nat_order = {number}\nkind = "{kind}"\n'
        for number in range(1, 30)
        if (kind := rng.choice(FAULTS))
    )
    chips = [(dialect, operator) for dialect in DIALECTS]
    world = World(directory, rack_plan(*chips, faults=faults), seed=seed)
    history = History(world, seed, operator)
    await world.set_up()
    await asyncio.sleep(20.0)
    await history.live(steps)
    assert history.broken == [], (history.broken, history.done[-12:])
    await world.settle(4 * 3600.0)
    await asyncio.sleep(2000.0)  # a modem that rests for its falls has rested
    states = await world.states()
    assert set(states) >= set(history.orders), (states, history.orders)
    assert world.findings() == []
    counted = Counter(world.delivered())
    wanted: Counter[tuple[str, int]] = Counter()
    for order_id, state in states.items():
        assert state in ("SUCCEEDED", "FAILED"), (order_id, state)
        if state == "SUCCEEDED":
            product, destination = history.orders[order_id].split(".")
            wanted["62" + destination[1:], int(product[1:])] += 1
    assert counted == wanted, (counted - wanted, wanted - counted)
    for one in (await world.call("chip.list"))["chips"]:
        dealer = world.simulation.network.dealers[one["iccid"]]
        assert one["stock_posted"] == dealer.stock, one
        assert one["doing"] == "idle", await world.call("rack.show")
    await world.stop()


@pytest.mark.parametrize("operator", SOLD_BY)
@pytest.mark.parametrize("seed", range(3))
def test_any_history_comes_to_rest_with_its_books_right(
    tmp_path: Path, seed: int, operator: str
) -> None:
    run(_lived(tmp_path, seed, 60, operator))
