"""Resetting one USB device through pyusb, as pulling its plug would, without a hand.

The device is found by bus and address and must still be the model and in the place that
the slot knows: addresses are given anew with each enumeration. Its tty must be closed
before: with it open the kernel gives the ttyUSB another number. Everything here blocks,
so it is called in a thread. pyusb is loaded only then, since few programs of ours need it.
"""

from pathlib import Path
from typing import Any, Protocol

from pulsarack.modems.errors import UsbResetFailed

ERRNO_GONE = 19
ERRNO_DENIED = 13


class UsbSeat(Protocol):
    """What must be known of a place on the USB, as ``modems/slots.py`` does."""

    @property
    def key(self) -> str:
        """The slot; ``-if03`` behind it: one port of several that a bridge has."""

    @property
    def kernel_name(self) -> str:
        """``1-2.1``: bus and chain of ports."""

    @property
    def bus(self) -> int:
        """busnum."""

    @property
    def address(self) -> int:
        """devnum."""

    @property
    def bridge(self) -> bool:
        """A USB-serial bridge, perhaps with several modems behind it."""

    @property
    def model(self) -> str:
        """``12d1:1001``."""


def is_shared(seat: UsbSeat, sys: Path = Path("/sys")) -> bool:
    """Whether other modems hang on the same USB device, and would be reset with it.

    The first port of a card may be called as the card itself, so the ttys are counted, too.
    """
    if not seat.bridge:
        return False
    device = sys / "bus" / "usb" / "devices" / seat.kernel_name
    ttys = [*device.glob("*/ttyUSB*"), *device.glob("*/tty/tty*")]
    return "-if" in seat.key or "-port" in seat.key or len(ttys) > 1


def reset(seat: UsbSeat, backend: Any = None) -> None:
    """Reset the device; raises UsbResetFailed. ``backend`` is pyusb's, for tests."""
    import usb.core
    import usb.util

    try:
        device = usb.core.find(bus=seat.bus, address=seat.address, backend=backend)
    except usb.core.NoBackendError:
        raise UsbResetFailed(
            seat.kernel_name, "there is no libusb", "apt-get install libusb-1.0-0"
        ) from None
    if device is None or not _fits(device, seat):
        raise UsbResetFailed(seat.kernel_name, "the device is not there any more", "re-plug it")
    try:
        device.reset()
    except usb.core.USBError as error:
        raise _failed(seat, error) from None
    finally:
        usb.util.dispose_resources(device)


def _fits(device: Any, seat: UsbSeat) -> bool:
    """Whether it is still the device of the slot, and not what got its address since."""
    found = f"{device.idVendor:04x}:{device.idProduct:04x}"
    chain = seat.kernel_name.partition("-")[2]
    ports = device.port_numbers
    return found == seat.model and (not ports or ".".join(map(str, ports)) == chain)


def _failed(seat: UsbSeat, error: Any) -> UsbResetFailed:
    if error.errno == ERRNO_GONE:
        return UsbResetFailed(seat.kernel_name, "the device left meanwhile", "re-plug it")
    if error.errno == ERRNO_DENIED:
        remedy = "give the daemon's group /dev/bus/usb by udev/70-pulsarack.rules"
        return UsbResetFailed(seat.kernel_name, "permission denied", remedy)
    return UsbResetFailed(seat.kernel_name, str(error), "re-plug it")
