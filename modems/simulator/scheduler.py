"""When things happen: the one interface between the simulated world and time.

The world never sleeps and never reads a clock; it asks a scheduler to call it later. In the
process that is the event loop on the virtual clock, in tests a heap that jumps from one event to
the next.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from pulsarack.modems.simulator.clock import VirtualClock


class Timer(Protocol):
    """A call that has been asked for."""

    def cancel(self) -> None:
        """Take the call back; harmless after it was made."""


class Scheduler(Protocol):
    """Virtual time, in Unix seconds, and calls to be made in it."""

    def now(self) -> float:
        """Virtual Unix seconds."""

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Make `call` once, `seconds` of virtual time from now."""


class LoopScheduler:
    """The scheduler of the simulator process: asyncio's loop, sped up."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: VirtualClock) -> None:
        self._loop = loop
        self._clock = clock

    def now(self) -> float:
        """Virtual Unix seconds."""
        return self._clock.now()

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Make `call` once, `seconds` of virtual time from now."""
        return self._loop.call_later(self._clock.real_seconds(seconds), call)
