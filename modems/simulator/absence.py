"""A modem's times away: without power, perhaps off the bus, until it boots again.

Several hands may be on one modem at once (a fault unplugs it, a person swaps its card): the last
one says when it comes back, and it comes back once.
"""

from collections.abc import Callable

from pulsarack.modems.simulator.scheduler import Scheduler


def nothing() -> None:
    """Nobody wants to know."""


class Absence:
    """Whether one modem is off the bus, and what ends its absence."""

    def __init__(self, scheduler: Scheduler, boot: Callable[[], None]) -> None:
        self.on_gone: Callable[[], None] = nothing
        self.on_back: Callable[[], None] = nothing
        self._scheduler = scheduler
        self._boot = boot
        self._off_bus = False
        self._number = 0

    def begin(self, seconds: float, leave_bus: bool) -> None:
        """Be away from now on, and for so long."""
        if leave_bus and not self._off_bus:
            self._off_bus = True
            self.on_gone()
        self._number += 1
        number = self._number

        def end() -> None:
            if number == self._number:
                self._end()

        self._scheduler.call_later(seconds, end)

    def _end(self) -> None:
        if self._off_bus:
            self._off_bus = False
            self.on_back()
        self._boot()
