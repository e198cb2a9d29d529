"""Resets on this machine: a thread for the USB, a program for the hub; neither is trusted."""

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from pulsarack.daemon import resets
from pulsarack.daemon.resets import RealResets
from pulsarack.modems.errors import HubPowerFailed, UsbResetFailed
from pulsarack.modems.usb_reset import UsbSeat


@dataclass(frozen=True)
class Seat:
    key: str = "usb-0000:00:14.0-2.1"
    kernel_name: str = "1-2.1"
    bus: int = 1
    address: int = 2
    bridge: bool = False
    model: str = "12d1:1001"


async def test_a_reset_runs_beside_the_loop() -> None:
    names: list[str] = []
    await RealResets(lambda seat: names.append(threading.current_thread().name)).usb(Seat())
    assert names == ["usb-reset"]


async def test_what_a_reset_raises_is_told() -> None:
    def fail(seat: UsbSeat) -> None:
        raise UsbResetFailed(seat.kernel_name, "permission denied", "udev")

    def break_down(seat: UsbSeat) -> None:
        raise RuntimeError("libusb is a stranger")

    with pytest.raises(UsbResetFailed, match="permission denied"):
        await RealResets(fail).usb(Seat())
    with pytest.raises(UsbResetFailed, match="a stranger"):
        await RealResets(break_down).usb(Seat())


async def test_a_reset_that_hangs_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = threading.Event()
    started: list[str] = []

    def hang(seat: UsbSeat) -> None:
        started.append(seat.kernel_name)
        driver.wait()

    monkeypatch.setattr(resets, "USB_SECONDS", 0.01)
    real = RealResets(hang)
    with pytest.raises(UsbResetFailed, match="did not end"):
        await real.usb(Seat())
    with pytest.raises(UsbResetFailed, match="hangs in the kernel"):
        await real.usb(Seat())
    assert started == ["1-2.1"]
    driver.set()
    while real._hanging:
        await asyncio.sleep(0)


# --- uhubctl --------------------------------------------------------------------------------

SCRIPT = """#!/bin/sh
echo "$@" >> "{log}"
{body}
"""
SAYS = """cat <<END
Current status for hub 1-2 [05e3:0608 USB2.0 Hub, USB 2.00, 4 ports, {kind}]
  Port 1: 0503 power highspeed enable connect [12d1:1001 HUAWEI Mobile]
END"""


class Hub:
    """A uhubctl of our own, first on the path."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._program, self._log = folder / "uhubctl", folder / "asked"
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def does(self, body: str) -> None:
        self._program.write_text(SCRIPT.format(log=self._log, body=body))
        self._program.chmod(0o755)

    @property
    def asked(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    return Hub(tmp_path, monkeypatch)


async def test_only_the_port_of_the_modem_is_switched(hub: Hub) -> None:
    hub.does(SAYS.format(kind="ppps"))
    assert RealResets().can_power()
    await RealResets().power(Seat())
    assert hub.asked == ["-l 1-2 -p 1", "-l 1-2 -p 1 -a cycle -d 5"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (SAYS.format(kind="ganged"), "does not switch port 1 by itself"),
        (SAYS.format(kind="ppps").replace("hub 1-2", "hub 1-3"), "does not switch"),
        ("echo No compatible devices detected!; exit 1", "does not switch"),
        ("exit 1", "does not switch"),
        ("head -c 3000000 /dev/zero", "does not switch"),
        ("kill -9 $$", "does not switch"),
        (f'case "$*" in *cycle*) exit 3;; esac\n{SAYS.format(kind="ppps")}', "ended with 3"),
    ],
)
async def test_a_hub_that_cannot_is_left_alone(hub: Hub, body: str, said: str) -> None:
    hub.does(body)
    with pytest.raises(HubPowerFailed, match=said):
        await RealResets().power(Seat())
    assert len(hub.asked) == (2 if "cycle" in body else 1)


async def test_a_uhubctl_that_hangs_is_ended(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resets, "UHUBCTL_SECONDS", 0.2)
    hub.does("exec sleep 600")
    with pytest.raises(HubPowerFailed, match="did not end"):
        await RealResets().power(Seat())


async def test_what_is_no_place_on_a_hub_is_not_asked_about(hub: Hub) -> None:
    hub.does("exit 0")
    with pytest.raises(HubPowerFailed, match="no place on a hub"):
        await RealResets().power(Seat(kernel_name="usb1"))
    assert hub.asked == []


async def test_without_uhubctl_there_is_no_power(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not RealResets().can_power()
    with pytest.raises(HubPowerFailed, match="does not start"):
        await RealResets().power(Seat())
