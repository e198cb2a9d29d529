"""Argon2 off the event loop: two threads and a bounded queue before them.

One hash takes a core for some 25 ms; it releases the interpreter meanwhile. Who comes when
too many wait is refused at once, before anything was counted or written.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from pulsarack.daemon.errors import DaemonError

T = TypeVar("T")

THREADS = 2
WAITING_MOST = 128


class PoolFull(DaemonError):
    """Too many PINs wait to be hashed."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} PINs wait to be looked at", "try again in some seconds")


class HashPool:
    """Two threads; none of them (`threads` False) if the caller's must do, as on virtual time."""

    def __init__(self, *, threads: bool = True, waiting_most: int = WAITING_MOST) -> None:
        self._executor = ThreadPoolExecutor(THREADS, "agent-pins") if threads else None
        self._most = waiting_most
        self._inside = 0

    @property
    def inside(self) -> int:
        """How many are at work or wait."""
        return self._inside

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None, None]:
        """A place in the queue for as long as the block lasts; raises PoolFull."""
        if self._inside >= self._most:
            raise PoolFull(self._inside)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def run(self, job: Callable[[], T]) -> T:
        """Do something slow; call it within a `place`."""
        if self._executor is None:
            return job()
        return await asyncio.get_running_loop().run_in_executor(self._executor, job)

    def close(self) -> None:
        """Wait for what is being hashed; what only waits is not begun."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
