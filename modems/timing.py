"""What the modems need of a clock, as protocols.

Nothing below daemon/ reads a clock: whoever builds a Modem hands one in. All
instants are monotonic seconds of that clock, so a rehearsal that runs ten times
faster only needs a faster clock.
"""

from collections.abc import Callable
from typing import Protocol


class TimerHandle(Protocol):
    """A timer that may still be taken back."""

    def cancel(self) -> None:
        """Forget the call; harmless when it has been made already."""


class Clock(Protocol):
    """The time of one daemon: monotonic for deadlines, wall for records."""

    def monotonic(self) -> float:
        """Seconds since some fixed instant."""
        ...

    def now_ms(self) -> int:
        """Wall time, milliseconds UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        """Call back once, not before the monotonic instant ``when``."""
        ...
