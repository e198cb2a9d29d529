"""A time limit by the daemon's clock instead of the event loop's."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pulsarack.modems.timing import Clock


@asynccontextmanager
async def within(clock: Clock, seconds: float) -> AsyncGenerator[None, None]:
    """What stands inside is cut off after so many seconds, with TimeoutError."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        timer = clock.call_at(clock.monotonic() + seconds, lambda: limit.reschedule(loop.time()))
        try:
            yield
        finally:
            timer.cancel()
