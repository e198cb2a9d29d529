"""The simulated modems, on the host, each on a wire into the guest; and an ear on every wire.

The rack is the one of `pulsarack simulate`, with its operators and their books, in our own
process; only the ports are real ones, of another machine. When a modem leaves the bus (a
scenario pulls it, a fault of the rack, AT+CFUN=1,1) its stick is pulled, and plugged in when
it comes back: into the same port, unless it was given another in the meantime. What a modem
hears and what an operator books is shown to the aim in force first.
"""

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pulsarack.modems.simulator.books import BookFile, Books
from pulsarack.modems.simulator.clock import VirtualClock
from pulsarack.modems.simulator.modem import Modem
from pulsarack.modems.simulator.rack import load_rack
from pulsarack.modems.simulator.scheduler import LoopScheduler
from pulsarack.modems.simulator.world import World
from tests.vm.machine import Machine
from tests.vm.wiring import Cable, GuestBus, Stick, Wire

RACK = Path(__file__).with_name("rack.toml")

_HUAWEI = {
    "vendor": "12d1",
    "product": "1001",
    "serial": None,
    "interfaces": 3,
    "at": 2,
    "maker": "HUAWEI Technology",
    "model": "HUAWEI Mobile",
}
# A product number that no table knows: which interface says AT has to be found out.
_UNKNOWN = {**_HUAWEI, "product": "1506", "at": 1}
_SIMCOM = {
    "vendor": "1e0e",
    "product": "9001",
    "serial": "0123456789ABCDEF",
    "interfaces": 5,
    "at": 2,
    "maker": "SimTech, Incorporated",
    "model": "SimTech, Incorporated",
}
# By place in the rack file; the others are cables.
MODELS: list[dict[str, Any]] = [*[_HUAWEI] * 8, *[_UNKNOWN] * 2, *[_SIMCOM] * 2]


# Virtual seconds.
_FOR_GOOD = 1e9
_BOOT_SECONDS = 1.0


def _into_nothing(data: bytes) -> None:
    """Nobody is there."""


class Aim:
    """Sees everything and does nothing."""

    def heard(self, modem: "Placed", data: bytes) -> bytes:
        """Bytes have come to a modem; what of them reaches it."""
        return data

    def booked(self, entry: Mapping[str, Any]) -> None:
        """An operator has made an entry; its answer has not left yet."""


class Placed:
    """One modem and the port of the rack that it is in, or will be in when it returns."""

    def __init__(self, number: int, modem: Modem, pin: str, port: int) -> None:
        self.number, self.modem, self.pin, self.port = number, modem, pin, port
        self.wire: Wire | None = None
        self.plugged = False
        self.plugged_at = 0.0  # virtual Unix seconds
        self._work = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.failure: BaseException | None = None

    @property
    def iccid(self) -> str:
        """The card that is in it."""
        return self.modem.iccid

    @property
    def is_cable(self) -> bool:
        """It is behind a USB-serial cable."""
        return self.number >= len(MODELS)

    def plug(self) -> None:
        """Put it into its port, after everything that was begun before."""
        self.plugged_at = self.modem.scheduler.now()
        self._begin(True)

    def pull(self) -> None:
        """Take it out."""
        self._begin(False)

    def _begin(self, plugged: bool) -> None:
        self.plugged = plugged
        task = asyncio.create_task(self._turn(plugged))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _turn(self, plugged: bool) -> None:
        assert self.wire is not None
        async with self._work:
            await (self.wire.plug(self.port) if plugged else self.wire.pull())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self.failure = self.failure or task.exception()


class VmRack:
    """All modems; to be made in the running event loop. They are out until `plug`."""

    def __init__(
        self,
        machine: Machine,
        bus: GuestBus,
        truth: Path,
        seed: int,
        clock: VirtualClock,
        file: Path = RACK,
    ) -> None:
        self.aim = Aim()
        self._book_file = BookFile(truth)
        plans = load_rack(file)
        scheduler = LoopScheduler(asyncio.get_running_loop(), clock)
        self.world = World(plans, seed, scheduler, Books(self._enter))
        self.modems: list[Placed] = []
        for number, (modem, plan) in enumerate(zip(self.world.modems, plans.modems, strict=True)):
            # Ports of the controller count from 0, those of the hub from 1.
            port = number if number < len(MODELS) else number - len(MODELS) + 1
            placed = Placed(number, modem, plan.chip.chip_pin, port)
            hear = partial(self._hear, placed)
            if placed.is_cable:
                placed.wire = Cable(machine, number, truth.parent, hear)
            else:
                placed.wire = Stick(bus, number, MODELS[number], hear)
            modem.attach(placed.wire.say, on_gone=placed.pull, on_back=placed.plug)
            self.modems.append(placed)

    def holding(self, iccid: str) -> Placed:
        """The modem that a card is in."""
        return next(one for one in self.modems if one.iccid == iccid)

    def plug(self, placed: Placed) -> None:
        """For the first time: power and bus."""
        placed.plug()
        placed.modem.power_on()

    def lose_power(self) -> None:
        """All modems at once, and nobody is there to hear of it."""
        for placed in self.modems:
            placed.plugged = False
            placed.modem.attach(_into_nothing)
            placed.modem.go_away(_FOR_GOOD, leave_bus=True)

    def regain_power(self, bus: GuestBus) -> None:
        """They boot, in the same ports as before, on the bus of a guest that has booted."""
        for placed in self.modems:
            hear = partial(self._hear, placed)
            placed.wire = Stick(bus, placed.number, MODELS[placed.number], hear)
            placed.modem.attach(placed.wire.say, on_gone=placed.pull, on_back=placed.plug)
            placed.modem.go_away(_BOOT_SECONDS, leave_bus=True)

    def close(self) -> None:
        """Ends the day: the operators enter what every chip has left."""
        self.world.close()
        self._book_file.close()

    def _hear(self, placed: Placed, data: bytes) -> None:
        reaches = self.aim.heard(placed, data)
        if reaches:
            placed.modem.feed(reaches)

    def _enter(self, line: str) -> None:
        self._book_file.write_line(line)
        self.aim.booked(json.loads(line))
