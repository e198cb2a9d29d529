"""A store without threads: each job runs at once, in a transaction of its own.

For tests, where the order of everything must follow from the seed. It takes the same lock
and the same migrations as the daemon.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from peewee import Database, Model, PeeweeException

from pulsarack.daemon.store import prepare
from pulsarack.daemon.store_errors import NotStored, StoreClosed, fault_of
from pulsarack.daemon.store_files import StateLock, Synchronous, check_place, database
from pulsarack.daemon.store_thread import Job, T
from pulsarack.daemon.store_transaction import Transaction
from pulsarack.ledger import sql

FIRST_RUNS, A_SHARE = 1, 16


class InlineStore:
    """The same interface as `store.Store`, in the caller's thread."""

    rehearses = True
    """A job is run, undone, and run again, as in a group that the real store undid: the first
    of each kind in the life of a store, and then one of sixteen."""

    def __init__(self, db: Database, lock: StateLock) -> None:
        """Wraps a connected database; used by `open`."""
        self._db = db
        self._lock = lock
        self._closed = False
        self._runs: Counter[object] = Counter()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        now_ms: int,
        models: Sequence[type[Model]] = (),
        synchronous: Synchronous = "FULL",
        before_upgrade: Callable[[], None] | None = None,
    ) -> "InlineStore":
        """As `store.Store.open`. With synchronous "OFF" a commit does not wait for the disk:
        it outlives the process but not the machine, which is enough for a simulation."""
        lock = StateLock(path.parent)
        try:
            check_place(path)
            db = prepare(database(path, synchronous), path, now_ms, models, before_upgrade)
        except BaseException:
            lock.release()
            raise
        return cls(db, lock)

    def run_inline(self, job: Job[T]) -> T:
        """Run a job in a transaction now; raises what it raised, NotStored, or StoreClosed."""
        self._check()
        in_job = False
        try:
            with Transaction(self._db, "BEGIN IMMEDIATE"):
                in_job = True
                value = rehearsed(self._db, job) if self._rehearse(job) else job(self._db)
                in_job = False
        except PeeweeException as error:
            if fault := fault_of(error, Path(self._db.database)):
                raise fault from error
            if in_job:
                raise
            raise NotStored(error) from error
        return value

    def read_inline(self, job: Job[T]) -> T:
        """Run a job on a snapshot that it cannot change, now; raises StoreClosed."""
        self._check()
        sql.run(self._db, "PRAGMA query_only = ON")
        try:
            with Transaction(self._db, "BEGIN"):
                return job(self._db)
        finally:
            sql.run(self._db, "PRAGMA query_only = OFF")

    async def write(self, job: Job[T]) -> T:
        """As `run_inline`, without giving way to another coroutine."""
        return self.run_inline(job)

    async def read(self, job: Job[T]) -> T:
        """As `read_inline`."""
        return self.read_inline(job)

    async def write_first(self, job: Job[T]) -> T:
        """As `write`."""
        return await self.write(job)

    async def write_for(self, source: str, job: Job[T], turns: int = 1) -> T:
        """As `write`."""
        return await self.write(job)

    async def read_for(self, source: str, job: Job[T]) -> T:
        """As `read`."""
        return await self.read(job)

    def close(self) -> None:
        """Close the file and give the directory free."""
        self._closed = True
        self._db.close()
        self._lock.release()

    def _rehearse(self, job: Job[T]) -> bool:
        """By where it is written, so that the same test always has the same ones."""
        kind = getattr(job, "__code__", type(job))
        self._runs[kind] += 1
        return self.rehearses and (self._runs[kind] <= FIRST_RUNS or not self._runs[kind] % A_SHARE)

    def _check(self) -> None:
        if self._closed:
            raise StoreClosed


def rehearsed(db: Database, job: Job[T]) -> T:
    """Run a job, undo it, and run it again, which must end in the same way."""
    sql.run(db, "SAVEPOINT rehearsal")
    raised: Exception | None = None
    try:
        job(db)
    except Exception as error:
        if not db.connection().in_transaction:  # type: ignore[no-untyped-call]
            raise
        raised = error
    sql.run(db, "ROLLBACK TO rehearsal")
    sql.run(db, "RELEASE rehearsal")
    try:
        value = job(db)
    except Exception as error:
        assert type(error) is type(raised), "a job that ran again failed in another way"
        raise
    assert raised is None, "a job that ran again succeeded, and had failed"
    return value
