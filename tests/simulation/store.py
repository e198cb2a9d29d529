"""The store of the simulation: the product's own group commit, on the loop instead of a thread.

Jobs gather and are committed together after a drawn moment, as the writing thread does it;
readers are served in between. Now and then a job stands behind them that fails when it has
written something: the group is undone then, and its jobs run again. Before and after a commit
the life may end: what was not committed is gone, what was committed is there although nobody
was told.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

from peewee import Database

from pulsarack.daemon.store import _write_batch, prepare
from pulsarack.daemon.store_files import database
from pulsarack.daemon.store_mark import CommitMark
from pulsarack.daemon.store_meter import StoreMeter
from pulsarack.daemon.store_thread import Job, T, Ticket
from pulsarack.ledger import sql
from tests.simulation.crashes import CrashPoint
from tests.simulation.life import Life

# Seconds from handing a job over to its commit: a quick disk, and now and then a slow one.
QUICK = (0.001, 0.02)
SLOW = (0.2, 1.5)
SLOW_SHARE = 0.02
# Of the groups that have a job behind them which fails when it has written something.
UNDONE_SHARE = 0.05
UNDONE = "a name that must not stay"


class SimulatedStore:
    """`store.Transactions` in one thread and on virtual time."""

    def __init__(
        self, path: Path, now_ms: int, life: Life, rng: Random, on_commit: Callable[[int], None]
    ) -> None:
        self.db: Database = prepare(database(path, "OFF"), path, now_ms, ())
        self._mark = CommitMark(self.db, path)
        self._meter = StoreMeter(asyncio.get_running_loop().time)
        self._life = life
        self._rng = rng
        self._on_commit = on_commit
        self._backlog: list[Ticket] = []
        # Of its own: no history is another one because groups are undone.
        self._undoing = Random(now_ms)

    async def write(self, job: Job[T]) -> T:
        return await self._hand_over(job, len(self._backlog))

    async def write_first(self, job: Job[T]) -> T:
        """It overtakes what waits."""
        return await self._hand_over(job, 0)

    async def _hand_over(self, job: Job[T], place: int) -> T:
        self._life.check()
        loop = asyncio.get_running_loop()
        ticket = Ticket(job, loop, loop.time())
        if not self._backlog:
            share = SLOW if self._rng.random() < SLOW_SHARE else QUICK
            asyncio.get_running_loop().call_later(self._rng.uniform(*share), self._commit)
        self._backlog.insert(place, ticket)
        value: T = await ticket.waiter
        return value

    async def read(self, job: Job[T]) -> T:
        await asyncio.sleep(0)
        self._life.check()
        before = sql.changes(self.db)
        with self.db.atomic():
            value = job(self.db)
        assert sql.changes(self.db) == before, "a reading job wrote"
        await asyncio.sleep(0)
        return value

    async def write_for(self, source: str, job: Job[T], turns: int = 1) -> T:
        """As `write`."""
        return await self.write(job)

    async def read_for(self, source: str, job: Job[T]) -> T:
        """As `read`."""
        return await self.read(job)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open between two steps of the loop: only if a bug is planted."""
        return bool(self.db.connection().in_transaction)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Commit what was handed over, as a daemon that ends in order does, and close."""
        if self._backlog and not self._life.dead:
            self._commit()
        for ticket in self._backlog:
            ticket.waiter.cancel()
        self._mark.close()
        self.db.close()

    def _perhaps_undone(self, batch: list[Ticket]) -> list[Ticket]:
        if self._undoing.random() >= UNDONE_SHARE:
            return batch
        loop = asyncio.get_running_loop()
        return [*batch, Ticket(_fail_behind_a_row, loop, loop.time())]

    def _commit(self) -> None:
        if self._life.dead or not self._backlog:
            return
        if self._life.die_at(CrashPoint.BEFORE_COMMIT):
            return
        batch, self._backlog = self._backlog, []
        everybody = _write_batch(self.db, self._perhaps_undone(batch), self._mark, self._meter)
        left = sql.one(self.db, "SELECT 1 FROM agent WHERE name = ?", UNDONE)
        assert left is None, "a job that failed has left something"
        self._on_commit(len(batch))
        if self._life.die_at(CrashPoint.AFTER_COMMIT):
            return
        if everybody is None:
            assert self._mark.note(self.db) is None, "somebody moved the files"
        else:
            self._mark.forget()
        for ticket in batch:
            if everybody is not None:
                ticket.error = everybody
            ticket.wake()


def _fail_behind_a_row(db: Database) -> None:
    sql.run(db, "UPDATE agent SET name = ?", UNDONE)
    raise LookupError("a job of another that fails")
