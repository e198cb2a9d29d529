"""Ports where no sound modem is: each is named, bounded, left in peace, and in nobody's way.

A rack of one sound modem and one bad port lives for hours of virtual time; the sound one
sells as if it were alone.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.slot import Slot
from pulsarack.modems import errors
from pulsarack.modems.remedies import STRONG
from pulsarack.modems.simulator import modem as simulated
from pulsarack.modems.simulator.world import World as Simulation
from pulsarack.modems.usb_reset import UsbSeat
from pulsarack.modems.watch import PortKey
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.virtual_loop import VirtualLoop
from tests.daemon.world import MemoryPort, MemoryPorts, World, rack_plan

BAD = "/rack/bad"
BUFFERED_MAX = 300 * 1024
URCS = b"\r\n^RSSI: 14\r\n\r\n+CREG: 1\r\n\r\n+ZUSIMR:2\r\n" * 90


@dataclass(frozen=True)
class Seat:
    key: str = "usb-0000:00:14.0-2.9"
    kernel_name: str = "1-2.9"
    bus: int = 1
    address: int = 9
    bridge: bool = False
    model: str = "1546:01a7"


class Device:
    """Whatever is at the other end: talks every tenth of a second, answers each write."""

    def __init__(self, talk: bytes, answer: Callable[[bytes], bytes]) -> None:
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self._talk, self._answer = talk, answer
        self._open = True
        if talk:
            asyncio.get_running_loop().call_later(0.1, self._say)

    def write(self, data: bytes) -> None:
        if said := self._answer(data):
            asyncio.get_running_loop().call_soon(self._deliver, said)

    def close(self) -> None:
        self._open = False

    def _say(self) -> None:
        self._deliver(self._talk)
        if self._open:
            asyncio.get_running_loop().call_later(0.1, self._say)

    def _deliver(self, data: bytes) -> None:
        if self._open:
            self.on_bytes(data)


class WithBadPort(MemoryPorts):
    """A rack with one more port; opening it gives a device or raises."""

    def __init__(self, simulation: Simulation, bad: "Callable[[], Any] | None") -> None:
        super().__init__(simulation)
        self._bad = bad
        self.opened = 0

    def look(self) -> dict[str, PortKey]:
        bad = {} if self._bad is None else {BAD: PortKey(BAD, 9, 9)}
        return super().look() | bad

    async def open(self, path: str) -> Any:
        if path != BAD or self._bad is None:
            return await super().open(path)
        self.opened += 1
        found = self._bad()
        if isinstance(found, Exception):
            raise found
        return found


class NoResets:
    """Resets that must not happen."""

    def can_power(self) -> bool:
        return True

    async def usb(self, seat: UsbSeat) -> None:
        raise AssertionError("a stranger was reset")

    async def power(self, seat: UsbSeat) -> None:
        raise AssertionError("a stranger was switched off")


def nothing(data: bytes) -> bytes:
    return b""


def ok_to_all(data: bytes) -> bytes:
    return b"\r\nOK\r\n"


def liar(data: bytes) -> bytes:
    """Says it is what it is not: a Huawei, with a card that is none, and OK to everything."""
    said = {
        b"AT+CGMI\r": b"huawei", b"AT+CGMM\r": b"E1550\x00\x1b[2J" * 30, b"AT+CGSN\r": b"0" * 400,
        b"AT^ICCID?\r": b"^ICCID: not a number", b"AT+CREG?\r": b"+CREG: 9,77",
        b"AT+CSQ\r": b"+CSQ: 900,900", b"AT+CPIN?\r": b"+CPIN: READY",
    }.get(data)  # fmt: skip
    return (b"" if said is None else b"\r\n" + said + b"\r\n") + b"\r\nOK\r\n"


def error_to_all(data: bytes) -> bytes:
    return b"\r\nERROR\r\n"


GPS = b"$GPGGA,071458.00,0610.00,S,10649.00,E,1,08,1.0,8.0,M,0,M,,*5B\r\n$GPRMC,,V*30\r\n"

# What it is, what opening it gives, what is said about it.
BAD_PORTS: list[tuple[str, Callable[[], Any], str]] = [
    ("no permission", lambda: errors.PortDenied(BAD), "permission denied; add the daemon's user"),
    ("in use", lambda: errors.PortBusy(BAD, "minicom (pid 7)"), "in use by minicom (pid 7)"),
    ("no tty", lambda: errors.NotATty(BAD), "not a serial port"),
    ("a driver that hangs", lambda: errors.PortStuck(BAD, 10.0), "not opened within 10 s"),
    ("never answers", lambda: Device(b"", nothing), "no answer to AT within"),
    ("a GPS receiver", lambda: Device(GPS, nothing), "does not speak AT"),
    ("a printer", lambda: Device(b"", lambda data: b"\x13" if data else b""), "does not speak AT"),
    ("an Arduino", lambda: Device(b"temp=21.5\r\n", nothing), "does not speak AT"),
    ("an echo", lambda: Device(b"", lambda data: data), "does not speak AT"),
    ("garbage for ever", lambda: Device(bytes(range(256)) * 8, lambda d: d * 9), "not speak AT"),
    ("lines without end", lambda: Device(b"x" * 4000, nothing), "does not speak AT"),
    ("prompts for ever", lambda: Device(b"\r\n> ", lambda data: b"\r\n> "), "does not speak AT"),
    ("OK to all", lambda: Device(b"", ok_to_all), "no usable SIM card"),
    ("ERROR to all", lambda: Device(b"", error_to_all), ""),
    ("a liar", lambda: Device(b"", liar), "no usable SIM card"),
    # What a storm of this size does to a sound modem is a test of its own, below.
    ("a liar that storms", lambda: Device(URCS[: len(URCS) // 15], liar), ""),
]


def live(directory: Path, bad: Callable[[], Any] | None, story: Callable[[World], Any]) -> None:
    async def lived() -> None:
        world = World(directory, rack_plan(("wavecom", "telkomsel")))
        world.ports = WithBadPort(world.simulation, bad)
        world.ports.places[BAD] = Seat()
        world.resets = NoResets()
        await world.set_up()
        await until_idle(world)
        await story(world)
        assert world.findings() == []
        await world.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(lived())


@pytest.mark.parametrize(
    ("bad", "said"), [case[1:] for case in BAD_PORTS], ids=[case[0] for case in BAD_PORTS]
)
def test_a_bad_port_is_named_and_in_nobody_s_way(
    tmp_path: Path, bad: Callable[[], Any], said: str
) -> None:
    async def story(world: World) -> None:
        slot = world.daemon.rack.slots[BAD]
        for number in range(2):
            order = await world.order(f"S5.08120000001{number}")
            began = world.clock.monotonic()
            await world.settle()
            assert (await world.states())[order] == "SUCCEEDED"
            assert world.clock.monotonic() - began < 30.0
            await world.clock.sleep(300.0)
        assert said in slot.supervisor.last_fault
        shown = (await world.call("rack.show"))["slots"]
        assert [one["state"] == "ready" for one in shown] == [False, True]
        assert len(slot.supervisor.last_fault) < 300
        assert slot.supervisor.last_fault.isprintable()
        assert not STRONG & set(slot.supervisor.counts)
        assert isinstance(world.ports, WithBadPort)
        # Tried again, but ever more rarely; where only the card is missing, on the open port.
        before = world.ports.opened
        await world.clock.sleep(3600.0)
        assert world.ports.opened - before <= 62
        assert slot.supervisor.last_fault_at is not None
        assert world.clock.now_ms() - slot.supervisor.last_fault_at < 700_000
        assert held_octets(slot) < BUFFERED_MAX

    live(tmp_path, bad, story)


def held_octets(slot: Slot) -> int:
    modem = slot._modem
    return 0 if modem is None else modem._conversation.buffered_octets


class Stormy(MemoryPort):
    """A line on which a sound modem is drowned in notices: 2 MB a minute."""

    def __init__(self, modem: simulated.Modem) -> None:
        super().__init__(modem)
        self.octets = 0
        asyncio.get_running_loop().call_later(0.1, self._storm)

    def _storm(self) -> None:
        if not self.closed:
            self.octets += len(URCS)
            self.deliver(URCS)
            asyncio.get_running_loop().call_later(0.1, self._storm)


def test_two_megabytes_of_notices_a_minute_drown_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports: list[Stormy] = []

    def stormy(modem: simulated.Modem) -> Stormy:
        ports.append(Stormy(modem))
        return ports[-1]

    monkeypatch.setattr("tests.daemon.world.MemoryPort", stormy)

    async def story(world: World) -> None:
        slot = world.daemon.rack.slots["/rack/modem0"]
        began = world.clock.monotonic()
        for number in range(3):
            order = await world.order(f"S5.08120000001{number}")
            await world.settle()
            assert (await world.states())[order] == "SUCCEEDED"
        await world.clock.sleep(max(0.0, 60.0 - (world.clock.monotonic() - began)))
        assert sum(port.octets for port in ports) > 2_000_000
        assert held_octets(slot) < BUFFERED_MAX
        assert slot.desk is not None
        assert slot.supervisor.ladder.falls == ()

    live(tmp_path, None, story)


def test_a_card_without_network_is_waited_for(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        slot, modem = world.daemon.rack.slots["/rack/modem0"], world.simulation.modems[0]
        modem.lose_network(6 * 3600.0)
        slot.changed()
        await world.clock.sleep(5 * 3600.0)
        assert (
            "no network: no network was found; check antenna and place"
            in slot.supervisor.last_fault
        )
        assert not slot.supervisor.ladder.given_up
        assert slot.supervisor.counts.total() < 10  # one restart was worth a try, and no more
        await world.clock.sleep(3600.0 + 300.0)
        assert slot.desk is not None

    live(tmp_path, None, story)
