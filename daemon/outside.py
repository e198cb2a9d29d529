"""The store as those outside see it: behind the daemon's own jobs, in turn, and bounded.

The calls of the control socket are written against `Transactions` like everything else;
given this one, whatever they read and write waits in the visitors' lanes under the name of
the caller. Who that is the server says once for each connection (`CALLER`); an order is
written under its agent's name instead, whatever connections the agent sends it over. What an
admin's call writes is recorded as his act in the same transaction (admins/witness.py).
"""

from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

from pulsarack.daemon.admins import witness
from pulsarack.daemon.store import Transactions
from pulsarack.daemon.store_thread import Job, T

CALLER: ContextVar[str] = ContextVar("caller", default="")
"""Whose turn a request of this task takes: one name a connection."""


class Outside:
    """`Transactions` for what comes from outside.

    Its methods add no coroutine of their own: each gives on the one that it gets.
    """

    def __init__(self, store: Transactions) -> None:
        self._store = store

    def write(self, job: Job[T]) -> Coroutine[Any, Any, T]:
        """As the store's, in the caller's turn; raises Busy."""
        return self.write_for(CALLER.get(), job)

    def write_first(self, job: Job[T]) -> Coroutine[Any, Any, T]:
        """Nobody outside goes first: as `write`."""
        return self.write(job)

    def read(self, job: Job[T]) -> Coroutine[Any, Any, T]:
        """As the store's, in the caller's turn; raises Busy."""
        return self._store.read_for(CALLER.get(), job)

    def write_for(self, source: str, job: Job[T], turns: int = 1) -> Coroutine[Any, Any, T]:
        """In the turn of somebody else than the caller; raises Busy."""
        return witness.write(lambda one: self._store.write_for(source, one, turns), job)

    def read_for(self, source: str, job: Job[T]) -> Coroutine[Any, Any, T]:
        """In the turn of somebody else than the caller; raises Busy."""
        return self._store.read_for(source, job)

    def close(self) -> None:
        """It is not theirs to close."""
