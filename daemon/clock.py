"""The one place where the product reads a clock, or draws at random.

Everybody else gets a clock handed in and asks it. A rehearsal against the simulated
rack runs the same code some times faster: durations everywhere stay in the seconds of
the real trade, and this clock alone knows that they pass quicker. Two processes that
are given the same anchor and speed agree about the time of day:

    now = anchor + (real - anchor) * speed

With speed 1 the clock is the machine's own, steps of NTP included; the monotonic side
never steps and is only good for deadlines within one process.
"""

import asyncio
import math
import time
import uuid
from collections.abc import Callable

MILLISECONDS = 1000
NANOSECONDS_IN_MILLISECOND = 1_000_000


class WallClock:
    """The machine's clock, sped up for rehearsals.

    `speed` is virtual seconds per real second. `anchor` is the Unix time in seconds at
    which virtual and real time of day are the same; without one it is the moment of
    construction, so a process that is to keep its virtual day over a restart needs one.
    """

    def __init__(
        self,
        speed: float = 1.0,
        anchor: float | None = None,
        *,
        read_wall_ns: Callable[[], int] = time.time_ns,
        read_monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not (math.isfinite(speed) and speed > 0):
            raise ValueError(f"the speed of a clock is a positive number, not {speed}")
        self._speed = speed
        self._read_wall_ns = read_wall_ns
        self._read_monotonic = read_monotonic
        self._anchor_ms = self._real_ms() if anchor is None else round(anchor * MILLISECONDS)
        self._monotonic_start = read_monotonic()

    @property
    def speed(self) -> float:
        """Virtual seconds per real second."""
        return self._speed

    @property
    def anchor(self) -> float:
        """The Unix time in seconds that another process needs to share this clock."""
        return self._anchor_ms / MILLISECONDS

    def monotonic(self) -> float:
        """Virtual seconds that never go back, for deadlines; the zero means nothing."""
        passed = self._read_monotonic() - self._monotonic_start
        return self._monotonic_start + passed * self._speed

    def now_ms(self) -> int:
        """The virtual time of day, milliseconds of UTC since 1970."""
        if self._speed == 1.0:
            return self._real_ms()
        return self._anchor_ms + round((self._real_ms() - self._anchor_ms) * self._speed)

    async def sleep(self, seconds: float) -> None:
        """Waits virtual seconds; nothing or less than nothing only lets others run."""
        await asyncio.sleep(max(0.0, seconds) / self._speed)

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Calls back once `monotonic()` has reached `when`; the handle can be cancelled."""
        delay = max(0.0, when - self.monotonic()) / self._speed
        return asyncio.get_running_loop().call_later(delay, callback)

    def _real_ms(self) -> int:
        return self._read_wall_ns() // NANOSECONDS_IN_MILLISECOND


def new_id() -> str:
    """A key that nobody else has."""
    return uuid.uuid4().hex
