"""A machine with USB sticks that are not there: umockdev, through ctypes.

libumockdev gives this process a /sys and a /dev of its own and sends what udev would send; the
ttys are ptys. It aborts the process where it is not content, so each case runs in a process of
its own (run_case), under the preloaded library. A name of a device or a device number is
used once in a process.
"""

import ctypes
import functools
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

PRELOADED = "libumockdev-preload.so.0"
ROOT = Path(__file__).parents[1]
_P, _S, _I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int


def run_case(module: str, name: str, directory: Path) -> None:
    """Run a case in a process of its own; skips where there is no umockdev."""
    if not _is_here():
        pytest.skip("there is no libumockdev here: apt-get install umockdev")
    found = subprocess.run(
        [sys.executable, "-m", module, name, str(directory)],
        env={**os.environ, "LD_PRELOAD": PRELOADED},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert found.returncode == 0, f"{found.stdout}\n{found.stderr}"


@functools.cache
def _is_here() -> bool:
    """Asked in a process of its own: what the library loads has no place in this one."""
    load = f"import ctypes; ctypes.CDLL('libumockdev.so.0'); ctypes.CDLL('{PRELOADED}')"
    run = subprocess.run([sys.executable, "-c", load], capture_output=True, check=False)
    return run.returncode == 0


class Testbed:
    """The machine."""

    __test__ = False

    def __init__(self) -> None:
        assert "umockdev" in os.environ.get("LD_PRELOAD", ""), "not under umockdev: see run_case"
        self._library = ctypes.CDLL("libumockdev.so.0")
        for name, result, arguments in (
            ("new", _P, []),
            ("add_from_string", _I, [_P, _S, _P]),
            ("uevent", None, [_P, _S, _S]),
            ("remove_device", None, [_P, _S]),
            ("get_dev_fd", _I, [_P, _S]),
        ):
            function = getattr(self._library, f"umockdev_testbed_{name}")
            function.restype, function.argtypes = result, arguments
        self._testbed = self._library.umockdev_testbed_new()
        self._numbers = 0
        self._add(_root_hub(1, "0000:00:14.0"))

    def plug(
        self,
        ports: str,
        model: str,
        ttys: Iterable[tuple[int, str]],
        *,
        address: int,
        driver: str = "option",
        protocol: str = "ff/ff",
        interfaces: int | None = None,
    ) -> list[str]:
        """A device with (interface, name of its tty) pairs; the paths of the ttys in sysfs.

        `protocol`: subclass and protocol of its interfaces.
        """
        sub, _, last = protocol.partition("/")
        ttys = list(ttys)
        vendor, product = model.split(":")
        usb = f"/devices/pci0000:00/0000:00:14.0/usb1/1-{ports}"
        count = len(ttys) if interfaces is None else interfaces
        text = (
            f"P: {usb}\nN: bus/usb/001/{address:03}\nE: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\n"
            f"A: idVendor={vendor}\\n\nA: idProduct={product}\\n\nA: busnum=1\\n\n"
            f"A: devnum={address}\\n\nA: devpath={ports}\\n\nA: bNumInterfaces= {count}\\n\n\n"
        )
        found = []
        for interface, name in ttys:
            above = f"{usb}/1-{ports}:1.{interface}"
            number, self._numbers = self._numbers, self._numbers + 1
            text += (
                f"P: {above}\nE: DEVTYPE=usb_interface\nE: SUBSYSTEM=usb\nE: DRIVER={driver}\n"
                f"L: driver=../../../../../../bus/usb/drivers/{driver}\n"
                f"A: bInterfaceNumber={interface:02x}\\n\nA: bInterfaceClass=ff\\n\n"
                f"A: bInterfaceSubClass={sub}\\n\nA: bInterfaceProtocol={last}\\n\n\n"
                f"P: {above}/{name}\nE: SUBSYSTEM=usb-serial\nA: port_number=0\\n\n\n"
                f"P: {above}/{name}/tty/{name}\nN: {name}\nE: DEVNAME=/dev/{name}\n"
                f"E: SUBSYSTEM=tty\nE: MAJOR=188\nE: MINOR={number}\nL: device=../..\n"
                f"A: dev=188:{number}\\n\n\n"
            )
            found.append(f"/sys{above}/{name}/tty/{name}")
        self._add(text)
        return found

    def uevent(self, path: str, action: str) -> None:
        """What udev tells of a device."""
        self._library.umockdev_testbed_uevent(self._testbed, path.encode(), action.encode())

    def unplug(self, ttys: Iterable[str]) -> None:
        """Take a device away with its ttys, children first; udev tells of each."""
        usb = ""
        for tty in ttys:
            port = tty.rsplit("/tty/", 1)[0]
            interface = port.rsplit("/", 1)[0]
            usb = interface.rsplit("/", 1)[0]
            self.uevent(tty, "remove")
            for path in (tty, port, interface):
                self._remove(path)
        self._remove(usb)

    def modem_side(self, name: str) -> int:
        """The other end of a tty."""
        found: int = self._library.umockdev_testbed_get_dev_fd(
            self._testbed, f"/dev/{name}".encode()
        )
        return found

    def _remove(self, path: str) -> None:
        self._library.umockdev_testbed_remove_device(self._testbed, path.encode())

    def _add(self, text: str) -> None:
        assert self._library.umockdev_testbed_add_from_string(self._testbed, text.encode(), None)


def _root_hub(bus: int, controller: str) -> str:
    return (
        f"P: /devices/pci0000:00/0000:00:14.0/usb{bus}\nN: bus/usb/{bus:03}/001\n"
        "E: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\n"
        f"A: serial={controller}\\n\nA: idVendor=1d6b\\n\nA: idProduct=0002\\n\n"
        f"A: busnum={bus}\\n\nA: devnum=1\\n\nA: devpath=0\\n\nA: bNumInterfaces= 1\\n\n\n"
    )
