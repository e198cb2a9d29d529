"""A clock for the tests of channels: it stands until somebody moves it."""

import asyncio
from collections.abc import Callable

from tests.daemon.world import START_MS


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._timers: list[tuple[float, int, Timer]] = []

    def monotonic(self) -> float:
        return self.passed

    def now_ms(self) -> int:
        return START_MS + round(self.passed * 1000)

    async def sleep(self, seconds: float) -> None:
        done = asyncio.Event()
        self.call_at(self.passed + seconds, done.set)
        await done.wait()

    def call_at(self, when: float, callback: Callable[[], None]) -> "Timer":
        timer = Timer(callback)
        self._timers.append((when, len(self._timers), timer))
        return timer

    async def pass_by(self, seconds: float) -> None:
        """So much time passes; what is due is called, in its order."""
        self.passed += seconds
        due = sorted(one for one in self._timers if one[0] <= self.passed)
        self._timers = [one for one in self._timers if one[0] > self.passed]
        for _, _, timer in due:
            timer.fire()
        await settle()


class Timer:
    """One call that is due some time."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        if self._callback is not None:
            self._callback()


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)
