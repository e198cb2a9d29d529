"""The store: one SQLite file, one thread that writes it, two that read it.

A job is a function that is given the database and runs as a unit: what it wrote is on
disk when its waiter wakes, or none of it is there. The writing thread takes all jobs
that have gathered into one transaction and commits once: the disk is waited for once a group, not
once an order. A job that raises is undone alone and only its own waiter hears of it; if the commit
fails, everybody does.

Most jobs that raise have written nothing yet, and few raise at all. So a group runs without
savepoints, which cost more than a small job: SQLite keeps a copy of every page that is written
behind one. If there is something to undo after all, it is the whole group, and its jobs run
once more, each behind a savepoint.

What the disk or the file is guilty of comes as a StoreError, whatever job ran into it. Of a
full disk nothing is left behind, and the next job is tried anew. A damaged or replaced file
ends the store (`StoreBroken`): nothing more is written or read, and `broken` is set.

What comes from outside waits behind the daemon's own jobs and may be refused
(store_lanes.py); it is read in a thread of its own, so that no long list holds up a sale.

Jobs return plain values (not cursors or queries that are read later) and do no other
I/O: while one runs, all others wait. They may be run more than once, each time from what those
before them have left, and leave nothing behind but what they return and what they write: the last
run counts. What they write is rows, since it is by its changed rows that a job is known to have
something to undo: a job changes no table, leaves no savepoint open, and reads what RETURNING gives
to its end.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import apsw
from peewee import Database, Model

from pulsarack.daemon.migrations import load_scripts, migrate
from pulsarack.daemon.slow_statements import Listen, to_nothing
from pulsarack.daemon.store_check import check_file
from pulsarack.daemon.store_errors import (
    NotStored,
    StateDirectoryUnusable,
    StoreBroken,
    StoreError,
    fault_of,
)
from pulsarack.daemon.store_files import (
    StateLock,
    check_files,
    check_not_torn,
    check_place,
    connect,
    database,
    leave_log_on_close,
    make_file,
)
from pulsarack.daemon.store_lanes import Shares
from pulsarack.daemon.store_mark import CommitMark, check_mark
from pulsarack.daemon.store_meter import READING, VISITING, WRITING, StoreMeter
from pulsarack.daemon.store_thread import Job, JobThread, T, Ticket
from pulsarack.daemon.store_transaction import Transaction
from pulsarack.ledger import models as ledger_models
from pulsarack.ledger import sql

_ONE_BY_ONE = Shares(batch=1)
_READERS_CACHE_KIB = 1024


class Transactions(Protocol):
    """What the rest of the daemon needs of a store, threaded or inline."""

    async def write(self, job: Job[T]) -> T:
        """Run a job in a transaction; returns once it is durable, raises what it raised."""

    async def write_first(self, job: Job[T]) -> T:
        """As `write`, before what else of the daemon's waits: a chip stands still meanwhile."""

    async def read(self, job: Job[T]) -> T:
        """Run a job on a snapshot that it cannot change."""

    async def write_for(self, source: str, job: Job[T], turns: int = 1) -> T:
        """As `write`, for somebody outside: in turn with other sources; raises Busy.

        A job that stands for many requests (`turns`) counts as so many, and waits as long.
        """

    async def read_for(self, source: str, job: Job[T]) -> T:
        """As `read`, for somebody outside: in turn with other sources; raises Busy."""

    def close(self) -> None:
        """Finish the jobs handed over, close the file, give the directory free."""


class Store:
    """The store of the running daemon. Open it with `Store.open`."""

    def __init__(
        self, db: Database, path: Path, lock: StateLock, listen: Listen, meter: StoreMeter
    ) -> None:
        """Starts the three threads; used by `open`."""
        self._lock = lock
        self._listen = listen
        self._path = path
        self._mark: CommitMark | None = None
        self.meter = meter
        now, spreads = self.meter.now, self.meter.job_seconds
        self.broken = asyncio.Event()
        self.fault: StoreBroken | None = None
        self._writer = JobThread(
            "store-writer",
            db,
            lambda: self._connect_writer(db),
            self._write_group,
            lambda: meter.size.shares,
            spread=spreads[WRITING],
            now=now,
        )
        readers: list[JobThread] = []
        try:
            for name, spread in (
                ("store-reader", spreads[READING]),
                ("store-visitors", spreads[VISITING]),
            ):
                connecting = partial(self._connect_reader, db)
                readers.append(
                    JobThread(
                        name,
                        db,
                        connecting,
                        _read_batch,
                        lambda: _ONE_BY_ONE,
                        spread=spread,
                        now=now,
                    )
                )
        except StoreError:
            for thread in (*readers, self._writer):
                thread.close()
            raise
        self._reader, self._visitors = readers

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        now_ms: int,
        models: Sequence[type[Model]] = (),
        listen: Listen = to_nothing,
        before_upgrade: Callable[[], None] | None = None,
        meter: StoreMeter | None = None,
    ) -> "Store":
        """Lock the directory of `path`, bring the tables up to date, start the threads.

        `models` are bound beside the ledger's; bound models belong to the store opened
        last. Each thread's connection is handed to `listen`. `before_upgrade` is called
        before the tables of an older version are touched. `meter`: with another stopwatch than
        the machine's. Raises a StoreError that names the
        remedy; nothing is left open then.
        """
        check_files(path)
        lock = StateLock(path.parent)
        try:
            check_place(path)
            db = prepare(database(path), path, now_ms, models, before_upgrade)
            db.close()  # each thread opens a connection of its own
            return cls(db, path, lock, listen, meter or StoreMeter())
        except BaseException:
            lock.release()
            raise

    # What is awaited is `_run` itself: no coroutine of its own stands before it.

    def write(self, job: Job[T]) -> Coroutine[Any, Any, T]:
        """Run a job in a transaction; returns once it is durable, raises what it raised."""
        return self._run(self._writer.submit, job)

    def write_first(self, job: Job[T]) -> Coroutine[Any, Any, T]:
        """As `write`, before what else of the daemon's waits: a chip stands still meanwhile."""
        return self._run(self._writer.submit_first, job)

    def write_for(self, source: str, job: Job[T], turns: int = 1) -> Coroutine[Any, Any, T]:
        """As `write`, for somebody outside: in turn with other sources; raises Busy."""
        return self._run(partial(self._writer.submit_for, source, turns), job)

    def read(self, job: Job[T]) -> Coroutine[Any, Any, T]:
        """Run a job on a snapshot that it cannot change."""
        return self._run(self._reader.submit, job)

    def read_for(self, source: str, job: Job[T]) -> Coroutine[Any, Any, T]:
        """As `read`, for somebody outside: in turn with other sources; raises Busy."""
        return self._run(partial(self._visitors.submit_for, source, 1), job)

    def waiting(self) -> dict[str, int]:
        """How many requests from outside wait to be written, and to be read."""
        return {"writing": self._writer.visitors(), "reading": self._visitors.visitors()}

    def backlog(self) -> dict[str, int]:
        """How many jobs wait for each thread, by the names of `StoreMeter.job_seconds`."""
        threads = {WRITING: self._writer, READING: self._reader, VISITING: self._visitors}
        return {name: thread.waiting() for name, thread in threads.items()}

    def signs_of_life(self) -> dict[str, Callable[[], int | None]]:
        """What shows of each thread that it is not stuck: for the watchdog."""
        return {
            "the writing thread": self._writer.sign_of_life,
            "the reading thread": self._reader.sign_of_life,
            "the thread that reads for callers": self._visitors.sign_of_life,
        }

    def close(self) -> None:
        """Finish the jobs handed over, close the file, give the directory free."""
        for thread in (self._visitors, self._reader, self._writer):
            thread.close()
        if self._mark is not None:
            self._mark.close()
            self._mark = None
        self._lock.release()

    async def _run(self, submit: Callable[[Job[T]], "asyncio.Future[T]"], job: Job[T]) -> T:
        if self.fault is not None:
            raise self.fault
        try:
            return await submit(job)
        except StoreBroken as error:
            self._break(error)
            raise

    async def watch(self) -> None:
        """Wait until the store is broken, and raise why."""
        await self.broken.wait()
        assert self.fault is not None
        raise self.fault

    def _break(self, error: StoreBroken) -> None:
        self.fault = self.fault or error
        self.broken.set()

    def _connect_writer(self, db: Database) -> None:
        connect(db, self._path)
        leave_log_on_close(db, False)
        try:
            self._mark = CommitMark(db, self._path)
        except OSError as error:
            raise StateDirectoryUnusable(self._path.parent, error) from error
        self._listen(db)

    def _connect_reader(self, db: Database) -> None:
        connect(db, self._path)
        sql.run(db, "PRAGMA query_only = ON")
        # Long lists pass through it once; what is looked at often, the system keeps at hand.
        sql.run(db, f"PRAGMA cache_size = -{_READERS_CACHE_KIB}")
        self._listen(db)

    def _write_group(self, db: Database, batch: Sequence[Ticket]) -> StoreError | None:
        if self.fault is not None:
            return self.fault
        assert self._mark is not None
        failed = _write_batch(db, batch, self._mark, self.meter)
        if failed is not None:
            self.meter.failed += 1
            self._mark.forget()
            return failed
        moved = self._mark.note(db)
        if moved is None:
            return None
        # What was saved is stored: its waiters are told so, and nobody after them.
        batch[0].loop.call_soon_threadsafe(self._break, moved)
        return None if moved.saved else moved


def prepare(
    db: Database,
    path: Path,
    now_ms: int,
    models: Sequence[type[Model]],
    before_upgrade: Callable[[], None] | None = None,
) -> Database:
    """Connect, migrate the file and bind the models to it; if it raises, nothing is open."""
    check_files(path)
    check_not_torn(path)
    make_file(path)
    connect(db, path)
    try:
        check_file(db, path)
        check_mark(db, path)
        leave_log_on_close(db, False)
        # An index over millions of rows is sorted on the disk, not in memory.
        sql.run(db, "PRAGMA temp_store = file")
        migrate(db, load_scripts(), now_ms=now_ms, before=before_upgrade)
        sql.run(db, "PRAGMA temp_store = memory")
    except BaseException:
        db.close()
        raise
    db.bind([*ledger_models.MODELS, *models])
    return db


class _GroupLost(Exception):
    """The transaction ended under the jobs that were running in it."""


def _write_batch(
    db: Database, batch: Sequence[Ticket], mark: CommitMark, meter: StoreMeter
) -> StoreError | None:
    started = meter.now()
    try:
        with Transaction(db, "BEGIN IMMEDIATE"):
            changed = _write_jobs(db, batch)
            if changed:
                mark.count(db)
            began = meter.now()
        if changed:
            requests = sum(ticket.turns for ticket in batch)
            meter.group(len(batch), requests, began - started, meter.now() - began)
    except StoreError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, every waiter must hear of it
        return fault_of(error, Path(db.database)) or NotStored(error)
    return None


def _write_jobs(db: Database, batch: Sequence[Ticket]) -> bool:
    """Run them; whether there is anything to be stored."""
    before = sql.changes(db)
    if _write_together(db, batch):
        return sql.changes(db) != before
    # If another program takes the file between the two statements, the whole group is not stored.
    sql.run(db, "ROLLBACK")
    sql.run(db, "BEGIN IMMEDIATE")
    if len(batch) == 1:
        return False  # it failed, and nothing is left of it
    left = [_write_apart(db, ticket) for ticket in batch]
    return any(left)


def _write_together(db: Database, batch: Sequence[Ticket]) -> bool:
    """One job after the other; False once one has failed that had written something."""
    for ticket in batch:
        before = sql.changes(db)
        try:
            ticket.value = ticket.job(db)
        except Exception as error:  # noqa: BLE001 - it is the waiter's, who raises it again
            _note_failure(db, ticket, error)
            if sql.changes(db) != before:
                return False
        if not db.connection().in_transaction:  # type: ignore[no-untyped-call]
            raise _GroupLost("a job went on after its transaction had ended")
    return True


def _write_apart(db: Database, ticket: Ticket) -> bool:
    """Run a job that is undone without those before it; whether it has left anything."""
    before, ticket.error = sql.changes(db), None
    try:
        # A name of its own would make each of them a statement to be prepared.
        sql.run(db, "SAVEPOINT job")
        try:
            ticket.value = ticket.job(db)
            sql.run(db, "RELEASE job")
        except BaseException:
            sql.run(db, "ROLLBACK TO job")
            sql.run(db, "RELEASE job")
            raise
    except Exception as error:  # noqa: BLE001 - it is the waiter's, who raises it again
        _note_failure(db, ticket, error)
        return False
    return sql.changes(db) != before


def _note_failure(db: Database, ticket: Ticket, error: Exception) -> None:
    """Note on a ticket why its job failed; raises if it is the whole group's failure."""
    fault = fault_of(error, Path(db.database))
    ticket.error = fault or error  # it is the waiter's, who raises it again
    if isinstance(fault, StoreBroken):
        raise fault from error  # what else the group did may rest on what cannot be true
    # SQLite ends a transaction by itself on a full disk and the like.
    if not db.connection().in_transaction:  # type: ignore[no-untyped-call]
        # Further jobs would be committed one statement at a time.
        raise fault or _GroupLost(str(error)) from error


def _read_batch(db: Database, batch: Sequence[Ticket]) -> StoreError | None:
    for ticket in batch:
        try:
            with Transaction(db, "BEGIN"):
                ticket.value = ticket.job(db)
        except Exception as error:  # noqa: BLE001 - it is the waiter's, who raises it again
            ticket.error = _fault_of_reading(error, Path(db.database)) or error
    return None


def _fault_of_reading(error: Exception, path: Path) -> StoreError | None:
    fault = fault_of(error, path)
    # A reader that wants to write is a fault of the program and of nobody else.
    return None if isinstance(getattr(error, "orig", None), apsw.ReadOnlyError) else fault
