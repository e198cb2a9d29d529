"""A USB bus that pyusb takes for libusb's: devices in memory, resets counted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core


@dataclass
class Device:
    """One device, and what befalls whoever touches it."""

    vendor: int
    product: int
    bus: int = 1
    address: int = 2
    ports: tuple[int, ...] = (2, 1)
    resets: int = 0
    errors: list[int] = field(default_factory=list)  # errno of the next touches


class FakeBus(usb.backend.IBackend):  # type: ignore[misc]
    """What pyusb asks a backend for when a device is found and reset."""

    def __init__(self, *devices: Device) -> None:
        self.devices = list(devices)
        self.open: list[Device] = []

    def enumerate_devices(self) -> Iterator[Device]:
        return iter(self.devices)

    def get_parent(self, device: Device) -> None:
        return None

    def get_device_descriptor(self, device: Device) -> Any:
        return SimpleNamespace(
            bLength=18, bDescriptorType=1, bcdUSB=0x200, bDeviceClass=0, bDeviceSubClass=0,
            bDeviceProtocol=0, bMaxPacketSize0=64, idVendor=device.vendor,
            idProduct=device.product, bcdDevice=0x100, iManufacturer=0, iProduct=0,
            iSerialNumber=0, bNumConfigurations=1, address=device.address, bus=device.bus,
            port_number=device.ports[-1] if device.ports else None,
            port_numbers=device.ports or None, speed=3,
        )  # fmt: skip

    def open_device(self, device: Device) -> Device:
        if device.errors:
            raise usb.core.USBError("no", -1, device.errors.pop(0))
        self.open.append(device)
        return device

    def close_device(self, handle: Device) -> None:
        self.open.remove(handle)

    def reset_device(self, handle: Device) -> None:
        if handle.errors:
            raise usb.core.USBError("no", -1, handle.errors.pop(0))
        handle.resets += 1
