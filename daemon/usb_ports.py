"""The USB modems that are found by themselves: their slots, and opening the right tty of each.

A modem of several ttys is probed one tty after the other, the likeliest first and never two at
once, until one answers as a modem does; slots are probed beside each other. What was found is
learnt for the model and kept in the state directory, so that the next start asks once. What is
known to be no modem gets no slot; what shows itself as a GPS receiver is not opened again
before it is plugged in anew. A modem that has answered since it was plugged in is opened also
when it answers no more: only over its open port can it be restarted.
"""

import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from pulsarack.daemon import log as logging
from pulsarack.daemon.config_ports import UsbSection
from pulsarack.modems.at_ports import AtPorts
from pulsarack.modems.errors import ForeignDevice, ModemSilent, PortError, PortMissing
from pulsarack.modems.probe import PROBE_SECONDS, Verdict, probe
from pulsarack.modems.slots import UsbPlace, UsbTty
from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Port
from pulsarack.modems.watch import PortKey

LEARNT_NAME = "at_ports.toml"
_LEARNT_OCTETS_MAX = 64 * 1024

Open = Callable[[str, int], Awaitable[Port]]
Enumeration = tuple[str, int, int]


class UsbPorts:
    """The slots of the USB modems; `open_tty` opens one tty at a baud rate."""

    def __init__(
        self,
        section: UsbSection,
        table: AtPorts,
        open_tty: Open,
        clock: Clock,
        log: logging.Logger,
        state_dir: Path | None = None,
    ) -> None:
        self._section = section
        self._table = table
        self._open_tty = open_tty
        self._clock = clock
        self._log = log
        self._memory = state_dir / LEARNT_NAME if state_dir is not None else None
        self._places: Mapping[str, UsbPlace] = {}
        self._told: set[Enumeration] = set()
        self._receivers: dict[Enumeration, Verdict] = {}
        self._answered: dict[Enumeration, UsbTty] = {}
        self._recall()

    def look(self, places: Mapping[str, UsbPlace], claimed: Collection[str]) -> dict[str, PortKey]:
        """The slots of what is plugged in and may be used; `claimed` ttys are somebody else's."""
        self._places = {
            key: place
            for key, place in places.items()
            if self._wanted(place) and not any(tty.node in claimed for tty in place.ttys)
        }
        there = {_enumeration(place) for place in places.values()}
        self._told &= there
        self._receivers = {one: what for one, what in self._receivers.items() if one in there}
        self._answered = {one: tty for one, tty in self._answered.items() if one in there}
        return {key: port_key(place) for key, place in self._places.items()}

    def place(self, key: str) -> UsbPlace | None:
        """What is in a slot now."""
        return self._places.get(key)

    async def open(self, key: str) -> Port:
        """Open the AT port of what is in a slot.

        Raises PortError, PortGone, ModemSilent, ForeignDevice.
        """
        place = self._places.get(key)
        if place is None:
            raise PortMissing(key)
        return await self.open_place(place, place.ttys, self._section.baud)

    async def open_place(self, place: UsbPlace, ttys: Collection[UsbTty], baud: int) -> Port:
        """Open the one of these ttys of a device behind which a modem answers."""
        receiver = self._receivers.get(_enumeration(place))
        if what := receiver.value if receiver is not None else self._table.foreign(place):
            raise ForeignDevice(place.key, what)
        found: list[str] = []
        failures: list[PortError] = []
        silent = False
        for tty in self._table.candidates(place):
            if tty not in ttys:
                continue
            try:
                port = await self._open_tty(tty.node, baud)
            except PortError as error:
                failures.append(error)
                continue
            verdict = await self._probe(port)
            if verdict is Verdict.MODEM:
                self._answered[_enumeration(place)] = tty
                self._learn(place, tty)
                return port
            if verdict is Verdict.NMEA and len(place.ttys) == 1:
                self._receivers[_enumeration(place)] = verdict
            silent |= verdict is Verdict.SILENT
            if verdict is not Verdict.SILENT:
                found.append(f"{tty.node}: {verdict.value}")
        answered = self._answered.get(_enumeration(place))
        if answered is not None and answered in ttys and (found or silent):
            return await self._open_tty(answered.node, baud)
        if found:
            raise ForeignDevice(place.key, "; ".join(found))
        if silent:
            raise ModemSilent("AT", PROBE_SECONDS)
        if failures:
            raise failures[0]
        raise ForeignDevice(place.key, "none of its ttys takes AT commands")

    async def _probe(self, port: Port) -> Verdict:
        """Close what is no modem; also if somebody else ends us."""
        verdict = None
        try:
            verdict = await probe(port, self._clock)
        finally:
            if verdict is not Verdict.MODEM:
                port.close()
        return verdict

    def _wanted(self, place: UsbPlace) -> bool:
        names = (place.key, place.model)
        section = self._section
        if section.only and not _fits(names, section.only):
            return False
        if _fits(names, section.never):
            return False
        what = self._table.foreign(place)
        if not what or _fits(names, section.only):
            return True
        if _enumeration(place) not in self._told:
            self._told.add(_enumeration(place))
            remedy = f'if it is a modem all the same, name it: [usb] only = ["{place.model}", ...]'
            self._log.info("port.foreign", slot=place.key, what=what, remedy=remedy)
        return False

    def _learn(self, place: UsbPlace, tty: UsbTty) -> None:
        if not self._table.learn(place, tty):
            return
        self._log.info("port.learnt", model=place.model, interface=tty.interface)
        if self._memory is None:
            return
        # A few hundred bytes, once a model: not worth a thread. If it is lost it is learnt anew.
        with contextlib.suppress(OSError):
            fresh = self._memory.with_suffix(".new")
            fresh.write_text(self._table.as_text(), "ascii")
            fresh.replace(self._memory)

    def _recall(self) -> None:
        if self._memory is None:
            return
        with contextlib.suppress(OSError), self._memory.open("rb") as file:
            self._table.read_text(file.read(_LEARNT_OCTETS_MAX).decode("ascii", "replace"))


def port_key(place: UsbPlace) -> PortKey:
    """The same as long as the device is not enumerated anew, whatever its ttys are called."""
    return PortKey(place.kernel_name, place.bus, place.address)


def _enumeration(place: UsbPlace) -> Enumeration:
    return place.key, place.bus, place.address


def _fits(names: Collection[str], patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
