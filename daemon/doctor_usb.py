"""What the doctor says of the USB tree: how deep it is, what it feeds, what it cut off.

Read from sysfs (Documentation/ABI of Linux, sysfs-bus-usb). A rack fails in ways that look like
bad modems: a hub without a supply of its own, a port that cuts its power, a chain of hubs that
is too long, a controller that takes no more endpoints.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pulsarack.daemon.doctor import Finding, Subject, bad, ok, skip, warn
from pulsarack.daemon.doctor_facts import read_text

NAME = "usb"
DEVICES = "/sys/bus/usb/devices"
DEEPEST = 5
"""Tiers that are no cause for worry; the standard ends at seven (USB 2.0 section 4.1.1)."""
BUS_POWER_MA = 500
"""What a hub without a supply of its own has for all (USB 2.0 section 7.2.1.1)."""
ENDPOINTS_MOST = 96
"""Where controllers of type xHCI end that are in most machines; the kernel then says "Not enough
host controller resources for new device state"."""
_ENDPOINTS_NEAR = 80
_HUB_CLASS = "09"
_SELF_POWERED = 0x40  # bmAttributes, USB 2.0 table 9-10
_DEVICE = re.compile(r"(?:usb(\d{1,4})|(\d{1,4})-(\d{1,3}(?:\.\d{1,3}){0,6}))")
_TREE = "lsusb -t"


@dataclass(frozen=True, slots=True)
class Device:
    """A device in the tree. `tier`: 1 is the root hub; `power_ma`: what it may draw."""

    name: str
    parent: str | None
    tier: int
    hub: bool
    self_powered: bool
    power_ma: int
    endpoints: int
    controller: str


def tree(subject: Subject) -> dict[str, Device] | None:
    """Every device by its name in sysfs; None if there is no USB here."""
    entries = subject.machine.entries(DEVICES)
    if entries is None:
        return None
    endpoints: dict[str, int] = {}
    for path in entries:
        device, is_interface, _ = path.name.partition(":")
        if is_interface:
            count = _number(path / "bNumEndpoints", 16)
            endpoints[device] = endpoints.get(device, 0) + count
    controllers = {
        path.name.removeprefix("usb"): _controller(path) for path in entries if "usb" in path.name
    }
    found = (_device(path, endpoints, controllers) for path in entries)
    return {one.name: one for one in found if one is not None}


def _device(
    path: Path, endpoints: Mapping[str, int], controllers: Mapping[str, str]
) -> Device | None:
    match = _DEVICE.fullmatch(path.name)
    if match is None:
        return None
    root, bus, chain = match.groups()
    parent = None
    if chain is not None:
        above, _, _ = chain.rpartition(".")
        parent = f"{bus}-{above}" if above else f"usb{bus}"
    return Device(
        name=path.name,
        parent=parent,
        tier=1 if chain is None else chain.count(".") + 2,
        hub=_word(path / "bDeviceClass") == _HUB_CLASS,
        self_powered=root is not None or bool(_number(path / "bmAttributes", 16) & _SELF_POWERED),
        power_ma=_number(path / "bMaxPower", 10),
        endpoints=1 + endpoints.get(f"{bus or root}-0" if root else path.name, 0),
        controller=controllers.get(root or bus, ""),
    )


def _controller(path: Path) -> str:
    """The place of a root hub's controller, if that is of type xHCI: both its buses have one."""
    if "xhci" not in _word(path / "manufacturer"):
        return ""
    return _word(path / "serial") or path.name


def _word(path: Path) -> str:
    return (read_text(path) or "").strip()


def _number(path: Path, base: int) -> int:
    """The number at the beginning of a file, 0 if there is none."""
    pattern = r"[0-9a-fA-F]{1,4}" if base == 16 else r"[0-9]{1,6}"
    match = re.match(pattern, _word(path))
    return int(match[0], base) if match else 0


def depth(subject: Subject) -> Iterator[Finding]:
    """No device hangs behind so many hubs that it is lost now and then."""
    found = tree(subject)
    if not found:
        yield skip(NAME, "there are no USB devices to be looked at")
        return
    deepest = max(found.values(), key=lambda one: one.tier)
    if deepest.tier > DEEPEST:
        what = f"{deepest.name} hangs on tier {deepest.tier}, behind {deepest.tier - 2} hubs"
        remedy = (
            f"take hubs out of the chain: {DEEPEST} tiers are safe, seven the most there can be"
        )
        yield warn(NAME, what, _TREE, remedy)
    else:
        yield ok(NAME, f"{len(found)} devices, {deepest.tier} tiers deep")


def power(subject: Subject) -> Iterator[Finding]:
    """No hub lives on its cable while more hangs on it than the cable carries."""
    found = tree(subject) or {}
    for hub in (one for one in found.values() if one.hub and one.parent is not None):
        fed = [one for one in found.values() if one.parent == hub.name]
        wanted = sum(one.power_ma for one in fed if not (one.hub and one.self_powered))
        if hub.self_powered:
            if fed:
                what = f"hub {hub.name} has a supply of its own; what hangs on it may draw"
                yield ok(NAME, f"{what} {wanted} mA")
        elif wanted + hub.power_ma > BUS_POWER_MA:
            what = (
                f"hub {hub.name} lives on its cable's {BUS_POWER_MA} mA, and what hangs on it may"
                f" draw {wanted} mA"
            )
            yield bad(NAME, what, _TREE, "give the hub a supply of its own")


def over_current(subject: Subject) -> Iterator[Finding]:
    """No port had to cut its power."""
    for interface in subject.machine.entries(DEVICES) or ():
        if not interface.name.endswith(":1.0"):
            continue
        for port in sorted(interface.glob("*-port[0-9]*")):
            if times := _number(port / "over_current_count", 10):
                what = f"USB port {port.name} was overloaded {times} times and cut its power"
                remedy = "a modem or cable with a fault, or a supply that is too weak"
                yield bad(NAME, what, "sudo dmesg --level=err,warn", remedy)


def endpoints(subject: Subject) -> Iterator[Finding]:
    """No controller is near the number of endpoints where it takes no further modem."""
    sums: dict[str, int] = {}
    for one in (tree(subject) or {}).values():
        sums[one.controller] = sums.get(one.controller, 0) + one.endpoints
    for controller, number in sorted(sums.items()):
        if controller and number >= _ENDPOINTS_NEAR:
            what = f"{number} endpoints hang on controller {controller}; many end at"
            remedy = "put a card with a controller of its own in for the modems to come"
            yield warn(NAME, f"{what} {ENDPOINTS_MOST}", _TREE, remedy)
