"""udev: which ttys of USB devices there are, and the bell that rings when they change.

What there is comes from one enumeration at the start; from then on udev tells what comes
and goes, each device by itself, so that a rack of hundreds costs nothing while nothing
happens. If the kernel had to drop news because we read them too late (ENOBUFS), or the
socket breaks in any other way, a new socket is opened and everything is enumerated anew.

The bell waits a moment, since the ttys of one modem come one by one.

Enumerating needs sysfs and libudev only; news need the udev daemon. Where it does not run,
as in containers, `Udev.listening` is False, and whoever asks has to look by himself and
call `enumerate` when he thinks that something changed.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import pyudev

from pulsarack.modems.slots import UsbPlace, UsbTtyFacts, gather, place_of

SETTLE_SECONDS = 0.5
"""How long after the first news the bell rings."""
TTYS_LIMIT = 4096
NEWS_AT_ONCE = 256
RECEIVE_BUFFER_OCTETS = 8 * 1024 * 1024
UDEV_SOCKET = Path("/run/udev/control")


class Udev:
    """The USB ttys of this machine."""

    def __init__(self, udev_socket: Path = UDEV_SOCKET) -> None:
        self.listening = False
        self.overflows = 0
        self._udev_socket = udev_socket
        self._context: pyudev.Context | None = None
        self._monitor: pyudev.Monitor | None = None
        self._ttys: dict[str, UsbPlace] = {}
        self._places: dict[str, UsbPlace] | None = None
        self._ring: Callable[[], None] = lambda: None
        self._settling: asyncio.TimerHandle | None = None
        with contextlib.suppress(ImportError, OSError):  # without libudev there is none
            self._context = pyudev.Context()

    @property
    def usable(self) -> bool:
        """libudev is here, so that `places` can tell something."""
        return self._context is not None

    def start(self, ring: Callable[[], None]) -> None:
        """Enumerate, and from now on call `ring` in this event loop when something changed."""
        self._ring = ring
        self._listen()
        self.enumerate()

    def stop(self) -> None:
        """Hear no more."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if self._monitor is not None:
            asyncio.get_running_loop().remove_reader(self._monitor.fileno())
        self._monitor, self.listening = None, False

    def places(self) -> dict[str, UsbPlace]:
        """The slots in which something is now, by key."""
        if self._places is None:
            self._places = gather(self._ttys.values())
        return self._places

    def enumerate(self) -> None:
        """Look at every tty there is."""
        self._ttys.clear()
        self._places = None
        if self._context is None:
            return
        with contextlib.suppress(OSError):
            for device in self._context.list_devices(subsystem="tty"):
                self._enter(device)

    def models(self) -> dict[str, str]:
        """Every USB device there is now, with ttys or without: kernel name, and model."""
        found: dict[str, str] = {}
        if self._context is None:
            return found
        with contextlib.suppress(OSError):
            for device in self._context.list_devices(subsystem="usb", DEVTYPE="usb_device"):
                ids = _attribute(device, "idVendor"), _attribute(device, "idProduct")
                found[device.sys_name] = ":".join(ids).lower()
        return found

    def _listen(self) -> None:
        # Before enumerating: what comes in between is told twice rather than never.
        if self._context is None or not self._udev_socket.exists():
            return
        try:
            monitor = pyudev.Monitor.from_netlink(self._context)
            monitor.filter_by("tty")
            with contextlib.suppress(OSError):  # a larger one than the limit is for root only
                monitor.set_receive_buffer_size(RECEIVE_BUFFER_OCTETS)
            monitor.start()
        except OSError:
            return
        self._monitor, self.listening = monitor, True
        asyncio.get_running_loop().add_reader(monitor.fileno(), self._drain)

    def _drain(self) -> None:
        assert self._monitor is not None
        try:
            for _ in range(NEWS_AT_ONCE):  # the loop calls again if there is more
                device = self._monitor.poll(timeout=0)
                if device is None:
                    return
                self._news(device)
        except OSError:
            self._begin_anew()

    def _news(self, device: "pyudev.Device") -> None:
        before = self._ttys.get(device.sys_path)
        if device.action == "remove":
            self._ttys.pop(device.sys_path, None)
        else:
            self._enter(device)
        if self._ttys.get(device.sys_path) != before:
            self._places = None
            self._changed()

    def _begin_anew(self) -> None:
        """News were lost, or the socket is broken."""
        self.overflows += 1
        self.stop()
        self._listen()
        self.enumerate()
        self._changed()

    def _changed(self) -> None:
        if self._settling is None:
            loop = asyncio.get_running_loop()
            self._settling = loop.call_later(SETTLE_SECONDS, self._settled)

    def _settled(self) -> None:
        self._settling = None
        self._ring()

    def _enter(self, device: "pyudev.Device") -> None:
        if "/usb" not in device.sys_path or len(self._ttys) >= TTYS_LIMIT:
            return
        facts = _facts(device)
        place = place_of(facts) if facts is not None else None
        if place is None:
            self._ttys.pop(device.sys_path, None)
        else:
            self._ttys[device.sys_path] = place


def _facts(device: "pyudev.Device") -> UsbTtyFacts | None:
    """What sysfs says of a tty; None if it is not of a USB device, or has gone meanwhile."""
    try:
        usb = device.find_parent("usb", "usb_device")
        interface = device.find_parent("usb", "usb_interface")
        if usb is None or interface is None or not device.device_node:
            return None
        root = next((up for up in (usb, *usb.ancestors) if up.sys_name.startswith("usb")), None)
        port = next((up for up in device.ancestors if up.subsystem == "usb-serial"), None)
        return UsbTtyFacts(
            node=device.device_node,
            host=_attribute(root, "serial"),
            ports=_attribute(usb, "devpath"),
            kernel_name=usb.sys_name,
            bus=_attribute(usb, "busnum"),
            address=_attribute(usb, "devnum"),
            vendor_id=_attribute(usb, "idVendor"),
            product_id=_attribute(usb, "idProduct"),
            interfaces=_attribute(usb, "bNumInterfaces"),
            interface=_attribute(interface, "bInterfaceNumber"),
            interface_class=_attribute(interface, "bInterfaceClass"),
            interface_subclass=_attribute(interface, "bInterfaceSubClass"),
            interface_protocol=_attribute(interface, "bInterfaceProtocol"),
            driver=interface.driver or "",
            port=_attribute(port, "port_number"),
        )
    except (OSError, pyudev.DeviceNotFoundError):
        return None


def _attribute(device: "pyudev.Device | None", name: str) -> str:
    """A sysfs attribute as text; empty if it is missing or no text."""
    if device is None:
        return ""
    value = device.attributes.get(name)
    return value.decode("ascii", "replace").strip() if isinstance(value, bytes) else ""
