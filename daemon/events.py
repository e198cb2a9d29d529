"""What happens in the daemon, told to whoever follows: orders moving, chips changing.

Events have a kind: "order" (an order's state), "chip" (what a chip is doing), "stock" (a figure
that was read), "sms" (a text of the operator that is no proof of an order), "modem" (the state of
a slot), and the time at which they happened. A follower may say which it wants; only those are
kept for it. A follower that reads too slowly loses its oldest events and is told how many; the
daemon never waits for one. Who tells agents of results has to be woken only: he listens, and
hears of nothing but orders that are finished, and that something else was written for an agent.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Any

from pulsarack.queue.orders import Order

Event = dict[str, Any]
BACKLOG = 1000


class Events:
    """One bus for the whole daemon."""

    def __init__(self, now_ms: Callable[[], int] | None = None) -> None:
        self._now_ms = now_ms
        # A dict for its order: who is told first must not hang on where an object lies.
        self._followers: dict[_Follower, None] = {}
        self._listeners: list[Callable[[Order], None]] = []
        self._carriers: list[Callable[[], None]] = []

    def publish(self, kind: str, **fields: Any) -> None:
        """Tell every follower; never blocks."""
        if not self._followers:
            return
        event = {"kind": kind, **fields}  # one for all, so that it is in memory once
        if self._now_ms is not None:
            event["at"] = self._now_ms()
        for follower in self._followers:
            follower.put(event)

    def finished(self, order: Order) -> None:
        """An order has its final state, and its agent is to be told: tell every listener."""
        for listen in self._listeners:
            listen(order)

    def listen(self, listener: Callable[[Order], None]) -> None:
        """Call this with every finished order, at once and for as long as the daemon runs."""
        self._listeners.append(listener)

    def noticed(self) -> None:
        """An agent is to be told what he did not ask for (money came): tell who carries it."""
        for carry in self._carriers:
            carry()

    def listen_to_notices(self, carrier: Callable[[], None]) -> None:
        """Call this when notices may have been written, on whatever channel."""
        self._carriers.append(carrier)

    async def follow(
        self, wanted: Callable[[Event], bool] | None = None
    ) -> AsyncGenerator[Event, None]:
        """Every event from now on, or every one that is wanted."""
        follower = _Follower(wanted)
        self._followers[follower] = None
        try:
            while True:
                yield await follower.get()
        finally:
            self._followers.pop(follower, None)


class _Follower:
    def __init__(self, wanted: Callable[[Event], bool] | None) -> None:
        self._wanted = wanted
        self._waiting: deque[Event] = deque()
        self._lost = 0
        self._news = asyncio.Event()

    def put(self, event: Event) -> None:
        if self._wanted is not None and not self._wanted(event):
            return
        if len(self._waiting) >= BACKLOG:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(event)
        self._news.set()

    async def get(self) -> Event:
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        if self._lost:
            lost, self._lost = self._lost, 0
            return {"kind": "lost", "count": lost}
        return self._waiting.popleft()
