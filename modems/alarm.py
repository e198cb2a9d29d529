"""A deadline that moves, and the one timer that watches it.

Nearly every deadline is taken back before it comes: the modem answers, and the next
command has a later one. So a timer that runs is left alone when its deadline moves away
or is taken back. When its time has come it looks, and is set anew if there is still
something to wait for. An order of a dozen deadlines so costs no timer at all.
"""

from collections.abc import Callable

from pulsarack.modems.timing import Clock, TimerHandle


class Alarm:
    """Calls ``ring`` once the deadline that was set last has come."""

    __slots__ = ("_clock", "_deadline", "_ring", "_timer", "_timer_at")

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._deadline: float | None = None
        self._timer: TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, deadline: float | None) -> None:
        """Ring at this monotonic instant and at no other; None for never."""
        self._deadline = deadline
        if deadline is None:
            return
        # A timer whose time is over has stood still with the machine and would come late.
        runs = self._timer is not None and self._timer_at > self._clock.monotonic()
        if not runs or deadline < self._timer_at:
            self._start(deadline)

    def stop(self) -> None:
        """Never ring again, unless set anew; nothing of the alarm is left with the clock."""
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._clock.call_at(deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        deadline = self._deadline
        if deadline is None:
            return
        if self._clock.monotonic() < deadline:
            self._start(deadline)
            return
        self._deadline = None
        self._ring()
