"""What is at the other end of an opened port: a modem, or what else?

ESC and CR end whatever an earlier user began; then ``AT`` is said until an OK comes, and the
model is asked, since radio boards and printers may say OK too (V.250 4.1; 27.007 5.2). A GPS
receiver talks unasked in sentences of NMEA 0183, a loop-back plug or a terminal repeats what
it hears, the ports for diagnosis and printers say nothing.

The time is bounded (PROBE_SECONDS), and so is what is kept of what is heard. The port stays
open; nothing that was heard here is the answer to anything that is asked afterwards, as
whoever drives it begins by finding his place (conversation.py).
"""

import asyncio
import re
from enum import Enum

from pulsarack.modems.errors import PortGone
from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Port

TRIES = 3
TRY_SECONDS = 1.0
MODEL_SECONDS = 2.0
WAKE_SECONDS = 0.1
PROBE_SECONDS = WAKE_SECONDS + TRIES * TRY_SECONDS + 2 * MODEL_SECONDS
HEARD_OCTETS_MAX = 4096

_OK = re.compile(rb"(?:^|[\r\n])OK[\r\n]")
_MODEL = re.compile(rb"[^\r\n]{2,}[\r\n]+OK[\r\n]")
_FINAL = re.compile(rb"(?:^|[\r\n])(?:OK|ERROR|\+CM[ES] ERROR:[^\r\n]*|COMMAND NOT SUPPORT)[\r\n]")
_NMEA = re.compile(rb"\$(?:G[ABLNPQ]|BD|GQ)[A-Z]{3},[^\r\n]*[\r\n]")
_BLANK = re.compile(rb"[\r\n\x1b\x00 ]+")


class Verdict(Enum):
    """What a probe found, in words for a technician."""

    MODEM = "a modem"
    SILENT = "it does not answer"
    NMEA = "a GPS receiver (it talks NMEA)"
    ECHO = "it only repeats what it is sent"
    NOISE = "what it says is no AT; is the baud rate right?"
    NO_MODEL = "it takes AT but tells no model, so it is no modem for SIM cards"


async def probe(port: Port, clock: Clock) -> Verdict:
    """Find out, within PROBE_SECONDS; raises PortGone."""
    ear = _Ear(port, clock)
    ear.say(b"\x1b\r")
    await ear.hear(None, WAKE_SECONDS)
    for _ in range(TRIES):
        ear.say(b"AT\r")
        if await ear.hear(_OK, TRY_SECONDS):
            break
    else:
        return judge(ear.all_said, ear.all_heard)
    for question in (b"AT+CGMM", b"AT+GMM"):
        ear.say(question + b"\r")
        await ear.hear(_FINAL, MODEL_SECONDS)
        if _MODEL.search(ear.heard.replace(question, b"")):
            return Verdict.MODEM
    return Verdict.NO_MODEL


def judge(said: bytes, heard: bytes) -> Verdict:
    """What it is that never said OK."""
    words = _BLANK.sub(b"", heard)
    if not words:
        return Verdict.SILENT
    if _NMEA.search(heard):
        return Verdict.NMEA
    if words in _BLANK.sub(b"", said):
        return Verdict.ECHO
    return Verdict.NOISE


class _Ear:
    """Listens at a port, and remembers the end of what it heard."""

    def __init__(self, port: Port, clock: Clock) -> None:
        self.heard = b""  # since it said something last
        self.all_heard = b""
        self.all_said = b""
        self._port = port
        self._clock = clock
        self._gone: str | None = None
        self._news = asyncio.Event()
        port.on_bytes = self._on_bytes
        port.on_gone = self._on_gone

    def say(self, data: bytes) -> None:
        self.heard = b""
        self.all_said += data
        self._port.write(data)

    async def hear(self, wanted: re.Pattern[bytes] | None, seconds: float) -> bool:
        """Whether it came within the time; raises PortGone."""
        until = self._clock.monotonic() + seconds
        timer = self._clock.call_at(until, self._news.set)
        try:
            while not (wanted is not None and wanted.search(self.heard)):
                if self._gone is not None:
                    raise PortGone(self._gone)
                if self._clock.monotonic() >= until:
                    return False
                await self._news.wait()
                self._news.clear()
        finally:
            timer.cancel()
        return True

    def _on_bytes(self, data: bytes) -> None:
        self.heard = (self.heard + data)[-HEARD_OCTETS_MAX:]
        self.all_heard = (self.all_heard + data)[-HEARD_OCTETS_MAX:]
        self._news.set()

    def _on_gone(self, reason: str) -> None:
        self._gone = reason
        self._news.set()
