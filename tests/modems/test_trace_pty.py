"""A recorded modem behind a real pty, with the real port in between."""

import asyncio
from collections.abc import Callable

from pulsarack.modems.modem import Modem
from pulsarack.modems.port import open_port
from pulsarack.modems.profile import Profiles
from pulsarack.modems.results import PortLost
from tests.trace_player import TRACES, TracePty

SPEED = 50.0


class FastClock:
    """The event loop's clock, fifty times as fast."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() * SPEED

    def now_ms(self) -> int:
        return int(self.monotonic() * 1000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_at(when / SPEED, callback)


async def test_a_recording_behind_a_pty() -> None:
    pty = TracePty(TRACES / "wavecom.trace", SPEED)
    port = await open_port(pty.path)
    events: asyncio.Queue[object] = asyncio.Queue()
    modem = Modem(port, FastClock(), Profiles.load(), events.put_nowait)
    # Ten times the usual patience: a busy machine must not turn this into a failure.
    identity = await modem.identify()
    assert identity.imei == "351596030000000"
    answer = await modem.dial_ussd("*776*1234#", 300)
    assert "490.000" in repr(answer)
    pty.close()
    assert isinstance(await asyncio.wait_for(events.get(), 5), PortLost)
    modem.close()
    assert await port.wait_closed(5)
