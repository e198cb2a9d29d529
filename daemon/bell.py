"""A bell that wakes one sleeper: it rings, or the time is over.

Waiting costs one future and seldom a timer, no tasks: every order waits here some times. A ring
that nobody waited for is remembered until somebody takes note of it.
"""

import asyncio

from pulsarack.modems.alarm import Alarm
from pulsarack.modems.timing import Clock


class Bell:
    """Whoever waits, waits alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._alarm = Alarm(clock, self.wake)
        self._rang = False
        self._sleeper: asyncio.Future[None] | None = None

    @property
    def rang(self) -> bool:
        """Whether it rang and nobody took note of it yet."""
        return self._rang

    def ring(self) -> None:
        """Wake whoever waits; goes on ringing."""
        self._rang = True
        self.wake()

    def wake(self) -> None:
        """Wake whoever waits now, for a reason that is seen elsewhere; nothing goes on ringing."""
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    def take(self) -> bool:
        """Whether it rang; it is silent again."""
        rang, self._rang = self._rang, False
        return rang

    async def wait_until(self, until: float) -> bool:
        """Sleep until it rings or a monotonic instant has come; whether it rings."""
        if self._rang or self._clock.monotonic() >= until:
            return self._rang
        self._sleeper = sleeper = asyncio.get_running_loop().create_future()
        self._alarm.set(until)
        try:
            await sleeper
        finally:
            self._alarm.set(None)
            self._sleeper = None
        return self._rang
