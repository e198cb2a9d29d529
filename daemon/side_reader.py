"""Long reads of the whole database, beside the daemon and not in it.

The store's reading threads answer in milliseconds, because sales wait for them. What adds up a
day, or audits everything, gets a connection, a snapshot and a thread of its own: SQLite lets it
read for minutes while others write. It gives way: after every few milliseconds of work it rests
for one, and there it also hears that nobody waits for it any more.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from peewee import Database

from pulsarack.daemon.store_files import open_read_only

T = TypeVar("T")

AT_ONCE: Final = 2
"""Reads at the same time; further ones wait."""
STEPS: Final = 100_000
"""Instructions of SQLite's machine between two rests: about five milliseconds."""
REST_SECONDS: Final = 0.001


class SideReader:
    """Reads one database file; with `threads` off at once, for tests on virtual time."""

    def __init__(self, path: Path, *, threads: bool = True) -> None:
        """Opens nothing."""
        self.path = path
        self._threads = threads
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self, job: Callable[[Database], T]) -> T:
        """Run a job on one snapshot; raises what it raised, or DatabaseUnreadable.

        Cancelled, it returns at once; the job ends at its next rest, and nobody hears of it.
        """
        stop = threading.Event()
        try:
            async with self._turns:
                return await self.aside(lambda: self._read(job, stop))
        finally:
            stop.set()

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what has nothing to do with the database, but waits for the disk as well."""
        if not self._threads:
            return work()
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="side-reader")
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work)
        finally:
            executor.shutdown(wait=False)

    def _read(self, job: Callable[[Database], T], stop: threading.Event) -> T:
        with open_read_only(self.path) as db:
            connection = db.connection()  # type: ignore[no-untyped-call]
            if self._threads:
                connection.set_progress_handler(lambda: stop.wait(REST_SECONDS), STEPS)
            return job(db)
