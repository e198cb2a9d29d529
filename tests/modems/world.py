"""A small world for the driver: a clock that jumps, and a modem played from a list.

The list holds pairs (what must be written, what comes back). The scripted port takes
them in order; what it did not expect fails the test. A reply may be a tuple: bytes and
numbers alternating, the numbers being virtual seconds to wait before the next bytes.
"""

import asyncio
import heapq
import itertools
import re
from collections.abc import Callable, Coroutine
from typing import Any

from pulsarack.modems.modem import Modem
from pulsarack.modems.profile import Profiles
from pulsarack.modems.results import ModemEvent

Reply = bytes | tuple[bytes | float, ...]


class Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """Time passes only when nothing else is left to do."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, Timer]] = []

    def monotonic(self) -> float:
        return self._now

    def now_ms(self) -> int:
        return int(self._now * 1000)

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not done.done():
                done.set_result(None)

        self.call_at(self._now + seconds, wake)
        await done

    def jump(self) -> bool:
        while self._timers:
            when, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                self._now = max(self._now, when)
                timer.callback()
                return True
        return False

    async def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run to the end, jumping from timer to timer."""
        task = asyncio.ensure_future(coroutine)
        for _ in range(100_000):
            for _ in range(6):
                await asyncio.sleep(0)
            if task.done():
                return task.result()
            if not self.jump():
                task.cancel()
                raise AssertionError("everybody waits for ever")
        raise AssertionError("no end")

    async def pass_time(self, seconds: float) -> None:
        await self.run(self.sleep(seconds))


class ScriptedPort:
    """A modem that says what its script says."""

    def __init__(self, clock: VirtualClock, script: list[tuple[str, Reply]]) -> None:
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self.written: list[bytes] = []
        self.surprises: list[bytes] = []
        self.closed = False
        self._clock = clock
        self._script = list(script)

    def write(self, data: bytes) -> None:
        self.written.append(data)
        text = data.decode("latin-1")
        if text == "\x1b\r":
            return
        if text == "AT\r" and not (self._script and self._script[0][0] == "AT"):
            self.say(b"\r\nOK\r\n")
            return
        if not self._script or not re.fullmatch(self._script[0][0], text.rstrip("\r"), re.DOTALL):
            self.surprises.append(data)
            return
        self.say(self._script.pop(0)[1])

    def say(self, reply: Reply) -> None:
        at = self._clock.monotonic()
        for piece in reply if isinstance(reply, tuple) else (reply,):
            if isinstance(piece, bytes):
                self._clock.call_at(at, lambda data=piece: self._deliver(data))  # type: ignore[misc]
            else:
                at += piece

    def vanish_after(self, seconds: float) -> None:
        self._clock.call_at(self._clock.monotonic() + seconds, lambda: self.on_gone("hung up"))

    def close(self) -> None:
        self.closed = True

    @property
    def left_over(self) -> list[tuple[str, Reply]]:
        return self._script

    def _deliver(self, data: bytes) -> None:
        if data == b"<gone>":
            self.on_gone("hung up")
        elif not self.closed:
            self.on_bytes(data)


class World:
    """A modem on a scripted port, and what it reported."""

    def __init__(
        self, script: list[tuple[str, Reply]], profile: str = "", profiles: Profiles | None = None
    ) -> None:
        self.clock = VirtualClock()
        self.port = ScriptedPort(self.clock, script)
        self.events: list[ModemEvent] = []
        self.profiles = profiles or Profiles.load()
        self.modem = Modem(self.port, self.clock, self.profiles, self.events.append)
        self._profile = profile

    async def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return await self.clock.run(coroutine)

    def sent(self) -> list[str]:
        text = [data.decode("latin-1").rstrip("\r") for data in self.port.written]
        return [one for one in text if one not in ("\x1b", "AT")]

    def check(self) -> None:
        assert self.port.surprises == []
        assert self.port.left_over == []


IDENTIFY: dict[str, list[tuple[str, Reply]]] = {
    "wavecom": [
        ("ATE0", b"ATE0\r\r\nOK\r\n"),
        (r"AT\+CGMI", b"\r\n WAVECOM MODEM\r\n\r\nOK\r\n"),
        (r"AT\+CGMM", b"\r\n MULTIBAND  900E  1800 \r\n\r\nOK\r\n"),
        (r"AT\+CGMR", b"\r\nERROR\r\n"),
        (r"AT\+CGSN", b"\r\n351596030000000\r\n\r\nOK\r\n"),
    ],
    "huawei": [
        ("ATE0", b"\r\nOK\r\n"),
        (r"AT\+CGMI", b"\r\nhuawei\r\n\r\nOK\r\n"),
        (r"AT\+CGMM", b"\r\n^RSSI:14\r\n\r\nE1550\r\n\r\nOK\r\n"),
        (r"AT\+CGMR", b"\r\n11.608.09.01.21\r\n\r\nOK\r\n"),
        (r"AT\+CGSN", b"\r\n351596030000018\r\n\r\nOK\r\n"),
    ],
}
