"""Log lines that a modem brings about: the first of a kind are written, a storm of them is counted.

A broken stick says ten thousand lines a second, and each could be news. What is shown is for
people, who read a few lines; nothing is decided by it.
"""

from typing import Any

from pulsarack.daemon import log as logging
from pulsarack.modems.timing import Clock

QUIET_SECONDS = 60.0
LINES_MOST = 20
"""So many of a kind in so long."""


class Seldom:
    """For one slot."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._written: dict[str, int] = {}  # since the instant below, by kind
        self._since: dict[str, float] = {}

    def warning(self, log: logging.Logger, event: str, **fields: Any) -> None:
        """Write the line, unless too many of its kind were just written; then only count it."""
        now = self._clock.monotonic()
        if now - self._since.get(event, float("-inf")) >= QUIET_SECONDS:
            untold = self._written.get(event, 0) - LINES_MOST
            if untold > 0:
                log.warning(event, left_out=untold)
            self._since[event], self._written[event] = now, 0
        self._written[event] += 1
        if self._written[event] <= LINES_MOST:
            log.warning(event, **fields)
