"""A machine for the doctor, made of a few small files: what it has of /proc, /sys and /etc."""

from collections.abc import Sequence
from pathlib import Path

from pulsarack.daemon.doctor_facts import Machine


def silent(command: Sequence[str]) -> str | None:
    """No program answers."""
    return None


NOWHERE = Machine(root=Path("/nonexistent"), ask=silent)
"""A machine that shows nothing: each check has to say that it could not look."""


class Tree:
    """Files below a root, and what programs answer."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.answers: dict[str, str] = {}
        self.caller = 0
        root.mkdir(exist_ok=True)

    @property
    def machine(self) -> Machine:
        """The machine as it is by now."""
        return Machine(self.root, self.caller, frozenset(), self._ask)

    def file(self, path: str, text: str = "") -> Path:
        """A file with its folders."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        return place

    def folder(self, path: str) -> Path:
        """A folder."""
        place = self.root / path.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        return place

    def link(self, path: str, target: str) -> None:
        """A symbolic link, wherever it leads."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    def process(self, pid: int, name: str, *opened: str) -> None:
        """A process and what it has open."""
        self.file(f"/proc/{pid}/comm", f"{name}\n")
        self.folder(f"/proc/{pid}/fd")
        for number, path in enumerate(opened, start=3):
            self.link(f"/proc/{pid}/fd/{number}", path)

    def usb(self, name: str, **facts: object) -> None:
        """A USB device, by its name in sysfs; `endpoints` of one interface."""
        folder = f"/sys/bus/usb/devices/{name}"
        endpoints = facts.pop("endpoints", 1)
        device = name.replace("usb", "") + "-0" if name.startswith("usb") else name
        self.file(f"/sys/bus/usb/devices/{device}:1.0/bNumEndpoints", f"{endpoints:02x}\n")
        for key, value in {"bDeviceClass": "00", "bMaxPower": "500mA", **facts}.items():
            self.file(f"{folder}/{key}", f"{value}\n")

    def _ask(self, command: Sequence[str]) -> str | None:
        return next((said for words, said in self.answers.items() if words in command), None)
