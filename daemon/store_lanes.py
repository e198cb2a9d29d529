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

import heapq
import itertools
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
    without any of the daemon's own, and beside them. How many are best: store_groups.py.
    """

    batch: int
    own: int = 16
    visitors_alone: int = 64
    visitors_beside: int = 8


class _Source(Generic[T]):
    """What one source has waiting: its jobs, each with its turns."""

    __slots__ = ("jobs", "turns")

    def __init__(self) -> None:
        self.jobs: deque[tuple[int, T]] = deque()
        self.turns = 0


class VisitorLane(Generic[T]):
    """Jobs from outside, taken in turn over their sources, the oldest of each first.

    A job may stand for many requests, and counts as so many. It waits until as many turns have
    gone round as it has requests: who sends one order does not wait for who sends many at once,
    either. (Fair queueing by finishing times, as packets of several lengths share a line.)
    """

    def __init__(self) -> None:
        self._waiting: dict[str, _Source[T]] = {}
        # Of each source in which round its first job is due, and in which order they came there.
        self._due: list[tuple[int, int, str]] = []
        self._round = 0
        self._arrivals = itertools.count()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, source: str, job: T, turns: int = 1) -> None:
        """Queue a job of so many requests behind those of its source; raises Busy."""
        mine = self._waiting.get(source)
        if mine is not None and mine.turns + turns > MOST_OF_A_SOURCE:
            raise Busy(mine.turns, f"of {source[:40]} ")
        if self._count + turns > MOST_WAITING:
            raise Busy(self._count)
        if mine is None:
            mine = self._waiting[source] = _Source()
            self._line_up(source, turns)
        mine.jobs.append((turns, job))
        mine.turns += turns
        self._count += turns

    def take(self, most: int) -> list[T]:
        """The next jobs, of so many requests or fewer; of more only if the first one has more."""
        taken: list[T] = []
        room = most
        while self._due and room > 0:
            due, _, source = self._due[0]
            mine = self._waiting[source]
            turns, job = mine.jobs[0]
            if taken and turns > room:
                break
            heapq.heappop(self._due)
            mine.jobs.popleft()
            mine.turns -= turns
            self._round = due
            if mine.jobs:
                self._line_up(source, mine.jobs[0][0])
            else:
                del self._waiting[source]
            taken.append(job)
            room -= turns
            self._count -= turns
        return taken

    def _line_up(self, source: str, turns: int) -> None:
        heapq.heappush(self._due, (self._round + turns, next(self._arrivals), source))


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
        """How many requests from outside wait."""
        return len(self._visitors)

    def add(self, job: T) -> None:
        """Queue one of the daemon's own jobs."""
        self._own.append(job)

    def add_first(self, job: T) -> None:
        """Queue one that goes before the daemon's others."""
        self._first.append(job)

    def add_visitor(self, source: str, job: T, turns: int = 1) -> None:
        """Queue a job from outside that stands for so many requests; raises Busy."""
        self._visitors.add(source, job, turns)

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
