"""The lines between the daemon and the simulated modems, and the paths they are found under.

A modem has a home, the path under which it shows when it is powered. Weather changes
homes (another slot, another name) while a modem is away. What is written to a modem or
said by one goes over the loop, never directly, as over a real line; every byte is traced,
and at every byte the daemon may die.
"""

import asyncio
import contextvars
from collections.abc import Callable, Sequence

from pulsarack.modems.errors import PortMissing
from pulsarack.modems.simulator.modem import Modem
from pulsarack.modems.timing import Clock
from pulsarack.modems.watch import PortKey
from tests.simulation.crashes import CrashPoint, Killed
from tests.simulation.life import Life

CTRL_Z, ESCAPE = b"\x1a", b"\x1b"
PROMPT = b"> "
USSD_COMMAND = b"AT+CUSD=1"

TraceBytes = Callable[[str, str, bytes], None]


class SimulatedPort:
    """An open port, `transport.Port`, until it is closed, hung up, or its life ends."""

    def __init__(self, path: str, life: Life, feed: Callable[[bytes], None]) -> None:
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self.path = path
        self._life = life
        self._feed = feed
        self._open = True
        self._in_body = False
        # What comes in is handled as the daemon's, whoever's timer it was that said it.
        self._context = contextvars.copy_context()

    def write(self, data: bytes) -> None:
        self._life.check()
        if not self._open:
            return
        for point in self._kinds(data):
            passed = self._life.armed.strikes_within(point, len(data))
            if passed is not None:
                self._feed(data[:passed])
                self._life.end(point)
                raise Killed
        if CTRL_Z in data or ESCAPE in data:
            self._in_body = False
        self._feed(data)

    def _kinds(self, data: bytes) -> tuple[CrashPoint, ...]:
        if self._in_body:
            return CrashPoint.BYTE, CrashPoint.BODY_BYTE
        if data.startswith(USSD_COMMAND):
            return CrashPoint.BYTE, CrashPoint.USSD_BYTE
        return (CrashPoint.BYTE,)

    def close(self) -> None:
        self._open = False

    def say(self, data: bytes) -> None:
        """The modem says something."""
        asyncio.get_running_loop().call_soon(self._heard, data, context=self._context)

    def hang_up(self) -> None:
        """The modem is gone."""
        asyncio.get_running_loop().call_soon(self._gone, context=self._context)

    def _heard(self, data: bytes) -> None:
        if self._open and not self._life.dead:
            self._in_body = self._in_body or data.endswith(PROMPT)
            self.on_bytes(data)

    def _gone(self) -> None:
        if self._open and not self._life.dead:
            self._open = False
            self.on_gone("hung up")


class Bus:
    """All modems and where they are."""

    def __init__(self, modems: Sequence[Modem], trace: TraceBytes) -> None:
        self._trace = trace
        self._home = {modem.imei: f"/rack/slot{n}" for n, modem in enumerate(modems)}
        self._there: dict[str, Modem] = {}
        self._arrivals: dict[str, int] = {}
        self._seen: dict[str, PortKey] = {}
        self._ports: dict[str, SimulatedPort] = {}
        self._names = 0
        self._context = contextvars.copy_context()
        for modem in modems:
            self._attach(modem)
            self._arrive(modem)

    def look(self) -> dict[str, PortKey]:
        """The paths there are; the same object as long as nothing changes."""
        return self._seen

    def open(self, path: str, life: Life) -> SimulatedPort:
        """Open a path for a life."""
        life.check()
        if path not in self._there:
            raise PortMissing(path)
        modem = self._there[path]
        self._ports[path] = SimulatedPort(path, life, lambda data: self._written(modem, path, data))
        return self._ports[path]

    def iccid_at(self, path: str) -> str | None:
        """The card that is worked through a path now."""
        modem = self._there.get(path)
        return modem.iccid if modem else None

    def path_of(self, modem: Modem) -> str | None:
        """Where a modem is now; None if it is nowhere."""
        return next((path for path, one in self._there.items() if one is modem), None)

    def arrivals(self, path: str) -> int:
        """How many modems have come to a path so far."""
        return self._arrivals.get(path, 0)

    def rename(self, modem: Modem) -> None:
        """When it comes back it has a name nobody has seen."""
        self._names += 1
        self._home[modem.imei] = f"/rack/tty{self._names}"

    def exchange_places(self, one: Modem, other: Modem) -> None:
        """When both come back each is where the other was."""
        homes = self._home
        homes[one.imei], homes[other.imei] = homes[other.imei], homes[one.imei]

    def _attach(self, modem: Modem) -> None:
        modem.attach(
            lambda data: self._said(modem, data),
            lambda: self._leave(modem),
            lambda: self._arrive(modem),
        )

    def _arrive(self, modem: Modem) -> None:
        path = self._home[modem.imei]
        self._leave(modem)
        if path in self._there:  # its place was taken meanwhile
            self.rename(modem)
            path = self._home[modem.imei]
        self._there[path] = modem
        self._arrivals[path] = self._arrivals.get(path, 0) + 1
        self._changed()

    def _leave(self, modem: Modem) -> None:
        for path in [path for path, one in self._there.items() if one is modem]:
            del self._there[path]
            self._changed()
            if path in self._ports:
                self._ports.pop(path).hang_up()

    def _changed(self) -> None:
        self._seen = {path: PortKey(path, 1, self._arrivals[path]) for path in self._there}

    def _said(self, modem: Modem, data: bytes) -> None:
        self._trace("said", modem.imei, data)
        for path, one in self._there.items():
            if one is modem and path in self._ports:
                self._ports[path].say(data)

    def _written(self, modem: Modem, path: str, data: bytes) -> None:
        self._trace("written", path, data)
        asyncio.get_running_loop().call_soon(self._feed, modem, path, data, context=self._context)

    def _feed(self, modem: Modem, path: str, data: bytes) -> None:
        if self._there.get(path) is modem:
            modem.feed(data)


class BusPorts:
    """The bus as one life of the daemon sees it: `ports.Ports`."""

    def __init__(self, bus: Bus, life: Life) -> None:
        self._bus = bus
        self._life = life

    def look(self) -> dict[str, PortKey]:
        return self._bus.look()

    async def wait(self, clock: Clock, seconds: float) -> None:
        await clock.sleep(seconds)

    def place(self, path: str) -> None:
        """Nothing is known of it."""

    async def open(self, path: str) -> SimulatedPort:
        await asyncio.sleep(0)
        return self._bus.open(path, self._life)
