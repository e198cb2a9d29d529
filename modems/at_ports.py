"""Which tty of a modem with several takes AT commands: the table first, then what was learnt.

`candidates` gives the ttys in the order in which they are worth a probe; those that the table
knows to be something else (diagnosis, GPS) are not among them, since bytes on a diagnosis port
can crash a modem. What a probe found is learnt for the model and tried first from then on: a
table may be wrong about a model's other firmware, a probe of this very model is not. Learnt
numbers can be kept as text and read again; a text that makes no sense is passed over.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulsarack.modems.slots import UsbPlace, UsbTty

SHIPPED = Path(__file__).parent / "at_ports.toml"
LEARNT_MOST = 1000

_LEARNT = re.compile(r'"([0-9a-f]{4}:[0-9a-f]{4})" = ([0-9]{1,3})')


@dataclass(frozen=True, slots=True)
class Device:
    """One entry of the table, see at_ports.toml."""

    at: tuple[int, ...] = ()
    never: tuple[int, ...] = ()
    protocols: tuple[str, ...] = ()
    never_protocols: tuple[str, ...] = ()


class AtPorts:
    """The table, and what was learnt by probing."""

    def __init__(
        self,
        devices: Mapping[str, Device],
        foreign: Mapping[str, str],
        cdroms: Collection[str] = (),
    ) -> None:
        self.devices = devices
        self.cdroms = frozenset(cdroms)  # models that are modems only after a mode switch
        self.learnt: dict[str, int] = {}
        self._foreign = foreign

    @classmethod
    def load(cls, path: Path = SHIPPED) -> "AtPorts":
        """The table that comes with us."""
        table = tomllib.loads(path.read_text("utf-8"))
        devices = {one["id"]: _device(one) for one in table["device"]}
        foreign = {one["id"]: one["is"] for one in table["foreign"]}
        return cls(devices, foreign, table["cdrom"]["ids"])

    def foreign(self, place: UsbPlace) -> str:
        """What a device is that is known to be no modem; empty for any other."""
        if place.bridge:
            return ""
        if all(tty.interface_class.startswith("07/") for tty in place.ttys):
            return "a printer"
        return self._foreign.get(place.model) or self._foreign.get(_vendor(place), "")

    def candidates(self, place: UsbPlace) -> list[UsbTty]:
        """The ttys that may take AT commands, the likeliest first."""
        if place.bridge:
            return list(place.ttys)
        learnt = self.learnt.get(place.model)
        own = self.devices.get(place.model, Device())
        vendor = self.devices.get(_vendor(place), Device())

        def rank(tty: UsbTty) -> tuple[int, int, UsbTty]:
            if tty.interface == learnt:
                return 0, 0, tty
            for number, device in enumerate((own, vendor), start=1):
                if tty.interface in device.at:
                    return number, device.at.index(tty.interface), tty
                if tty.interface_class in device.protocols:
                    return number, device.protocols.index(tty.interface_class), tty
            return 3, 0, tty

        def never(tty: UsbTty) -> bool:
            if tty.interface == learnt or tty.interface in own.at:
                return False
            return any(
                tty.interface in device.never or tty.interface_class in device.never_protocols
                for device in (own, vendor)
            )

        return sorted((tty for tty in place.ttys if not never(tty)), key=rank)

    def learn(self, place: UsbPlace, tty: UsbTty) -> bool:
        """A probe found the AT port of a model; True if that is news."""
        if place.bridge or len(place.ttys) < 2 or self.learnt.get(place.model) == tty.interface:
            return False
        if len(self.learnt) >= LEARNT_MOST:
            self.learnt.clear()
        self.learnt[place.model] = tty.interface
        return True

    def as_text(self) -> str:
        """What was learnt, for a file."""
        return "".join(f'"{model}" = {number}\n' for model, number in sorted(self.learnt.items()))

    def read_text(self, text: str) -> None:
        """What was learnt by an earlier daemon."""
        self.learnt = {model: int(number) for model, number in _LEARNT.findall(text)[:LEARNT_MOST]}


def _device(entry: Mapping[str, Any]) -> Device:
    return Device(**{key: tuple(value) for key, value in entry.items() if key != "id"})


def _vendor(place: UsbPlace) -> str:
    return f"{place.vendor_id}:*"


def primary_ports(table: AtPorts) -> Iterator[tuple[str, int]]:
    """The AT port of each model whose entry names it: what the udev rules know too."""
    for model, device in table.devices.items():
        if device.at:
            yield model, device.at[0]
