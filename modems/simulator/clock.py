"""The simulator's clock, and the only file of the simulator that reads one.

Time is virtual: it starts at an anchor and runs `speed` times as fast as the wall clock, so that
a rehearsal of an hour fits into minutes. Given the same anchor and speed the daemon's clock shows
the same instant, in another process.
"""

import time  # the simulator's own clock: see above


class VirtualClock:
    """Virtual Unix time: anchor + (real - anchor) * speed."""

    def __init__(self, speed: float, anchor: float | None = None) -> None:
        self.speed = speed
        self.anchor = time.time() if anchor is None else anchor  # noqa: TID251 - this is the clock

    def now(self) -> float:
        """Virtual seconds since 1970-01-01 UTC."""
        real = time.time()  # noqa: TID251 - this is the clock
        return self.anchor + (real - self.anchor) * self.speed

    def real_seconds(self, virtual_seconds: float) -> float:
        """How long a virtual duration takes on the wall."""
        return virtual_seconds / self.speed
