"""The whole driver against a modem that answers whatever the input says, in virtual time.

The input is cut at each NUL; each time the driver writes something, the next piece comes
back, and when they are used up the modem is silent. Whatever happens, each call must
return or raise a ModemError, and the clock must not run dry.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import cache

from pulsarack.modems.errors import ModemError
from pulsarack.modems.modem import Modem
from pulsarack.modems.profile import Profiles
from pulsarack.modems.results import ModemEvent
from tests.fuzz.target import is_printable
from tests.modems.world import VirtualClock
from tests.trace_player import TRACES, Recording

# What one modem may hold back for a driver that reads its messages and forgets the rest.
BUFFERED_MAX = 300 * 1024


class HostilePort:
    """Answers the n-th write with the n-th piece."""

    def __init__(self, clock: VirtualClock, answer: Callable[[bytes], bytes]) -> None:
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self._clock = clock
        self._answer = answer

    def write(self, data: bytes) -> None:
        said = self._answer(data)
        if said:
            self._clock.call_at(self._clock.monotonic() + 0.01, lambda: self.on_bytes(said))

    def close(self) -> None:
        return


@cache
def profiles() -> Profiles:
    return Profiles.load()


def play(data: bytes) -> list[ModemEvent]:
    """The life of one modem that says these bytes; what it reported."""
    pieces = iter(data.split(b"\x00"))
    return _live(lambda written: next(pieces, b""))


def _live(answer: Callable[[bytes], bytes]) -> list[ModemEvent]:
    events: list[ModemEvent] = []

    async def live() -> None:
        clock = VirtualClock()
        modem = Modem(HostilePort(clock, answer), clock, profiles(), events.append)
        await clock.run(_whole_life(modem))
        assert modem._conversation.buffered_octets <= BUFFERED_MAX
        modem.close()

    asyncio.run(live())
    return events


async def _whole_life(modem: Modem) -> None:
    async def nothing() -> None:
        return

    with contextlib.suppress(ModemError):
        identity = await modem.identify()
        assert identity.imei == "" or (identity.imei.isascii() and len(identity.imei) == 15)
    with contextlib.suppress(ModemError):
        await modem.initialise(lambda: "1234")
    with contextlib.suppress(ModemError):
        chip = await modem.read_chip()
        assert chip.iccid.isascii()
    with contextlib.suppress(ModemError):
        await modem.registration()
        await modem.signal_quality()
    await modem.dial_ussd("*123#", 20.0)
    await modem.answer_ussd("1", 20.0)
    await modem.cancel_ussd()
    await modem.send_sms("168", "BAGI 0812", 20.0, nothing)
    with contextlib.suppress(ModemError):
        for message in await modem.read_sms():
            assert is_printable(message.text + message.sender)
            await modem.delete_sms(message.indices)


@cache
def recorded_lives() -> tuple[bytes, ...]:
    """What the recorded modems said in such a life, as inputs."""
    return tuple(_recorded(Recording(path)) for path in sorted(TRACES.glob("*.trace")))


def _recorded(recording: Recording) -> bytes:
    pieces: list[bytes] = []

    def answer(written: bytes) -> bytes:
        pieces.append(b"".join(said for _, said in recording.feed(written)))
        return pieces[-1]

    _live(answer)
    return b"\x00".join(pieces)
