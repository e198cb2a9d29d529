"""Listening to one slot's line: everything that is said, secrets masked, for whoever follows.

While nobody follows, nothing is kept and the modem is driven without a detour. A follower
that reads too slowly loses its oldest lines and is told how many; the modem never waits.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Any

from pulsarack.daemon import log as logging
from pulsarack.daemon.trace_mask import mask_line
from pulsarack.modems.trace_lines import TraceLines
from pulsarack.modems.transport import Direction, Trace

BACKLOG = 1000
FOLLOWERS_LIMIT = 8

Line = dict[str, Any]


class Tap:
    """The listeners of one slot; `attach` connects `put` to the modem, or nothing."""

    def __init__(self, now_ms: Callable[[], int], attach: Callable[[Trace | None], None]) -> None:
        self._now_ms = now_ms
        self._attach = attach
        self._lines = TraceLines()
        self._followers: list[_Follower] = []

    @property
    def trace(self) -> Trace | None:
        """What a modem hands its bytes to; None while nobody listens."""
        return self.put if self._followers else None

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another follower."""
        return len(self._followers) >= FOLLOWERS_LIMIT

    def put(self, direction: Direction, data: bytes) -> None:
        """Bytes of the line."""
        for found in self._lines.feed(direction, data):
            text = mask_line(found.text, logging.masked)
            line = {"at": self._now_ms(), "way": found.way.value, "text": text}
            for follower in self._followers:
                follower.put(line)

    async def follow(self) -> AsyncGenerator[Line, None]:
        """Every line from now on; `way` is a sign of a trace file, or `lost` with a count."""
        follower = _Follower()
        if not self._followers:
            self._lines = TraceLines()  # whatever was half said when the last one left
        self._followers.append(follower)
        self._attach(self.trace)
        try:
            while True:
                yield await follower.get()
        finally:
            self._followers.remove(follower)
            self._attach(self.trace)


class _Follower:
    def __init__(self) -> None:
        self._waiting: deque[Line] = deque()
        self._lost = 0
        self._news = asyncio.Event()

    def put(self, line: Line) -> None:
        if len(self._waiting) >= BACKLOG:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(line)
        self._news.set()

    async def get(self) -> Line:
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        if self._lost:
            lost, self._lost = self._lost, 0
            return {"at": self._waiting[0]["at"], "way": "lost", "text": "", "count": lost}
        return self._waiting.popleft()
