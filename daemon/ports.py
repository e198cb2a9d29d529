"""Which ports there are, and opening them: the one place where the rack meets the machine.

The rack only knows this interface, so that a simulation can hand it ports in memory.

Opening takes a thread each, since a driver may hang in it: only so many are open at once,
however many modems are plugged in, and one port has one thread, however often it is tried
while its driver hangs.
"""

import asyncio
import glob
import stat
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from pulsarack.daemon.config import PortSection
from pulsarack.daemon.port_scan import PortScan
from pulsarack.modems.errors import PortFailed, PortMissing, PortStuck
from pulsarack.modems.port import OPEN_SECONDS, open_port
from pulsarack.modems.transport import Port
from pulsarack.modems.usb_reset import UsbSeat
from pulsarack.modems.watch import PortKey, Snapshot

OPENING_LIMIT = 32
"""Ports that are being opened at once; the others wait for their turn."""


class Ports(Protocol):
    """Ports by path."""

    def look(self) -> Snapshot:
        """What is there now."""

    async def open(self, path: str) -> Port:
        """Open one for us alone; raises PortError."""

    def place(self, path: str) -> UsbSeat | None:
        """Where its device is on the USB, if it is there."""


class SerialPorts:
    """The serial ports that the configuration names, by path or by glob."""

    def __init__(self, sections: Sequence[PortSection]) -> None:
        # The first section last: a path that two of them match belongs to the first.
        self._scans = [(PortScan(section.path), section.baud) for section in reversed(sections)]
        self._bauds: dict[str, int] = {}
        self._openings = Openings()

    def look(self) -> Snapshot:
        """What is there now; a path that two sections match belongs to the first."""
        found: dict[str, PortKey] = {}
        bauds: dict[str, int] = {}
        for scan, baud in self._scans:
            there = scan.look()
            found |= there
            bauds |= dict.fromkeys(there, baud)
        self._bauds = bauds
        return found

    async def open(self, path: str) -> Port:
        """Open one for us alone; raises PortError."""
        baud = self._bauds.get(path)
        if baud is None:
            raise PortMissing(path)
        return await self._openings.open(path, baud)

    def place(self, path: str) -> UsbSeat | None:
        """Not known of configured paths."""
        return None


class Openings:
    """The ports that are being opened."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(OPENING_LIMIT)
        self._threads: set[str] = set()

    async def open(self, path: str, baud: int) -> Port:
        """Open a port when its turn has come; raises PortError."""
        async with self._free:
            if path in self._threads:
                # An earlier try hangs in the driver still; a second thread would join it there.
                raise PortStuck(path, OPEN_SECONDS)
            return await open_port(path, baud, start=partial(self._start, path))

    def _start(self, path: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(
            target=self._run, args=(path, work), name="port-open", daemon=True
        )
        self._threads.add(path)
        try:
            thread.start()
        except RuntimeError as error:  # there are no more threads to be had at present
            self._threads.discard(path)
            raise PortFailed(path, str(error)) from error

    def _run(self, path: str, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._threads.discard(path)


@dataclass(frozen=True, slots=True)
class PortProblem:
    """A configured path that no modem can be reached by, as things are."""

    path: str
    why: str
    remedy: str


def problems(sections: Sequence[PortSection]) -> list[PortProblem]:
    """The configured paths that are no serial port now; a glob may well match nothing."""
    found = []
    for section in sections:
        if not glob.has_magic(section.path) and (problem := _problem(section.path)):
            found.append(problem)
    return found


def _problem(path: str) -> PortProblem | None:
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return PortProblem(path, "there is no such port", "plug the modem in, or correct the path")
    except OSError as error:
        why = error.strerror or str(error)
        return PortProblem(path, why, "correct the path, or the rights of its directory")
    if stat.S_ISCHR(mode):
        return None
    return PortProblem(path, "it is no character device", "name the serial port of the modem")
