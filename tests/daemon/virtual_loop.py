"""An event loop on virtual time: when nothing is ready it jumps to the next timer.

For code that does all its I/O in memory; nothing here waits for a file descriptor.
"""

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _NoWait(selectors.SelectSelector):
    """Never waits and never looks: no thread and no file speaks to this loop."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything can run, and then jumps."""

    def __init__(self) -> None:
        super().__init__(_NoWait())
        self._virtual_now = 0.0
        # A timer must never fire before its time: whoever waits again would wait for ever.
        self._clock_resolution = 0.0

    def time(self) -> float:
        return self._virtual_now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._virtual_now = max(self._virtual_now, _just_after(self._scheduled[0]._when))  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def _just_after(when: float) -> float:
    return math.nextafter(when, math.inf)


class LoopClock:
    """The clock of the product on the running virtual loop; its wall side can be stepped."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now_ms(self) -> int:
        return self._start_ms + round(self.monotonic() * 1000)

    def step(self, seconds: float) -> None:
        """Somebody, or NTP, sets the wall clock; the monotonic side goes on as it was."""
        self._start_ms += round(seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_at(when, callback)


class LoopScheduler:
    """The simulated rack's scheduler on the same loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: float) -> None:
        self._loop = loop
        self._start = start

    def now(self) -> float:
        return self._start + self._loop.time()

    def call_later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(seconds, call)


def run(work: Coroutine[Any, Any, T], within_days: float = 10.0) -> T:
    """Run to the end on a loop of its own; who waits for ever fails instead of hanging."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_and_clear_up(work, within_days))
    finally:
        loop.close()


async def _and_clear_up(work: Coroutine[Any, Any, T], within_days: float) -> T:
    try:
        return await asyncio.wait_for(work, within_days * 24 * 3600.0)
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_asyncgens()
