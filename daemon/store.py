"""The store: one SQLite file, one thread that writes it, one that reads it.

A job is a function that is given the database and runs as a unit: what it wrote is on
disk when its waiter wakes, or none of it is there. The writing thread takes all jobs
that have gathered into one transaction, each behind a savepoint of its own, and commits
once: the disk is waited for once a group, not once an order. A job that raises is
rolled back alone and only its own waiter hears of it; if the commit fails, everybody
does.

Jobs return plain values (not cursors or queries that are read later) and do no other
I/O: while one runs, all others wait.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from peewee import Database, Model

from pulsarack.daemon.migrations import load_scripts, migrate
from pulsarack.daemon.store_errors import NotStored, StoreError
from pulsarack.daemon.store_files import StateLock, connect, database
from pulsarack.daemon.store_thread import Job, JobThread, T, Ticket
from pulsarack.ledger import models as ledger_models
from pulsarack.ledger import sql

_GROUP_LIMIT = 256
"""Most jobs in one commit: bounds how long the first of them waits for the last."""


class Transactions(Protocol):
    """What the rest of the daemon needs of a store, threaded or inline."""

    async def write(self, job: Job[T]) -> T:
        """Run a job in a transaction; returns once it is durable, raises what it raised."""

    async def read(self, job: Job[T]) -> T:
        """Run a job on a snapshot that it cannot change."""

    async def healthy(self, within_seconds: float) -> bool:
        """Whether a write gets through in this (real) time."""

    def close(self) -> None:
        """Finish the jobs handed over, close the file, give the directory free."""


class Store:
    """The store of the running daemon. Open it with `Store.open`."""

    def __init__(self, db: Database, path: Path, lock: StateLock) -> None:
        """Starts the two threads; used by `open`."""
        self._lock = lock
        self._writer = JobThread(
            "store-writer", db, lambda: connect(db, path), _write_batch, _GROUP_LIMIT
        )
        try:
            self._reader = JobThread(
                "store-reader", db, lambda: _connect_reader(db, path), _read_batch, 1
            )
        except StoreError:
            self._writer.close()
            raise

    @classmethod
    def open(cls, path: Path, *, now_ms: int, models: Sequence[type[Model]] = ()) -> "Store":
        """Lock the directory of `path`, bring the tables up to date, start the threads.

        `models` are bound beside the ledger's; bound models belong to the store opened
        last. Raises a StoreError that names the remedy; nothing is left open then.
        """
        lock = StateLock(path.parent)
        try:
            db = prepare(database(path), path, now_ms, models)
            return cls(db, path, lock)
        except BaseException:
            lock.release()
            raise

    async def write(self, job: Job[T]) -> T:
        """Run a job in a transaction; returns once it is durable, raises what it raised."""
        return await self._writer.submit(job)

    async def read(self, job: Job[T]) -> T:
        """Run a job on a snapshot that it cannot change."""
        return await self._reader.submit(job)

    async def healthy(self, within_seconds: float) -> bool:
        """Whether the writer commits a job within this real time: for the watchdog."""
        try:
            await asyncio.wait_for(self.write(_nothing), within_seconds)
        except (StoreError, TimeoutError):
            return False
        return True

    def close(self) -> None:
        """Finish the jobs handed over, close the file, give the directory free."""
        self._reader.close()
        self._writer.close()
        self._lock.release()


def prepare(
    db: Database, path: Path, now_ms: int, models: Sequence[type[Model]], keep_open: bool = False
) -> Database:
    """Migrate the file and bind the models to it; the connection is closed unless kept."""
    connect(db, path)
    try:
        migrate(db, load_scripts(), now_ms=now_ms)
    except BaseException:
        db.close()
        raise
    db.bind([*ledger_models.MODELS, *models])
    if not keep_open:
        db.close()
    return db


class _GroupLost(Exception):
    """The transaction ended under the jobs that were running in it."""


def _write_batch(db: Database, batch: Sequence[Ticket]) -> StoreError | None:
    try:
        with db.atomic("IMMEDIATE"):
            for ticket in batch:
                _write_one(db, ticket)
    except Exception as error:  # noqa: BLE001 - whatever it is, every waiter must hear of it
        return NotStored(error)
    return None


def _write_one(db: Database, ticket: Ticket) -> None:
    try:
        with db.savepoint():
            ticket.value = ticket.job(db)
    except Exception as error:
        ticket.error = error  # it is the waiter's, who raises it again
        # SQLite ends a transaction by itself on a full disk and the like.
        if not db.connection().in_transaction:  # type: ignore[no-untyped-call]
            # Further jobs would be committed one statement at a time.
            raise _GroupLost(str(error)) from error


def _read_batch(db: Database, batch: Sequence[Ticket]) -> StoreError | None:
    for ticket in batch:
        try:
            with db.atomic():
                ticket.value = ticket.job(db)
        except Exception as error:  # noqa: BLE001 - it is the waiter's, who raises it again
            ticket.error = error
    return None


def _connect_reader(db: Database, path: Path) -> None:
    connect(db, path)
    sql.run(db, "PRAGMA query_only = ON")


def _nothing(db: Database) -> None:
    """A job that changes nothing: it commits without touching the disk."""
