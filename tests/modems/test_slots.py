"""The names of places in the rack, and which tty of a modem takes AT commands."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems.at_ports import AtPorts, primary_ports
from pulsarack.modems.slots import TTYS_MOST, UsbPlace, UsbTtyFacts, gather, place_of

# One tty of a Huawei stick on port 1 of a hub on port 2, as sysfs shows it.
STICK = UsbTtyFacts(
    node="/dev/ttyUSB3",
    host="0000:00:14.0",
    ports="2.1",
    kernel_name="1-2.1",
    bus="1",
    address="7",
    vendor_id="12D1",
    product_id="1001",
    interfaces=" 3",
    interface="02",
    interface_class="ff",
    interface_subclass="02",
    interface_protocol="1",
    driver="option",
    port="0",
)
CABLE = replace(STICK, driver="ftdi_sio", vendor_id="0403", product_id="6011", interfaces=" 4")

KEYS = [
    (STICK, "usb-0000:00:14.0-2.1"),
    # The same place, whatever the tty, the bus and the enumeration are called.
    (replace(STICK, node="/dev/ttyUSB9", kernel_name="3-2.1", bus="3", address="90"),
     "usb-0000:00:14.0-2.1"),
    # The same place after the mode switch, and with another stick in it.
    (replace(STICK, vendor_id="19d2", product_id="0117"), "usb-0000:00:14.0-2.1"),
    (replace(STICK, ports="2.2", kernel_name="1-2.2"), "usb-0000:00:14.0-2.2"),
    (replace(STICK, host="0000:03:00.0"), "usb-0000:03:00.0-2.1"),
    (replace(STICK, host="3f980000.usb"), "usb-3f980000.usb-2.1"),
    (replace(STICK, host="vhci_hcd.0", ports="1", kernel_name="3-1"), "usb-vhci_hcd.0-1"),
    # A root hub that does not tell its controller.
    (replace(STICK, host=""), "usb-bus1-2.1"),
    (replace(STICK, host="../../etc"), "usb-bus1-2.1"),
    (CABLE, "usb-0000:00:14.0-2.1-if02"),
    (replace(CABLE, interface="0a"), "usb-0000:00:14.0-2.1-if0a"),
    # A cable of one port needs no number.
    (replace(CABLE, driver="pl2303", interfaces=" 1", interface="00"), "usb-0000:00:14.0-2.1"),
    (replace(CABLE, driver="ch341", interfaces="1", interface="00"), "usb-0000:00:14.0-2.1"),
    # Several ports on one interface.
    (replace(CABLE, driver="mos7840", interfaces=" 1", interface="00", port="3"),
     "usb-0000:00:14.0-2.1-port3"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "key"), KEYS)
def test_a_place_has_a_name(facts: UsbTtyFacts, key: str) -> None:
    place = place_of(facts)
    assert place is not None
    assert place.key == key


def test_what_is_known_of_a_place() -> None:
    place = place_of(STICK)
    assert place is not None
    assert (place.model, place.bus, place.address, place.bridge) == ("12d1:1001", 1, 7, False)
    (tty,) = place.ttys
    assert (tty.interface, tty.node, tty.interface_class) == (2, "/dev/ttyUSB3", "ff/02/01")


@pytest.mark.parametrize(
    "lie",
    [
        {"node": "/etc/passwd"},
        {"node": "/dev/" + "x" * 100},
        {"ports": ""},
        {"ports": "1-2"},
        {"ports": "1." * 20},
        {"kernel_name": "../x"},
        {"bus": ""},
        {"bus": "-1"},
        {"address": "9" * 50},
        {"vendor_id": "12d"},
        {"product_id": "12d1\n"},
        {"interfaces": "many"},
        {"interface": "123"},
        {"driver": "a/b"},
        {"port": "x"},
    ],
)
def test_a_device_that_talks_nonsense_has_no_place(lie: dict[str, str]) -> None:
    assert place_of(replace(STICK, **lie)) is None


_TEXT = st.text(max_size=30) | st.sampled_from(["1", "02", "ff", "2.1", "1-2.1", "12d1", "/dev/x"])


@given(st.builds(UsbTtyFacts, **dict.fromkeys(UsbTtyFacts.__slots__, _TEXT)))
def test_no_text_breaks_the_naming(facts: UsbTtyFacts) -> None:
    place = place_of(facts)
    assert place is None or len(place.key) < 200


def places(*facts: UsbTtyFacts) -> list[UsbPlace]:
    return [place for one in facts if (place := place_of(one)) is not None]


def stick(interface: int, node: int, **more: str) -> UsbTtyFacts:
    return replace(STICK, interface=f"{interface:02x}", node=f"/dev/ttyUSB{node}", **more)


def test_all_ttys_of_one_modem_are_one_slot() -> None:
    found = gather(places(stick(2, 0), stick(0, 5), stick(1, 3), stick(0, 9, ports="2.2")))
    assert list(found) == ["usb-0000:00:14.0-2.1", "usb-0000:00:14.0-2.2"]
    ttys = found["usb-0000:00:14.0-2.1"].ttys
    assert [(tty.interface, tty.node) for tty in ttys] == [
        (0, "/dev/ttyUSB5"),
        (1, "/dev/ttyUSB3"),
        (2, "/dev/ttyUSB0"),
    ]


def test_what_is_left_of_an_earlier_enumeration_counts_no_more() -> None:
    found = gather(
        places(stick(0, 0, address="7"), stick(2, 1, address="7"), stick(0, 4, address="8"))
    )
    (place,) = found.values()
    assert (place.address, [tty.node for tty in place.ttys]) == (8, ["/dev/ttyUSB4"])


def test_a_device_of_endless_ttys_has_but_some() -> None:
    (place,) = gather(places(*(stick(n, n) for n in range(3 * TTYS_MOST)))).values()
    assert len(place.ttys) == TTYS_MOST


# --- which tty --------------------------------------------------------------------------------


def modem(model: str, *interfaces: int | tuple[int, str], driver: str = "option") -> UsbPlace:
    """A modem with ttys on these interfaces, perhaps with their protocols."""
    vendor, product = model.split(":")
    facts = []
    for one in interfaces:
        number, protocol = one if isinstance(one, tuple) else (one, "ff/ff/ff")
        kind, sub, last = protocol.split("/")
        facts.append(
            stick(number, number, vendor_id=vendor, product_id=product, driver=driver,
                  interface_class=kind, interface_subclass=sub, interface_protocol=last)
        )  # fmt: skip
    (place,) = gather(places(*facts)).values()
    return place


def order(table: AtPorts, place: UsbPlace) -> list[int]:
    return [tty.interface for tty in table.candidates(place)]


CHOICES = [
    (modem("12d1:1001", 0, 1, 2), [2, 0, 1]),
    (modem("12d1:140c", 0, 2, 3), [3, 2, 0]),
    # A Huawei that the table does not name: its interfaces tell.
    (modem("12d1:1573", (0, "ff/02/03"), (1, "ff/02/01"), (2, "ff/02/02")), [2, 1]),
    (modem("12d1:1573", (0, "ff/03/12"), (1, "ff/03/13")), [0]),
    (modem("19d2:0117", 0, 1, 2), [2, 1, 0]),
    (modem("19d2:0031", 0, 1, 3), [3, 1, 0]),
    (modem("2c7c:0125", 0, 1, 2, 3), [2, 3]),
    (modem("1e0e:9001", 0, 1, 2, 3, 4), [2, 3]),
    (modem("1199:68c0", 0, 2, 3), [3]),
    (modem("1bc7:1004", 0, 2, 3), [0, 3]),
    (modem("1e2d:0061", 0, 2, 4), [2, 0]),
    # Nobody knows it.
    (modem("1c9e:9605", 2, 0, 1), [0, 1, 2]),
    # A known model that lacks the interface it should have.
    (modem("19d2:0001", 1, 3), [1, 3]),
]


@pytest.mark.parametrize(("place", "expected"), CHOICES)
def test_the_table_says_which_tty_is_worth_a_try(place: UsbPlace, expected: list[int]) -> None:
    assert order(AtPorts.load(), place) == expected


def test_what_was_learnt_is_tried_first_from_then_on() -> None:
    table = AtPorts.load()
    place = modem("19d2:0117", 0, 1, 2)
    zero = place.ttys[0]
    assert table.learn(place, zero) is True
    assert table.learn(place, zero) is False, "that is no news"
    assert order(table, place) == [0, 2, 1]
    again = AtPorts.load()
    again.read_text(table.as_text())
    assert order(again, place) == [0, 2, 1]


def test_nothing_is_learnt_of_a_cable() -> None:
    """The numbers of a cable say nothing of the modem behind it."""
    table = AtPorts.load()
    place = modem("0403:6001", 0, driver="ftdi_sio")
    assert place.bridge
    assert table.learn(place, place.ttys[0]) is False
    assert order(table, place) == [0]


@given(st.text())
def test_a_spoilt_memory_is_passed_over(text: str) -> None:
    table = AtPorts.load()
    table.read_text(text + '\n"12d1:1001" = 1\n')
    assert order(table, modem("12d1:1001", 0, 1, 2))[0] == 1


def test_what_is_known_to_be_no_modem_is_named() -> None:
    table = AtPorts.load()
    assert table.foreign(modem("2341:0043", 0, driver="cdc_acm")) == "an Arduino"
    assert table.foreign(modem("1546:01a7", 0, driver="cdc_acm")) == "a u-blox GPS receiver"
    assert table.foreign(modem("1546:1102", 0, driver="cdc_acm")) == "", "u-blox makes modems too"
    assert table.foreign(modem("ffff:0001", (0, "07/01/02"))) == "a printer"
    assert table.foreign(modem("12d1:1001", 0)) == ""
    assert table.foreign(modem("2341:0043", 0, driver="ftdi_sio")) == "", "who knows what is behind"


def test_the_table_is_sound() -> None:
    table = AtPorts.load()
    assert dict(primary_ports(table))["2c7c:0125"] == 2
    for model, device in table.devices.items():
        assert not set(device.at) & set(device.never), model
        assert not set(device.protocols) & set(device.never_protocols), model
