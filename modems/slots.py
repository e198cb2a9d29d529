"""Places in the rack: what a tty of a USB device says about where it is plugged in.

A slot is named as the kernel names a place on the bus (usb_make_path): the controller and
the chain of hub ports, ``usb-0000:00:14.0-2.1``. That stays when a stick is plugged in anew,
reset, or switched out of its CD-ROM mode, and it tells two sticks of one model apart that
carry no serial number. The name of the tty and the number of the bus do neither.

All ttys of one modem are one slot. A USB-serial bridge is a cable, not a modem: each of its
ports leads to a modem of its own, so each is a slot, told apart by the number of its
interface (``-if03``) and, where one interface has several ports, of its port (``-port2``).
What is a bridge is known by its kernel driver, whatever numbers its maker burnt in.

udev/70-pulsarack.rules makes the same names; a test holds the two together. Everything here
comes from a device that may say what it likes: what is no number where one belongs, or
longer than any name, makes a tty that is no part of the rack.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

BRIDGE_DRIVERS = frozenset(
    [
        "ftdi_sio",
        "pl2303",
        "cp210x",
        "ch341",
        "ch341-uart",
        "ch348",
        "ark3116",
        "f81232",
        "f81534",
        "io_ti",
        "mct_u232",
        "mos7720",
        "mos7840",
        "mxuport",
        "oti6858",
        "quatech2",
        "spcp8x5",
        "ti_usb_3410_5052",
        "xr_serial",
    ]
)
"""Kernel drivers of cables and port cards (drivers/usb/serial of Linux, by their names)."""

TTYS_MOST = 16
"""Of one device; no stick has more, and each costs a probe."""

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,63}")
_PORTS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,6}")  # a hub stands behind at most five others
_KERNEL_NAME = re.compile(r"[0-9]{1,3}-[0-9.]{1,27}")
_NODE = re.compile(r"/dev/[A-Za-z0-9/_.-]{1,64}")
_HEX_ID = re.compile(r"[0-9a-fA-F]{4}")
_DECIMAL = re.compile(r"[0-9]{1,4}")
_HEX_OCTET = re.compile(r"[0-9a-fA-F]{1,2}")
_DRIVER = re.compile(r"[A-Za-z0-9_-]{0,40}")


@dataclass(frozen=True, slots=True)
class UsbTtyFacts:
    """What sysfs says of one tty, word for word; an empty text where it says nothing.

    node            the device file
    host            ``serial`` of the root hub: the bus name of the controller
    ports           ``devpath`` of the device: the ports from the root hub to it
    kernel_name     name of the device in sysfs: bus, dash, ports
    bus, address    ``busnum`` and ``devnum``; another enumeration has another address
    vendor_id, product_id       ``idVendor``, ``idProduct``
    interfaces                  ``bNumInterfaces``
    interface, interface_class, interface_subclass, interface_protocol
                                ``bInterfaceNumber`` and so on, hexadecimal
    driver          of the interface
    port            ``port_number`` of the usb-serial port
    """

    node: str
    host: str
    ports: str
    kernel_name: str
    bus: str
    address: str
    vendor_id: str
    product_id: str
    interfaces: str
    interface: str
    interface_class: str
    interface_subclass: str
    interface_protocol: str
    driver: str
    port: str


@dataclass(frozen=True, slots=True, order=True)
class UsbTty:
    """One tty of a USB device; ``interface_class`` is ``class/subclass/protocol``, hexadecimal."""

    interface: int
    port: int
    node: str
    interface_class: str
    driver: str


@dataclass(frozen=True, slots=True)
class UsbPlace:
    """A slot with what is plugged into it now.

    key           the slot's name, see the module's text
    kernel_name   the device in sysfs, as uhubctl names it: ``1-2.1`` is port 1 of hub ``1-2``
    bus, address  as pyusb finds it; ``address`` is another one after each enumeration
    ttys          sorted by interface and port
    bridge        it is a cable: there is one tty, and the numbers say nothing of the modem
    """

    key: str
    kernel_name: str
    bus: int
    address: int
    vendor_id: str
    product_id: str
    ttys: tuple[UsbTty, ...]
    bridge: bool

    @property
    def model(self) -> str:
        """``12d1:1001``: what the device says that it is."""
        return f"{self.vendor_id}:{self.product_id}"


def place_of(facts: UsbTtyFacts) -> UsbPlace | None:
    """The slot of one tty, with this tty alone; None if what it says makes no sense."""
    numbers = (facts.bus, facts.address, facts.interfaces.strip() or "1", facts.port or "0")
    if not (
        _NODE.fullmatch(facts.node)
        and _PORTS.fullmatch(facts.ports)
        and _KERNEL_NAME.fullmatch(facts.kernel_name)
        and _HEX_ID.fullmatch(facts.vendor_id)
        and _HEX_ID.fullmatch(facts.product_id)
        and _HEX_OCTET.fullmatch(facts.interface)
        and _DRIVER.fullmatch(facts.driver)
        and all(_DECIMAL.fullmatch(number) for number in numbers)
    ):
        return None
    bus, address, interfaces, port = map(int, numbers)
    interface = int(facts.interface, 16)
    bridge = facts.driver in BRIDGE_DRIVERS
    key = f"usb-{_host(facts)}-{facts.ports}"
    if bridge:
        key += f"-if{interface:02x}" if interfaces > 1 else ""
        key += f"-port{port}" if port else ""
    tty = UsbTty(interface, port, facts.node, _interface_class(facts), facts.driver)
    vendor_id, product_id = facts.vendor_id.lower(), facts.product_id.lower()
    return UsbPlace(key, facts.kernel_name, bus, address, vendor_id, product_id, (tty,), bridge)


def gather(places: Iterable[UsbPlace]) -> dict[str, UsbPlace]:
    """The slots by their keys, each with all its ttys; of two enumerations only the later."""
    found = {}
    for key, group in groupby(sorted(places, key=_by_key), key=lambda place: place.key):
        *_, last = members = list(group)
        ttys = sorted({tty for one in members if one.address == last.address for tty in one.ttys})
        found[key] = UsbPlace(
            key,
            last.kernel_name,
            last.bus,
            last.address,
            last.vendor_id,
            last.product_id,
            tuple(ttys[:TTYS_MOST]),
            last.bridge,
        )
    return found


def _by_key(place: UsbPlace) -> tuple[str, int]:
    return place.key, place.address


def _host(facts: UsbTtyFacts) -> str:
    """The controller; a root hub that does not tell it is named by its bus, for want of better."""
    return facts.host if _HOST.fullmatch(facts.host) else f"bus{int(facts.bus)}"


def _interface_class(facts: UsbTtyFacts) -> str:
    parts = (facts.interface_class, facts.interface_subclass, facts.interface_protocol)
    if not all(_HEX_OCTET.fullmatch(part) for part in parts):
        return ""
    return "/".join(part.lower().zfill(2) for part in parts)
