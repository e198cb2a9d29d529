"""A thread that owns one connection and runs jobs on it.

Coroutines hand over a function and wait; the thread takes what has gathered, up to a
limit, runs it as one batch and wakes all waiters of an event loop with one call. How a
batch is run (one commit for all, or a snapshot each) is given from outside. What waits, and
whose turn it is, is in store_lanes.py: the daemon's own jobs are never refused, those from
outside are beyond a bound.

A waiter that is cancelled gets no result, but its job runs all the same: once handed
over, a job is done or refused by the database and by nothing else.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from peewee import Database

from pulsarack.daemon.measures import Spread, Stopwatch
from pulsarack.daemon.store_errors import StoreClosed, StoreError
from pulsarack.daemon.store_lanes import Lanes, Shares

T = TypeVar("T")
Job = Callable[[Database], T]


class Ticket:
    """One job, who waits for it, and how it went; `turns`: for how many requests it stands."""

    __slots__ = ("began", "error", "job", "loop", "turns", "value", "waiter")

    def __init__(
        self, job: Job[Any], loop: asyncio.AbstractEventLoop, began: float, turns: int = 1
    ) -> None:
        self.job = job
        self.turns = turns
        self.began = began
        self.loop = loop
        self.waiter: asyncio.Future[Any] = loop.create_future()
        self.value: Any = None
        self.error: Exception | None = None

    def wake(self) -> None:
        """Hand the result to the waiter. On the waiter's own loop only."""
        if self.waiter.done():  # cancelled meanwhile
            return
        if self.error is None:
            self.waiter.set_result(self.value)
        else:
            self.waiter.set_exception(self.error)


RunBatch = Callable[[Database, Sequence[Ticket]], StoreError | None]
"""Runs jobs and notes value or error on each; an error it returns is everybody's."""


class JobThread:
    """Runs jobs one after the other on a connection that no other thread uses."""

    def __init__(
        self,
        name: str,
        db: Database,
        connect: Callable[[], None],
        run_batch: RunBatch,
        shares: Callable[[], Shares],
        *,
        spread: Spread,
        now: Stopwatch,
    ) -> None:
        """Start the thread and wait until it is connected; raises what `connect` raised.

        `shares` is asked before each batch how large it may be. How long each job took from being
        handed over goes into `spread`.
        """
        self._spread = spread
        self._now = now
        self._db = db
        self._connect = connect
        self._run_batch = run_batch
        self._shares = shares
        self._backlog: Lanes[Ticket] = Lanes()
        self._mutex = threading.Lock()
        # Locked but for the moment in which the thread is woken: for want of jobs it sleeps here.
        # A Condition, which is written in Python, would cost more than a small job.
        self._sleep = threading.Lock()
        self._sleep.acquire()
        self._asleep = False
        self._closing = False
        self._told_to_end = False
        self._batches = 0
        self._busy = False
        connected: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._main, args=(connected,), name=name, daemon=True
        )
        self._thread.start()
        connected.result()

    def submit(self, job: Job[T]) -> "asyncio.Future[T]":
        """Hand a job over; the future belongs to the running event loop."""
        ticket = Ticket(job, asyncio.get_running_loop(), self._now())
        with self._mutex:
            if self._closing:
                raise StoreClosed
            self._backlog.add(ticket)
            self._rouse()
        return ticket.waiter

    def submit_first(self, job: Job[T]) -> "asyncio.Future[T]":
        """Hand a job over that goes before the others of the daemon."""
        ticket = Ticket(job, asyncio.get_running_loop(), self._now())
        with self._mutex:
            if self._closing:
                raise StoreClosed
            self._backlog.add_first(ticket)
            self._rouse()
        return ticket.waiter

    def submit_for(self, source: str, turns: int, job: Job[T]) -> "asyncio.Future[T]":
        """Hand a job of so many requests over for somebody outside; raises Busy when too many
        wait already."""
        ticket = Ticket(job, asyncio.get_running_loop(), self._now(), turns)
        with self._mutex:
            if self._closing:
                raise StoreClosed
            self._backlog.add_visitor(source, ticket, turns)
            self._rouse()
        return ticket.waiter

    def visitors(self) -> int:
        """How many requests from outside wait. From any thread."""
        with self._mutex:
            return self._backlog.visitors

    def waiting(self) -> int:
        """How many jobs wait, the daemon's own and those from outside. From any thread."""
        with self._mutex:
            return len(self._backlog)

    def sign_of_life(self) -> int | None:
        """How many batches were run; None while there is nothing to do. From any thread."""
        with self._mutex:
            died = not self._thread.is_alive() and not self._told_to_end
            return self._batches if self._busy or len(self._backlog) or died else None

    def close(self) -> None:
        """Finish what was handed over, then end the thread. Waits; may be called twice."""
        with self._mutex:
            self._closing = self._told_to_end = True
            self._rouse()
        self._thread.join()

    def _main(self, connected: "Future[None]") -> None:
        try:
            self._connect()
        except StoreError as error:
            connected.set_exception(error)
            return
        connected.set_result(None)
        try:
            while batch := self._next_batch():
                try:
                    everybody = self._run_batch(self._db, batch)
                except BaseException:
                    _deliver(batch, StoreClosed())
                    raise
                self._note_times(batch)
                _deliver(batch, everybody)
        finally:
            self._refuse_the_rest()
            self._db.close()

    def _note_times(self, batch: Sequence[Ticket]) -> None:
        now = self._now()
        for ticket in batch:
            self._spread.note(now - ticket.began)

    def _next_batch(self) -> list[Ticket]:
        """What has gathered, at most the limit; [] when closed and drained."""
        while True:
            with self._mutex:
                self._batches += self._busy
                if len(self._backlog) or self._closing:
                    batch = self._backlog.batch(self._shares())
                    self._busy = len(batch) > 0
                    return batch
                self._busy = False
                self._asleep = True
            self._sleep.acquire()

    def _rouse(self) -> None:
        """Wake the thread if it sleeps. Under the mutex."""
        if self._asleep:
            self._asleep = False
            self._sleep.release()

    def _refuse_the_rest(self) -> None:
        with self._mutex:
            self._closing = True
            self._busy = False
            rest = self._backlog.clear()
        _deliver(rest, StoreClosed())


def _deliver(batch: Sequence[Ticket], everybody: StoreError | None) -> None:
    """Wake all waiters, with one call into each event loop."""
    per_loop: dict[asyncio.AbstractEventLoop, list[Ticket]] = {}
    for ticket in batch:
        if everybody is not None:
            ticket.error = everybody
        per_loop.setdefault(ticket.loop, []).append(ticket)
    for loop, tickets in per_loop.items():
        with suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_wake, tickets)


def _wake(tickets: Sequence[Ticket]) -> None:
    for ticket in tickets:
        ticket.wake()
