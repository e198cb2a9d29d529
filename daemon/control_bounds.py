"""What all connections of the control socket may take together, and who has to go beyond it.

Places are shared so that nobody can take them all: of the connections some are kept for
processes that have none yet (a person's command, when a program has opened a thousand); of
the requests in flight every connection has one place of its own, and the others come by
turns. Memory that is held for clients (answers that they do not take, lines that they do
not end) has one bound; when it is passed the one who has most of it is cut off, and nobody
else.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Protocol, TypeVar

CONNECTIONS_LIMIT = 1088
# Of those, only for processes that have no connection yet.
CONNECTIONS_KEPT = 64
IN_FLIGHT_LIMIT = 64
IN_FLIGHT_SHARED = 512
STREAMS_LIMIT = 8
STREAMS_SHARED = 2048
HELD_LIMIT = 64 * 1024 * 1024
# Below this nobody is looked at: it is what a client may well have under way.
HELD_UNSEEN = 64 * 1024


class Holder(Protocol):
    """A connection, as far as memory is concerned."""

    def held(self) -> int:
        """Octets that are kept for this client."""

    def cut(self) -> None:
        """Forget them, and the client."""


class Bounds:
    """The shared part of the bounds; one for a server."""

    def __init__(self) -> None:
        self.in_flight = asyncio.Semaphore(IN_FLIGHT_SHARED)
        self.streams = 0
        self._by_pid: Counter[int] = Counter()

    def enter(self, pid: int) -> bool:
        """Take a place for a connection of this process; False if there is none for it."""
        there = self._by_pid.total()
        limit = CONNECTIONS_LIMIT - (CONNECTIONS_KEPT if self._by_pid[pid] else 0)
        if there >= limit:
            return False
        self._by_pid[pid] += 1
        return True

    def leave(self, pid: int) -> None:
        """Give it back."""
        self._by_pid[pid] -= 1
        if not self._by_pid[pid]:
            del self._by_pid[pid]

    def figures(self) -> dict[str, int]:
        """How much is taken now."""
        return {"connections": self._by_pid.total(), "streams": self.streams}


AnyHolder = TypeVar("AnyHolder", bound=Holder)


def greediest(connections: Iterable[AnyHolder]) -> AnyHolder | None:
    """Who must be cut off because too much is held for all together; None: nobody."""
    held = {connection: connection.held() for connection in connections}
    if sum(held.values()) <= HELD_LIMIT:
        return None
    return max(held, key=held.__getitem__)
