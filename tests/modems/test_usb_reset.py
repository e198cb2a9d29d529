"""USB resets through pyusb on a bus in memory; what uhubctl says, and does not say."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems import uhubctl
from pulsarack.modems.errors import UsbResetFailed
from pulsarack.modems.uhubctl import HubPort, hub_port, switchable
from pulsarack.modems.usb_reset import is_shared, reset
from tests.modems.usb_bus import Device, FakeBus


@dataclass(frozen=True)
class Seat:
    key: str = "usb-0000:00:14.0-2.1"
    kernel_name: str = "1-2.1"
    bus: int = 1
    address: int = 2
    bridge: bool = False
    model: str = "12d1:1001"


def test_only_the_device_of_the_seat_is_reset() -> None:
    twin = Device(0x12D1, 0x1001, address=3, ports=(2, 2))
    ours = Device(0x12D1, 0x1001)
    bus = FakeBus(twin, ours)
    reset(Seat(), bus)
    assert (ours.resets, twin.resets) == (1, 0)
    assert bus.open == []


@pytest.mark.parametrize(
    ("device", "said"),
    [
        (Device(0x12D1, 0x1001, address=9), "not there any more"),
        (Device(0x12D1, 0x1446), "not there any more"),  # switched back to a CD-ROM meanwhile
        (Device(0x12D1, 0x1001, ports=(2, 4)), "not there any more"),  # got the address since
        (Device(0x12D1, 0x1001, errors=[19]), "left meanwhile"),
        (Device(0x12D1, 0x1001, errors=[13]), "permission denied"),
        (Device(0x12D1, 0x1001, errors=[5]), "no"),
    ],
)
def test_what_cannot_be_reset_is_told(device: Device, said: str) -> None:
    bus = FakeBus(device)
    with pytest.raises(UsbResetFailed, match=said):
        reset(Seat(), bus)
    assert device.resets == 0
    assert bus.open == []


def test_a_bus_that_does_not_tell_its_ports_is_believed() -> None:
    device = Device(0x12D1, 0x1001, ports=())
    reset(Seat(), FakeBus(device))
    assert device.resets == 1


@pytest.mark.parametrize(
    ("bridge", "key", "shared"),
    [
        (False, "usb-0000:00:14.0-2.1", False),
        (True, "usb-0000:00:14.0-2.1", False),
        (True, "usb-0000:00:14.0-2.1-if03", True),
        (True, "usb-0000:00:14.0-2.1-port2", True),
    ],
)
def test_a_card_with_several_modems_is_shared(
    tmp_path: Path, bridge: bool, key: str, shared: bool
) -> None:
    assert is_shared(Seat(bridge=bridge, key=key), tmp_path) is shared


@pytest.mark.parametrize(("ttys", "shared"), [(0, False), (1, False), (2, True), (4, True)])
def test_the_ttys_of_a_card_are_counted(tmp_path: Path, ttys: int, shared: bool) -> None:
    interface = tmp_path / "bus" / "usb" / "devices" / "1-2.1" / "1-2.1:1.0"
    interface.mkdir(parents=True)
    for number in range(ttys):
        (interface / f"ttyUSB{number}").mkdir()
    assert is_shared(Seat(bridge=True), tmp_path) is shared
    assert not is_shared(Seat(bridge=False), tmp_path)


# --- uhubctl --------------------------------------------------------------------------------

SAID = """\
Current status for hub 1-2 [05e3:0608 USB2.0 Hub, USB 2.00, 4 ports, ppps]
  Port 1: 0503 power highspeed enable connect [12d1:1001 HUAWEI Mobile]
  Port 2: 0100 power
"""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("1-2.1", HubPort("1-2", 1)),
        ("3-1.4.2", HubPort("3-1.4", 2)),
        ("1-2", HubPort("1", 2)),
        ("usb1", None),
        ("1-2:1.0", None),
        ("1-2.1; reboot", None),
        ("-a", None),
        ("", None),
    ],
)
def test_where_a_device_hangs(name: str, found: HubPort | None) -> None:
    assert hub_port(name) == found


@pytest.mark.parametrize(
    ("said", "port", "can"),
    [
        (SAID, HubPort("1-2", 1), True),
        (SAID, HubPort("1-2", 3), False),
        (SAID, HubPort("1-2.1", 1), False),
        (SAID, HubPort("1", 2), False),
        (SAID.replace("ppps", "ganged"), HubPort("1-2", 1), False),
        (SAID.replace("ppps", "nops"), HubPort("1-2", 1), False),
        (SAID.replace(", ppps", ""), HubPort("1-2", 1), False),
        (SAID.replace("hub 1-2", "hub 1-3") + SAID, HubPort("1-2", 2), True),
        (SAID + SAID.replace("1-2", "1-3").replace("ppps", "nops"), HubPort("1-3", 1), False),
        ("No compatible devices detected!\n", HubPort("1-2", 1), False),
        ("", HubPort("1-2", 1), False),
        ("Port 1: 0503 power\n" * 9, HubPort("1-2", 1), False),
    ],
)  # fmt: skip
def test_whether_a_hub_switches_one_port_alone(said: str, port: HubPort, can: bool) -> None:
    assert switchable(said, port) is can


@given(st.text(max_size=400), st.integers(0, len(SAID)))
def test_no_output_is_too_strange(noise: str, place: int) -> None:
    assert switchable(noise + SAID[:place] + noise, HubPort("1-2", 7)) in (True, False)
    assert uhubctl.hub_port(noise) is None or noise[0].isdigit()
