"""The simulated rack inside our own process, on real ptys, with an ear at every joint.

It is the rack of `pulsarack simulate`, wired the same way; only that whatever passes
between modem and pty, or enters the operators' books, is shown to the aim in force before
anything else happens.
"""

import asyncio
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

from pulsarack.daemon.demo.place import Place
from pulsarack.modems.simulator.books import BookFile, Books
from pulsarack.modems.simulator.clock import VirtualClock
from pulsarack.modems.simulator.modem import Modem
from pulsarack.modems.simulator.pty_port import PtyPort
from pulsarack.modems.simulator.rack import Rack, load_rack
from pulsarack.modems.simulator.scheduler import LoopScheduler
from pulsarack.modems.simulator.world import World
from tests.soak.aims import Aim


class TappedRack:
    """A rack on the ptys of a place; to be made in the running event loop."""

    def __init__(self, rack: Rack, place: Place, seed: int, clock: VirtualClock) -> None:
        self.aim = Aim()
        self._cut: set[int] = set()
        self._loop = asyncio.get_running_loop()
        self._book_file = BookFile(place.truth)
        scheduler = LoopScheduler(self._loop, clock)
        self._world = World(rack, seed, scheduler, Books(self._enter))
        place.ports.mkdir(exist_ok=True)
        self._pins = [plan.chip.chip_pin for plan in rack.modems]
        self._ports = [
            self._connect(number, modem, place.ports / f"modem{number}")
            for number, modem in enumerate(self._world.modems)
        ]
        self._world.power_on()

    def mend(self) -> None:
        """The cables that were cut are whole again: a new daemon is there."""
        self._cut.clear()

    def close(self) -> None:
        """Ends the day: the operators enter what every chip has left."""
        for port in self._ports:
            port.close()
        self._world.close()
        self._book_file.close()

    def _connect(self, place: int, modem: Modem, link: Path) -> PtyPort:
        port = PtyPort(link, self._loop, partial(self._hear, place, modem))
        port.open()
        say = partial(self._say, place, port)
        modem.attach(say, on_gone=port.close, on_back=port.reopen)
        return port

    def _hear(self, place: int, modem: Modem, data: bytes) -> None:
        if place in self._cut:
            return
        reaches = self.aim.heard(place, self._pins[place], data)
        if len(reaches) < len(data):
            # Whatever else the dead have left on this cable is lost with the rest.
            self._cut.add(place)
        modem.feed(reaches)

    def _say(self, place: int, port: PtyPort, data: bytes) -> None:
        port.write(data)
        self.aim.said(place, data)

    def _enter(self, line: str) -> None:
        self._book_file.write_line(line)
        self.aim.booked(json.loads(line))


def stocked(path: Path, times: int) -> Rack:
    """The rack of a file with so many times the stock, for a longer day than it was made for."""
    rack = load_rack(path)
    modems = [
        replace(modem, chip=replace(modem.chip, stock=modem.chip.stock * times))
        for modem in rack.modems
    ]
    return replace(rack, modems=tuple(modems))
