"""The one place where the product reads a clock, or draws at random.

Everybody else gets a clock handed in and asks it. A rehearsal against the simulated
rack runs the same code some times faster: durations everywhere stay in the seconds of
the real trade, and this clock alone knows that they pass quicker. Two processes that
are given the same anchor and speed agree about the time of day:

    now = anchor + (real - anchor) * speed

With speed 1 the clock is the machine's own, steps of NTP included; the monotonic side
never steps and is only good for deadlines within one process.

Somebody sets the machine's clock, or NTP does: then the daemon's time of day goes on
evenly (`SteadyClock`) until the dispatcher has moved the deadlines in the database along,
in one transaction. So every row is written either by the clock as it was or as it is.
"""

import asyncio
import ctypes
import math
import random
import time
import uuid
from collections.abc import Callable
from functools import partial

from pulsarack.modems.timing import Clock, TimerHandle

MILLISECONDS = 1000
NANOSECONDS_IN_MILLISECOND = 1_000_000
NANOSECONDS_IN_MICROSECOND = 1_000
# What a clock may be off by before it counts as set: NTP corrects a little all the time.
SMALL_SECONDS = 2.0


# Goes on while the machine sleeps: what was late before it slept is late after it.
_read_boottime: Callable[[], float] = partial(time.clock_gettime, time.CLOCK_BOOTTIME)


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
        read_monotonic: Callable[[], float] = _read_boottime,
    ) -> None:
        if not (math.isfinite(speed) and speed > 0):
            raise ValueError(f"the speed of a clock is a positive number, not {speed}")
        self._speed = speed
        self._read_wall_ns = read_wall_ns
        self._read_monotonic = read_monotonic
        self._anchor_ms = self._real_ms() if anchor is None else round(anchor * MILLISECONDS)
        self._monotonic_start = read_monotonic()
        # Virtual seconds that never go back, for deadlines; the zero means nothing. Asked a
        # dozen times an order: at the machine's own speed, of the machine.
        self.monotonic: Callable[[], float] = read_monotonic if speed == 1.0 else self._sped_up

    @property
    def speed(self) -> float:
        """Virtual seconds per real second."""
        return self._speed

    @property
    def anchor(self) -> float:
        """The Unix time in seconds that another process needs to share this clock."""
        return self._anchor_ms / MILLISECONDS

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

    def _sped_up(self) -> float:
        passed = self._read_monotonic() - self._monotonic_start
        return self._monotonic_start + passed * self._speed

    def _real_ms(self) -> int:
        return self._read_wall_ns() // NANOSECONDS_IN_MILLISECOND


class SteadyClock:
    """A clock that is not set before its owner says so.

    A difference of more than `small_seconds` between the time of day and the time that has
    passed is a step: `take_step` tells it and follows it, `give_back` takes that back.
    """

    def __init__(self, clock: Clock, small_seconds: float = SMALL_SECONDS) -> None:
        self._clock = clock
        self._small_ms = round(small_seconds * MILLISECONDS)
        # As the clock within, and that itself: every order asks some dozens of times.
        self.monotonic: Callable[[], float] = clock.monotonic
        self._now_ms: Callable[[], int] = clock.now_ms
        self._ahead_ms = self._difference_ms()

    def now_ms(self) -> int:
        """The time of day, milliseconds of UTC since 1970, as if no step had come."""
        steady = round(self.monotonic() * MILLISECONDS) + self._ahead_ms
        now = self._now_ms()
        if abs(now - steady) <= self._small_ms:
            self._ahead_ms += now - steady
            return now
        return steady

    def was_set(self) -> bool:
        """Whether there is a step that nobody has taken yet."""
        return abs(self._difference_ms() - self._ahead_ms) > self._small_ms

    def take_step(self) -> int:
        """By how many milliseconds the clock was set since the last call; mostly 0."""
        difference = self._difference_ms()
        step = difference - self._ahead_ms
        self._ahead_ms = difference
        return step if abs(step) > self._small_ms else 0

    def give_back(self, step_ms: int) -> None:
        """The step could not be written down: it is still to be taken."""
        self._ahead_ms -= step_ms

    async def sleep(self, seconds: float) -> None:
        """As the clock within."""
        await self._clock.sleep(seconds)

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        """As the clock within."""
        return self._clock.call_at(when, callback)

    def _difference_ms(self) -> int:
        return self._now_ms() - round(self.monotonic() * MILLISECONDS)


# adjtimex(2): the state of a clock that nothing keeps right; the size of its struct, and more.
_TIME_ERROR = 5
_TIMEX_BYTES = 512


# How long something took, in real seconds whatever the speed of the rehearsal.
stopwatch: Callable[[], float] = time.perf_counter


def synchronised() -> bool | None:
    """Whether the machine's clock is kept right by NTP, as the kernel knows; None: it won't say."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def steady_microseconds() -> int:
    """CLOCK_MONOTONIC in microseconds, as systemd wants it told."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // NANOSECONDS_IN_MICROSECOND


def dice() -> random.Random:
    """A generator that nobody can foretell, for keys, PINs and amounts."""
    return random.SystemRandom()


def new_id() -> str:
    """A key that nobody else has."""
    return uuid.uuid4().hex
