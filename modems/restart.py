"""AT+CFUN=1,1 over a port of its own: for a modem that may not answer any more.

It is written blindly behind ESC and CR, which end a prompt: a modem that hangs in a
dialogue may well hear it. Most answer OK and then leave the bus for some seconds
(27.007 8.2), so nothing is concluded from what they say.
"""

import asyncio

from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Port

ESCAPE = b"\x1b\r"
SETTLE_SECONDS = 0.2
ANSWER_SECONDS = 5.0
_HEARD_OCTETS_MAX = 4096


async def restart(port: Port, clock: Clock, command: str) -> bool:
    """Write the command; whether the modem said OK to it, or left at once."""
    heard = bytearray()
    ended = asyncio.Event()

    def listen(data: bytes) -> None:
        heard.extend(data[: _HEARD_OCTETS_MAX - len(heard)])
        if b"\nOK\r" in heard or b"ERROR" in heard:
            ended.set()

    def gone(reason: str) -> None:
        heard.extend(b"\nOK\r")
        ended.set()

    port.on_bytes, port.on_gone = listen, gone
    port.write(ESCAPE)
    await clock.sleep(SETTLE_SECONDS)
    heard.clear()
    ended.clear()
    port.write(command.encode("ascii") + b"\r")
    timer = clock.call_at(clock.monotonic() + ANSWER_SECONDS, ended.set)
    try:
        await ended.wait()
    finally:
        timer.cancel()
    return b"\nOK\r" in heard
