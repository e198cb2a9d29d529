"""Cases of a machine with USB modems, real udev news and ttys; each runs in its own process.

Run by test_usb_modems.py: python -m tests.daemon.usb_cases NAME DIRECTORY
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from pulsarack.daemon import log as logging
from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.config import Config, PortSection, UsbSection
from pulsarack.daemon.ports import SerialPorts
from pulsarack.modems.errors import ForeignDevice, ModemSilent, PortMissing
from pulsarack.modems.udev import Udev
from tests.daemon.world import World, rack_plan
from tests.umockdev import Testbed

HUAWEI, EC25, FT4232H, ARDUINO = "12d1:1001", "2c7c:0125", "0403:6011", "2341:0043"
SLOT = "usb-0000:00:14.0-"


class Machine:
    """A testbed, and our ears at its udev."""

    def __init__(
        self, directory: Path, settings: Config | None = None, *, udev_runs: bool = True
    ) -> None:
        self.bed = Testbed()
        socket = directory / "udev.sock"
        if udev_runs:
            socket.touch()
        self.udev = Udev(socket)
        settings = settings or Config()
        state = settings.daemon.model_copy(update={"state_dir": directory})
        self.ports = SerialPorts(
            settings.model_copy(update={"daemon": state}), WallClock(), logging.get(), self.udev
        )
        self.ports.start()

    async def news(self) -> list[str]:
        """The slots after udev has told something."""
        async with asyncio.timeout(10):
            await self.ports.wait(WallClock(), 3600.0)
        return sorted(self.ports.look())

    def answer(self, name: str, reply: Callable[[bytes], bytes]) -> None:
        """Let somebody sit at the other end of a tty."""
        number = self.bed.modem_side(name)
        fcntl.fcntl(number, fcntl.F_SETFL, os.O_NONBLOCK | fcntl.fcntl(number, fcntl.F_GETFL))

        def look() -> None:
            # Until the tty is opened there is nothing, or nobody (EAGAIN, EIO).
            with contextlib.suppress(OSError):
                if data := os.read(number, 4096):
                    os.write(number, reply(data))
            asyncio.get_running_loop().call_later(0.005, look)

        look()


def at(data: bytes) -> bytes:
    """A modem, in short: it echoes, tells its model, and is content with the rest."""
    said = b"".join(
        b"\r\nE1550\r\n\r\nOK\r\n" if b"CGMM" in line else b"\r\nOK\r\n"
        for line in data.split(b"\r")
        if line.startswith(b"AT")
    )
    return data + said


def nothing(data: bytes) -> bytes:
    return b""


def gps(data: bytes) -> bytes:
    return b"$GPGGA,120000,0610.0,S,10649.0,E,1,08,0.9,8.0,M,0.0,M,,*4A\r\n"


def echo(data: bytes) -> bytes:
    return data


async def two_sticks_of_one_model(directory: Path) -> None:
    machine = Machine(directory)
    machine.bed.plug("2.1", HUAWEI, [(0, "ttyUSB0"), (2, "ttyUSB1")], address=5)
    machine.bed.plug("2.2", HUAWEI, [(0, "ttyUSB2"), (2, "ttyUSB3")], address=6)
    assert await machine.news() == [f"{SLOT}2.1", f"{SLOT}2.2"]
    place = machine.ports.place(f"{SLOT}2.2")
    assert place is not None
    assert [tty.node for tty in place.ttys] == ["/dev/ttyUSB2", "/dev/ttyUSB3"]
    assert (place.kernel_name, place.bus, place.address) == ("1-2.2", 1, 6)
    assert place.model == HUAWEI
    machine.bed.plug("2.3", "12d1:1446", [], address=7)
    assert machine.udev.models()["1-2.3"] == "12d1:1446", "a CD-ROM still, without ttys"


async def a_stick_comes_back_under_another_name(directory: Path) -> None:
    machine = Machine(directory)
    ttys = machine.bed.plug("2.1", HUAWEI, [(0, "ttyUSB0"), (2, "ttyUSB1")], address=5)
    await machine.news()
    before = machine.ports.look()
    machine.bed.unplug(ttys)
    assert await machine.news() == []
    with pytest.raises(PortMissing):
        await machine.ports.open(f"{SLOT}2.1")
    machine.bed.plug("2.1", HUAWEI, [(0, "ttyUSB7"), (2, "ttyUSB8")], address=6)
    assert await machine.news() == [f"{SLOT}2.1"]
    assert machine.ports.look() != before, "the rack sees that it is another enumeration"


async def a_card_of_four_ports_is_four_slots(directory: Path) -> None:
    machine = Machine(directory)
    names = [(number, f"ttyUSB{number}") for number in range(4)]
    machine.bed.plug("3", FT4232H, names, address=5, driver="ftdi_sio")
    assert await machine.news() == [f"{SLOT}3-if0{number}" for number in range(4)]
    for number in range(4):
        place = machine.ports.place(f"{SLOT}3-if0{number}")
        assert place is not None and place.bridge
        assert [tty.node for tty in place.ttys] == [f"/dev/ttyUSB{number}"]


async def a_rack_of_sixty_four(directory: Path) -> None:
    machine = Machine(directory)
    for number in range(64):
        ports = f"{number // 8 + 1}.{number % 8 + 1}"
        names = [(0, f"ttyUSB{2 * number}"), (2, f"ttyUSB{2 * number + 1}")]
        machine.bed.plug(ports, HUAWEI, names, address=number + 2)
        await asyncio.sleep(0.002)
    async with asyncio.timeout(10):
        while len(machine.ports.look()) < 64:
            await machine.news()


async def lost_news_are_made_up_for(directory: Path) -> None:
    """The kernel dropped what we did not read in time: everything is looked at anew."""
    machine = Machine(directory)
    monitor = machine.udev._monitor
    assert monitor is not None

    class Overflown:
        def fileno(self) -> int:
            number: int = monitor.fileno()
            return number

        def poll(self, timeout: float) -> None:
            while monitor.poll(timeout=0) is not None:
                pass
            raise OSError(errno.ENOBUFS, "No buffer space available")

    machine.udev._monitor = Overflown()
    machine.bed.plug("2.1", HUAWEI, [(0, "ttyUSB0"), (2, "ttyUSB1")], address=5)
    assert await machine.news() == [f"{SLOT}2.1"]
    assert (machine.udev.overflows, machine.udev.listening) == (1, True)
    machine.bed.plug("2.2", HUAWEI, [(0, "ttyUSB2"), (2, "ttyUSB3")], address=6)
    assert await machine.news() == [f"{SLOT}2.1", f"{SLOT}2.2"], "and it goes on hearing"


async def the_at_port_is_found_and_learnt(directory: Path) -> None:
    """A model that no table knows: a silent port, a GPS receiver, and the one for AT."""
    machine = Machine(directory)
    names = [(0, "ttyUSB0"), (1, "ttyUSB1"), (2, "ttyUSB2")]
    ttys = machine.bed.plug("2.1", "1c9e:9605", names, address=5)
    machine.answer("ttyUSB0", nothing)
    machine.answer("ttyUSB1", gps)
    machine.answer("ttyUSB2", at)
    (slot,) = await machine.news()
    port: Any = await machine.ports.open(slot)
    gone = asyncio.get_running_loop().create_future()
    port.on_gone = gone.set_result
    heard = bytearray()
    port.on_bytes = heard.extend
    port.write(b"AT\r")
    async with asyncio.timeout(5):
        while b"OK" not in heard:
            await asyncio.sleep(0.01)
    assert (directory / "at_ports.toml").read_text() == '"1c9e:9605" = 2\n'
    port.close()
    machine.bed.unplug(ttys)
    assert await machine.news() == []


async def a_modem_that_hangs_is_opened_all_the_same(directory: Path) -> None:
    """It answered since it was plugged in: a restart can only be written to its open port."""
    machine = Machine(directory)
    machine.bed.plug("2.1", HUAWEI, [(0, "ttyUSB0"), (2, "ttyUSB1")], address=5)
    hangs, heard = False, bytearray()

    def answer(data: bytes) -> bytes:
        heard.extend(data)
        return b"" if hangs else at(data)

    machine.answer("ttyUSB0", nothing)
    machine.answer("ttyUSB1", answer)
    (slot,) = await machine.news()
    port = await machine.ports.open(slot)
    port.close()
    hangs = True
    await asyncio.sleep(0.1)
    port = await machine.ports.open(slot)
    port.write(b"AT+CFUN=1,1\r")
    async with asyncio.timeout(5):
        while b"CFUN" not in heard:
            await asyncio.sleep(0.01)
    port.close()


async def what_is_no_modem_is_named_and_left(directory: Path) -> None:
    machine = Machine(directory)
    for ports, name, talk in (
        ("4", "ttyACM1", gps),
        ("5", "ttyACM2", echo),
        ("6", "ttyACM3", nothing),
    ):
        number = int(ports)
        machine.bed.plug(ports, "1c9e:9605", [(0, name)], address=number, driver="cdc_acm")
        machine.answer(name, talk)
    machine.bed.plug("7", ARDUINO, [(0, "ttyACM4")], address=7, driver="cdc_acm")
    assert await machine.news() == [f"{SLOT}4", f"{SLOT}5", f"{SLOT}6"], "no slot for an Arduino"

    async def told(slot: str, error: type[Exception]) -> str:
        with pytest.raises(error) as caught:
            await machine.ports.open(slot)
        return str(caught.value)

    texts = await asyncio.gather(
        told(f"{SLOT}4", ForeignDevice),
        told(f"{SLOT}5", ForeignDevice),
        told(f"{SLOT}6", ModemSilent),
    )
    assert "GPS receiver" in texts[0] and "repeats" in texts[1] and "no answer" in texts[2]
    began = asyncio.get_running_loop().time()
    assert "GPS receiver" in await told(f"{SLOT}4", ForeignDevice)
    assert asyncio.get_running_loop().time() - began < 0.5, "it is not opened a second time"


async def only_what_is_wanted_is_taken(directory: Path) -> None:
    settings = Config(usb=UsbSection(only=(f"{SLOT}2.*", ARDUINO), never=(f"{SLOT}2.2",)))
    machine = Machine(directory, settings)
    for number, (ports, model) in enumerate(
        (("2.1", HUAWEI), ("2.2", HUAWEI), ("3", HUAWEI), ("4", ARDUINO)), start=5
    ):
        machine.bed.plug(ports, model, [(0, f"ttyUSB{number}")], address=number)
    assert await machine.news() == [f"{SLOT}2.1", f"{SLOT}4"]


async def ports_of_one_stick_that_a_glob_names_are_one_slot(directory: Path) -> None:
    """As in configurations of old, where every tty is named, two of them one stick's."""
    settings = Config(
        port=(PortSection(path="/dev/ttyUSB[01589]"), PortSection(path="/dev/ttyUSB6")),
        usb=UsbSection(modems=True),
    )
    machine = Machine(directory, settings)
    bed = machine.bed
    bed.plug("2.1", EC25, [(2, "ttyUSB0"), (3, "ttyUSB1")], address=5)
    bed.plug("2.2", "1c9e:9605", [(2, "ttyUSB2")], address=6)
    bed.plug("2.3", HUAWEI, [(0, "ttyUSB5"), (2, "ttyUSB6")], address=7)
    bed.plug("2.4", FT4232H, [(0, "ttyUSB8"), (1, "ttyUSB9")], address=8, driver="ftdi_sio")
    machine.answer("ttyUSB0", at)
    assert await machine.news() == [
        "/dev/ttyUSB0",  # both ttys of the EC25
        "/dev/ttyUSB6",  # the Huawei, by the tty that was named
        "/dev/ttyUSB8",
        "/dev/ttyUSB9",  # ports of a cable are slots of their own
        f"{SLOT}2.2",  # nobody named it
    ]
    place = machine.ports.place("/dev/ttyUSB0")
    assert place is not None and place.key == f"{SLOT}2.1"
    port = await machine.ports.open("/dev/ttyUSB0")
    port.close()


async def where_no_udev_runs_names_are_looked_at(directory: Path) -> None:
    """As in a container: nobody tells, so a look every while finds out."""
    machine = Machine(directory, udev_runs=False)
    assert not machine.udev.listening and machine.ports.look() == {}
    ttys = machine.bed.plug("2.1", HUAWEI, [(0, "ttyUSB0"), (2, "ttyUSB1")], address=5)
    await machine.ports.wait(WallClock(), 0.01)
    assert sorted(machine.ports.look()) == [f"{SLOT}2.1"]
    enumerate_again = mock.Mock()
    with mock.patch.object(machine.udev, "enumerate", enumerate_again):
        machine.ports.look()
    assert not enumerate_again.called, "only if a name changed"
    machine.bed.unplug(ttys)
    assert machine.ports.look() == {}


async def nonsense_makes_no_slot(directory: Path) -> None:
    machine = Machine(directory)
    machine.bed.plug("2.1", "zz:1", [(0, "ttyUSB0")], address=5)
    machine.bed.plug("2.2", HUAWEI, [(0, "ttyUSB1")], address=6, protocol="x" * 5000)
    assert await machine.news() == [f"{SLOT}2.2"]


def connect(machine: Machine, modem: Any, name: str) -> None:
    """Put a simulated modem to the other end of a tty, and switch it on."""
    number = machine.bed.modem_side(name)

    def write(data: bytes) -> None:
        with contextlib.suppress(OSError):  # nobody is there, or there no more
            os.write(number, data)

    def hear(data: bytes) -> bytes:
        modem.feed(data)
        return b""

    modem.attach(write)
    machine.answer(name, hear)
    modem.power_on()


async def a_chip_goes_on_where_its_modem_was_put(directory: Path) -> None:
    """From udev's news to the books, all of the product, in real time."""
    machine = Machine(directory)
    world = World(directory, rack_plan(("simcom-sim800", "telkomsel")))
    (modem,) = world.simulation.modems
    modem.dialect = replace(modem.dialect, busy_seconds=0.1, registers_after=0.2)
    ports: Any = machine.ports
    ports.drop = lambda: None  # what the ports of other worlds do when the daemon dies
    world.ports = ports
    names = [(number, f"ttyUSB{number}") for number in range(4)]
    ttys = machine.bed.plug("2.1", "1e0e:9001", names, address=5)
    connect(machine, modem, "ttyUSB2")
    await world.set_up()

    async def works_in(slot: str) -> None:
        async with asyncio.timeout(45):
            while True:
                (chip,) = (await world.call("chip.list"))["chips"]
                if (chip["slot"], chip["doing"]) == (slot, "idle"):
                    return
                await asyncio.sleep(0.05)

    await works_in(f"{SLOT}2.1")
    machine.bed.unplug(ttys)
    names = [(number, f"ttyUSB{number + 10}") for number in range(4)]
    machine.bed.plug("3.4", "1e0e:9001", names, address=6)
    connect(machine, modem, "ttyUSB12")
    await works_in(f"{SLOT}3.4")
    assert world.findings() == []
    await world.stop()


CASES: dict[str, Callable[[Path], Awaitable[None]]] = {
    case.__name__: case
    for case in (
        two_sticks_of_one_model,
        a_stick_comes_back_under_another_name,
        a_card_of_four_ports_is_four_slots,
        a_rack_of_sixty_four,
        lost_news_are_made_up_for,
        the_at_port_is_found_and_learnt,
        a_modem_that_hangs_is_opened_all_the_same,
        what_is_no_modem_is_named_and_left,
        only_what_is_wanted_is_taken,
        ports_of_one_stick_that_a_glob_names_are_one_slot,
        a_chip_goes_on_where_its_modem_was_put,
        where_no_udev_runs_names_are_looked_at,
        nonsense_makes_no_slot,
    )
}


async def main(name: str, directory: Path) -> None:
    # umockdev passes ioctl(2) on to a tty only where it knows it: not TIOCEXCL, and not FIONBIO,
    # which changes nothing on a tty that was opened so.
    port = "pulsarack.modems.port"
    with mock.patch(f"{port}.fcntl.ioctl"), mock.patch(f"{port}.os.set_blocking"):
        await CASES[name](directory)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
