"""What is at the other end of a port: a modem, or what else, and always within the time."""

import asyncio
from collections.abc import Callable

import pytest

from pulsarack.modems.errors import PortGone
from pulsarack.modems.probe import PROBE_SECONDS, Verdict, probe
from tests.daemon.virtual_loop import LoopClock, run

GGA = b"$GPGGA,120000,0610.0,S,10649.0,E,1,08,0.9,8.0,M,0.0,M,,*4A\r\n"
Reply = Callable[[bytes], bytes]


class Line:
    """Somebody answers every write, a moment later, in pieces of `piece` bytes."""

    def __init__(self, reply: Reply, piece: int = 4096) -> None:
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self.said = bytearray()
        self._reply, self._piece = reply, piece

    def write(self, data: bytes) -> None:
        self.said += data
        reply = self._reply(data)
        loop = asyncio.get_running_loop()
        for place in range(0, len(reply), self._piece):
            piece = reply[place : place + self._piece]
            loop.call_later(0.01 + 0.001 * place, lambda piece=piece: self.on_bytes(piece))

    def close(self) -> None:
        pass


def modem(data: bytes) -> bytes:
    if b"CGMM" in data:
        return b"\r\nE1550\r\n\r\nOK\r\n"
    return b"\r\nOK\r\n" if data.startswith(b"AT") else b""


def echoing_modem(data: bytes) -> bytes:
    return data.replace(b"\x1b", b"") + modem(data)


def old_modem(data: bytes) -> bytes:
    """It knows only the command of V.250."""
    if b"CGMM" in data:
        return b"\r\nERROR\r\n"
    return b"\r\nWAVECOM\r\nOK\r\n" if b"GMM" in data else modem(data)


def woken_late() -> Reply:
    """Autobauding modems answer from the second AT on."""
    heard = []

    def reply(data: bytes) -> bytes:
        heard.append(data)
        return modem(data) if len(heard) > 3 else b""

    return reply


def between_notices(data: bytes) -> bytes:
    return b"^RSSI: 12\r\n" + modem(data) + b"^BOOT:1,0,0,0,6\r\n"


def lamp(data: bytes) -> bytes:
    """A radio board: OK to AT, and nothing of a telephone."""
    if data.startswith(b"AT+"):
        return b"\r\nERROR\r\n"
    return b"\r\nOK\r\n" if data.startswith(b"AT") else b""


CASES: list[tuple[Reply, Verdict]] = [
    (modem, Verdict.MODEM),
    (echoing_modem, Verdict.MODEM),
    (old_modem, Verdict.MODEM),
    (woken_late(), Verdict.MODEM),
    (between_notices, Verdict.MODEM),
    (lamp, Verdict.NO_MODEL),
    (lambda data: b"", Verdict.SILENT),
    (lambda data: b"\r\n\x00", Verdict.SILENT),
    (lambda data: GGA, Verdict.NMEA),
    (lambda data: b"\xff\xfe" + GGA, Verdict.NMEA),
    (lambda data: data, Verdict.ECHO),
    (lambda data: data.replace(b"\r", b"\r\r\n"), Verdict.ECHO),
    (lambda data: b"login: ", Verdict.NOISE),
    (lambda data: b"\x00\xf8\x80\x7e" * 50_000, Verdict.NOISE),
    (lambda data: b"NOT OK AT ALL\r\n", Verdict.NOISE),
    (lambda data: b"ERROR\r\n", Verdict.NOISE),
]


@pytest.mark.parametrize("number", range(len(CASES)))
@pytest.mark.parametrize("piece", [4096, 1])
def test_it_is_named_within_the_time(number: int, piece: int) -> None:
    reply, verdict = CASES[number]
    if number == 3:
        reply = woken_late()

    async def work() -> None:
        line, clock = Line(reply, piece), LoopClock(0)
        began = clock.monotonic()
        if piece == 1 and len(reply(b"AT\r")) > 1000:
            return  # so long a noise comes at once or not within the test
        assert await probe(line, clock) is verdict
        assert clock.monotonic() - began <= PROBE_SECONDS
        assert bytes(line.said).startswith(b"\x1b\rAT\r")

    run(work())


def test_a_talker_without_end_is_bounded() -> None:
    """It does not wait to be asked, and never stops."""

    async def work() -> None:
        line, clock = Line(lambda data: b""), LoopClock(0)

        async def talk() -> None:
            while True:
                line.on_bytes(b"garbage without end ")
                await clock.sleep(0.001)

        talking = asyncio.create_task(talk())
        began = clock.monotonic()
        assert await probe(line, clock) is Verdict.NOISE
        assert clock.monotonic() - began <= PROBE_SECONDS
        talking.cancel()

    run(work())


def test_a_port_that_vanishes_is_told_at_once() -> None:
    async def work() -> None:
        line, clock = Line(lambda data: b""), LoopClock(0)
        asyncio.get_running_loop().call_later(0.5, lambda: line.on_gone("hung up"))
        with pytest.raises(PortGone, match="hung up"):
            await probe(line, clock)
        assert clock.monotonic() < 1.0

    run(work())
