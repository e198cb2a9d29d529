"""Which ports there are, and opening them: the one place where the rack meets the machine.

The rack only knows this interface, so that a simulation can hand it ports in memory. A port has
a path, which names its slot: for one of the configuration the path that stands there (or a
match of its glob, or its URL), for a USB modem that was found by itself its place on the bus
(modems/slots.py).

udev tells what comes and goes. Only configured paths are looked at twice a second as well,
since they may be links that udev knows nothing of; and where no udev runs, the names of USB
ttys are. A modem of several ttys is one slot: of those that a glob matches, the first by name
stands for all, and which one is opened a probe decides.
"""

import glob
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pulsarack.daemon import log as logging
from pulsarack.daemon.bell import Bell
from pulsarack.daemon.config import Config
from pulsarack.daemon.config_ports import PortSection
from pulsarack.daemon.openings import Openings
from pulsarack.daemon.phone_ports import PhonePorts
from pulsarack.daemon.port_scan import PortScan
from pulsarack.daemon.usb_ports import UsbPorts, port_key
from pulsarack.modems.at_ports import AtPorts
from pulsarack.modems.errors import PortMissing
from pulsarack.modems.net_port import open_url
from pulsarack.modems.slots import UsbPlace, UsbTty
from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Port
from pulsarack.modems.udev import Udev
from pulsarack.modems.watch import PortKey, Snapshot

LONG_SECONDS = 3600.0
USB_TTYS = ("/dev/ttyUSB*", "/dev/ttyACM*")


class Ports(Protocol):
    """Ports by path."""

    def look(self) -> Snapshot:
        """What is there now."""

    async def wait(self, clock: Clock, seconds: float) -> None:
        """Return when another look is worth it; where nobody tells, after so long."""

    async def open(self, path: str) -> Port:
        """Open one for us alone; raises ModemError, mostly a PortError."""

    def place(self, path: str) -> UsbPlace | None:
        """What is known of the USB device behind a path; None if it is none."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A port of the configuration: how to open it, and the USB device behind it."""

    baud: int
    place: UsbPlace | None = None
    ttys: tuple[UsbTty, ...] = ()  # of a modem that several paths lead to


class SerialPorts:
    """The ports of this machine that the configuration asks for."""

    def __init__(
        self, config: Config, clock: Clock, log: logging.Logger, udev: Udev | None = None
    ) -> None:
        self._sections = config.ports
        # The first section last: a path that two of them match belongs to the first.
        self._scans = [
            (PortScan(section.path), section)
            for section in reversed(config.ports)
            if section.url is None and section.driver == "at"
        ]
        self._urls = {section.path: section for section in config.ports if section.url is not None}
        self._phones = PhonePorts(config.ports, clock)
        self._usb_scans = [PortScan(pattern) for pattern in USB_TTYS]
        self._usb_names: list[dict[str, PortKey]] = []
        self._finds_usb = config.finds_usb_modems
        # A simulated rack lies elsewhere, and has nothing to do with udev.
        self._meets_usb = self._finds_usb or any(
            section.path.startswith("/dev/") for section in config.ports
        )
        self._log = log
        self._scanned: dict[str, PortKey] = {}  # at the last look, and what came of it
        self._places: Mapping[str, UsbPlace] = {}
        self._at_paths: dict[str, PortKey] = {}
        self._found: dict[str, _Found] = {}
        self._openings = Openings()
        self._bell = Bell(clock)
        self._udev = Udev() if udev is None else udev
        self._usb = UsbPorts(
            config.usb, AtPorts.load(), self._openings.open, clock, log, config.daemon.state_dir
        )

    def start(self) -> None:
        """Begin to listen to udev, in the running event loop."""
        if not self._meets_usb:
            return
        self._udev.start(self._bell.ring)
        if not self._udev.usable and self._finds_usb:
            remedy = "install libudev1, or name each port in a section [[port]]"
            self._log.error("udev.missing", why="USB modems cannot be found", remedy=remedy)
        elif self._udev.usable and not self._udev.listening:
            why = "no udev runs here: ports are looked at twice a second instead"
            self._log.warning("udev.silent", why=why, remedy="nothing, if this is a container")

    def stop(self) -> None:
        """Listen no more."""
        self._udev.stop()

    async def wait(self, clock: Clock, seconds: float) -> None:
        """Until udev tells something; where it cannot, as of paths, after so long at most."""
        looked_at = self._scans or self._phones.paths
        told = not looked_at and (self._udev.listening or not self._meets_usb)
        await self._bell.wait_until(clock.monotonic() + (LONG_SECONDS if told else seconds))
        self._bell.take()

    def look(self) -> Snapshot:
        """What is there now; a path that two sections match belongs to the first."""
        if self._meets_usb and self._udev.usable and not self._udev.listening:
            self._look_for_usb_names()
        places = self._udev.places()
        there = dict(self._look_at_paths(places))
        there |= dict.fromkeys(self._urls, PortKey("", 0, 0))
        there |= self._phones.look()
        if self._finds_usb:
            claimed = {key.realpath for key in there.values()}
            claimed |= {tty.node for one in self._found.values() for tty in one.ttys}
            there |= self._usb.look(places, claimed)
        return there

    async def open(self, path: str) -> Port:
        """Open one for us alone; raises ModemError."""
        if path in self._phones:
            return self._phones.open(path)
        if path in self._urls:
            section = self._urls[path]
            assert section.url is not None
            return await open_url(path, section.url, section.baud)
        found = self._found.get(path)
        if found is None:
            if self._usb.place(path) is None:
                raise PortMissing(path)
            return await self._usb.open(path)
        if found.place is not None and found.ttys:
            return await self._usb.open_place(found.place, found.ttys, found.baud)
        return await self._openings.open(path, found.baud)

    def place(self, path: str) -> UsbPlace | None:
        """The USB device behind a path, or behind a slot."""
        found = self._found.get(path)
        return found.place if found is not None else self._usb.place(path)

    def _look_for_usb_names(self) -> None:
        names = [scan.look() for scan in self._usb_scans]
        if names != self._usb_names:
            self._usb_names = names
            self._udev.enumerate()

    def _look_at_paths(self, places: Mapping[str, UsbPlace]) -> dict[str, PortKey]:
        scanned: dict[str, PortKey] = {}
        sections: dict[str, PortSection] = {}
        for scan, section in self._scans:
            there = scan.look()
            scanned |= there
            sections |= dict.fromkeys(there, section)
        if scanned != self._scanned or places is not self._places:
            self._scanned, self._places = scanned, places
            self._at_paths = self._gather(dict(scanned), sections, _by_node(places))
        return self._at_paths

    def _gather(
        self,
        keys: dict[str, PortKey],
        sections: Mapping[str, PortSection],
        nodes: Mapping[str, UsbPlace],
    ) -> dict[str, PortKey]:
        """Leave one path of those that lead to ttys of one modem."""
        self._found = {
            path: _Found(section.baud, nodes.get(keys[path].realpath))
            for path, section in sections.items()
        }
        for place, paths in _modems(keys, nodes):
            named = [path for path in paths if not glob.has_magic(sections[path].path)]
            first, *others = sorted(paths)
            if named:
                others = [path for path in paths if path not in named]
            else:
                ttys = tuple(tty for tty in place.ttys if tty.node in paths.values())
                self._found[first] = _Found(sections[first].baud, place, ttys)
                keys[first] = port_key(place)
            for path in others:
                del keys[path], self._found[path]
        return keys


def _modems(
    keys: Mapping[str, PortKey], nodes: Mapping[str, UsbPlace]
) -> Iterator[tuple[UsbPlace, dict[str, str]]]:
    """Each USB modem that paths lead to, with the device node behind each path."""
    behind: dict[str, dict[str, str]] = {}
    places = {}
    for path, key in keys.items():
        place = nodes.get(key.realpath)
        if place is not None and not place.bridge:
            places[place.key] = place
            behind.setdefault(place.key, {})[path] = key.realpath
    for name, paths in behind.items():
        yield places[name], paths


def _by_node(places: Mapping[str, UsbPlace]) -> dict[str, UsbPlace]:
    return {tty.node: place for place in places.values() for tty in place.ttys}


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
        if section.url is not None or glob.has_magic(section.path):
            continue
        if problem := _problem(section.path, phone=section.driver == "gammu"):
            found.append(problem)
    return found


def _problem(path: str, *, phone: bool) -> PortProblem | None:
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return PortProblem(path, "there is no such port", "plug the modem in, or correct the path")
    except OSError as error:
        why = error.strerror or str(error)
        return PortProblem(path, why, "correct the path, or the rights of its directory")
    if phone or stat.S_ISCHR(mode):
        return None
    return PortProblem(path, "it is no character device", "name the serial port of the modem")
