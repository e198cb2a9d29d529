"""How late the event loop is: a timer that says by how much it was called too late, each time.

What runs on the loop for long keeps every chip and caller waiting; this shows how long. The
seconds are real ones, in a rehearsal too.
"""

import asyncio
from typing import Final

from pulsarack.daemon.measures import SHORT_SECONDS, Spread, Stopwatch

EVERY_SECONDS: Final = 0.5


class Lag:
    """Measured while `run` runs."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self.spread = Spread(SHORT_SECONDS)
        self._now = stopwatch

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            wanted = self._now() + EVERY_SECONDS
            await asyncio.sleep(EVERY_SECONDS)
            self.spread.note(max(0.0, self._now() - wanted))
