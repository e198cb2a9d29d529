"""No row of the books may bear a date that cannot be: the start waits for the machine's clock.

A machine without a battery for its clock wakes up in 1970, or at some date of its image, and
learns the time from the network a while later. What is written before that stands on a wrong
day for good: "the second top-up of the day" could not be told from the first, and no report
would find it. So a clock that shows a time before this program was made is waited for, some
minutes; then the start is given up with a status that lets systemd try again.

A clock that is possible and only behind what was written last is another matter: then every
deadline keeps its length (queue/clock_steps.py), and the log says so.
"""

from datetime import UTC, datetime

from pulsarack.daemon import log as logging
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.service.notify import more_time, notify, status
from pulsarack.modems.timing import Clock

# Nothing was sold by this program before. Raised now and then, never needed to be exact.
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
WAIT_SECONDS = 600.0
LOOK_SECONDS = 2.0
_MS = 1000
_REMEDY = "let NTP set it (timedatectl set-ntp true; timedatectl status), or set it by hand"


class ClockBehind(DaemonError):
    """The machine's clock shows a time that cannot be."""

    def __init__(self, now_ms: int) -> None:
        super().__init__(
            f"the machine's clock says {said(now_ms)}, and nothing may be booked on such a day",
            _REMEDY,
        )


def said(now_ms: int) -> str:
    """A time as people read it."""
    return f"{datetime.fromtimestamp(now_ms / _MS, tz=UTC):%Y-%m-%d %H:%M} UTC"


def possible(now_ms: int) -> bool:
    """Whether it can be this time."""
    return now_ms >= EARLIEST.timestamp() * _MS


async def wait_for_clock(clock: Clock, *, seconds: float = WAIT_SECONDS) -> None:
    """Return once the time of day is possible; raises ClockBehind if it stays as it is.

    `clock` must follow the machine's clock by itself.
    """
    if possible(clock.now_ms()):
        return
    until = clock.monotonic() + seconds
    saying = f"waiting for the clock, which says {said(clock.now_ms())}"
    logging.get().warning("clock.impossible", says=said(clock.now_ms()), remedy=_REMEDY)
    notify(more_time(seconds + LOOK_SECONDS), status(saying))
    while not possible(now_ms := clock.now_ms()):
        if clock.monotonic() >= until:
            raise ClockBehind(now_ms)
        await clock.sleep(LOOK_SECONDS)
