"""Errands: what a person wants done on a chip's modem, in its turn between two orders.

The chip's worker does one thing at a time. An errand waits until it stands idle, and not
for ever; one whose caller has left is not done.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from pulsarack.modems.alarm import Alarm
from pulsarack.modems.driver import Driver
from pulsarack.modems.errors import ModemError
from pulsarack.modems.timing import Clock

T = TypeVar("T")
WAITING_LIMIT = 16

Job = Callable[[Driver], Awaitable[T]]


class _Waiting(NamedTuple):
    job: Job[Any]
    done: asyncio.Future[Any]
    until: float  # when it has waited long enough
    doing: Callable[[], str]


class TurnNotCome(ModemError):
    """The chip was busy for as long as was to be waited, or left."""

    def __init__(self, doing: str) -> None:
        super().__init__(f"the chip is busy ({doing}); try again when it is idle")


class Errands:
    """Those that wait at one desk; `wake` tells the worker."""

    def __init__(self, clock: Clock, modem: Driver, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._modem = modem
        self._wake = wake
        self._left = False
        self._runs = False
        self._waiting: deque[_Waiting] = deque()
        self._alarm = Alarm(clock, self._refuse_late)

    @property
    def waiting(self) -> bool:
        """Whether one is to be done."""
        return bool(self._waiting)

    @property
    def next(self) -> Job[Any] | None:
        """The job that is done next, if one waits."""
        return self._waiting[0].job if self._waiting else None

    @property
    def count(self) -> int:
        """How many are to be done."""
        return len(self._waiting)

    @property
    def ahead(self) -> int:
        """How many are done before another one, with the one that is under way."""
        return len(self._waiting) + self._runs

    async def ask(self, job: Job[T], within_seconds: float, doing: Callable[[], str]) -> T:
        """Have it done in turn; raises TurnNotCome, and whatever the job raises."""
        if self._left:
            raise TurnNotCome("it has just left")
        if len(self._waiting) >= WAITING_LIMIT:
            raise TurnNotCome("others wait already")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        entry = _Waiting(job, done, self._clock.monotonic() + within_seconds, doing)
        self._waiting.append(entry)
        self._watch()
        self._wake()
        try:
            return await done
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    async def run_next(self) -> Any:
        """Do the one that waits longest; what it gave. None if it failed: that is its caller's."""
        job, done, *_ = self._waiting.popleft()
        self._runs = True
        try:
            result = await job(self._modem)
        except asyncio.CancelledError:
            done.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - handed over to who asked
            if not done.done():
                done.set_exception(error)
        else:
            if not done.done():
                done.set_result(result)
            return result
        finally:
            self._runs = False
        return None

    def leave(self) -> None:
        """The chip leaves: nothing more is done here."""
        self._left = True
        self.turn_away("it has just left")
        self._alarm.stop()

    def turn_away(self, why: str) -> None:
        """Tell all that wait that their turn does not come."""
        while self._waiting:
            done = self._waiting.popleft().done
            if not done.done():
                done.set_exception(TurnNotCome(why))
        self._watch()

    def _watch(self) -> None:
        """Wait for the first whose turn does not come in time; one that has begun has a time limit
        of its own."""
        self._alarm.set(min((one.until for one in self._waiting), default=None))

    def _refuse_late(self) -> None:
        now = self._clock.monotonic()
        for entry in [one for one in self._waiting if one.until <= now]:
            self._waiting.remove(entry)
            if not entry.done.done():
                entry.done.set_exception(TurnNotCome(entry.doing()))
        self._watch()
