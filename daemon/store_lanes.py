"""Who waits for a thread of the store, and whose turn it is.

There are two lanes. The daemon's own jobs (a claim, a point of no return, a decision, a
text that came in) are never refused: every worker waits for its own, so there are only ever
a few for each slot. Of these go first what is nearest to the first byte on a line, so that
one chip begins while the answers of others are booked. Jobs from outside may come by the
ten thousand: they wait in a lane of their own, of each source only so many and of all
together only so many, and who comes beyond that is told so (`Busy`) before anything was
done. They are taken one source after the other, so that who sends one order does not wait
for who sent a thousand.

A batch is the daemon's own jobs and a few from outside beside them; with none of its own,
more from outside, but not so many that the next job of the daemon's own waits long for the
commit they are in. So neither lane can starve the other.
"""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from pulsarack.daemon.errors import Busy

T = TypeVar("T")

MOST_WAITING = 8192
"""Jobs from outside that may wait for one thread, whoever sent them."""
MOST_OF_A_SOURCE = 1024
"""And of those, how many of one source."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How many jobs go into one batch: in all, of the daemon's own, and of those from outside
    without any of the daemon's own, and beside them.
    """

    batch: int
    own: int = 16
    visitors_alone: int = 64
    visitors_beside: int = 8


class VisitorLane(Generic[T]):
    """Jobs from outside, taken in turn over their sources, the oldest of each first."""

    def __init__(self) -> None:
        # The order of the sources is that of their turns.
        self._waiting: dict[str, deque[T]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, source: str, job: T) -> None:
        """Queue a job behind those of its source; raises Busy."""
        mine = self._waiting.get(source)
        if mine is not None and len(mine) >= MOST_OF_A_SOURCE:
            raise Busy(len(mine), f"of {source[:40]} ")
        if self._count >= MOST_WAITING:
            raise Busy(self._count)
        if mine is None:
            mine = self._waiting[source] = deque()
        mine.append(job)
        self._count += 1

    def take(self, most: int) -> list[T]:
        """The next jobs, at most so many."""
        taken: list[T] = []
        while self._waiting and len(taken) < most:
            source = next(iter(self._waiting))
            mine = self._waiting.pop(source)
            taken.append(mine.popleft())
            if mine:
                self._waiting[source] = mine  # behind all others
        self._count -= len(taken)
        return taken


class Lanes(Generic[T]):
    """Both lanes of one thread. Not safe by itself: the thread's lock is held around it."""

    def __init__(self) -> None:
        self._first: deque[T] = deque()
        self._own: deque[T] = deque()
        self._visitors: VisitorLane[T] = VisitorLane()

    def __len__(self) -> int:
        return len(self._first) + len(self._own) + len(self._visitors)

    @property
    def visitors(self) -> int:
        """How many jobs from outside wait."""
        return len(self._visitors)

    def add(self, job: T) -> None:
        """Queue one of the daemon's own jobs."""
        self._own.append(job)

    def add_first(self, job: T) -> None:
        """Queue one that goes before the daemon's others."""
        self._first.append(job)

    def add_visitor(self, source: str, job: T) -> None:
        """Queue a job from outside; raises Busy."""
        self._visitors.add(source, job)

    def batch(self, shares: Shares) -> list[T]:
        """What is to be run next: the daemon's own first. Nothing if nothing waits."""
        waits = bool(self._first or self._own)
        share = shares.visitors_beside if waits else shares.visitors_alone
        visitors = self._visitors.take(min(share, shares.batch - waits))
        room = min(shares.own, shares.batch - len(visitors))
        first = [self._first.popleft() for _ in range(min(room, len(self._first)))]
        own = [self._own.popleft() for _ in range(min(room - len(first), len(self._own)))]
        return first + own + visitors

    def clear(self) -> list[T]:
        """Everything that waits; the lanes are empty then."""
        rest = [*self._first, *self._own, *self._visitors.take(len(self._visitors))]
        self._first.clear()
        self._own.clear()
        return rest
