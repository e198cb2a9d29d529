"""A small front desk and post for the chat channels: they keep what they are given, in memory."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pulsarack.daemon.errors import DaemonError
from pulsarack.queue.post.inbound import Letter


@dataclass(frozen=True, slots=True)
class Kept:
    repeated: bool


class MemoryDesk:
    """Takes each letter once, by its id; what it was given can be waited for."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[Letter, str]] = {}
        self.asked = 0
        self.failing: DaemonError | None = None
        self.gate: asyncio.Event | None = None
        self._changed = asyncio.Event()

    async def receive(self, letter: Letter) -> Kept:
        return await self._keep(letter, "")

    async def refuse(
        self, letter: Letter, key: str, values: Mapping[str, str | int] | None = None
    ) -> Kept:
        return await self._keep(letter, key)

    @property
    def letters(self) -> list[Letter]:
        """What is to be read."""
        return [letter for letter, refusal in self.taken.values() if not refusal]

    @property
    def refused(self) -> list[tuple[str, str]]:
        """Texts that are not, and why."""
        return [(letter.text, refusal) for letter, refusal in self.taken.values() if refusal]

    async def until(self, reached: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until something holds that changes only when a letter comes."""
        async with asyncio.timeout(seconds):
            while not reached():
                self._changed.clear()
                await self._changed.wait()

    async def _keep(self, letter: Letter, refusal: str) -> Kept:
        self.asked += 1
        self._changed.set()
        if self.failing is not None:
            raise self.failing
        if self.gate is not None:
            await self.gate.wait()
        repeated = letter.message_id in self.taken
        self.taken.setdefault(letter.message_id, (letter, refusal))
        self._changed.set()
        return Kept(repeated)


class MemoryPost:
    """Who is bound, and what became of what was sent."""

    def __init__(self, *bound: str) -> None:
        self.bound = set(bound)
        self.wrote: dict[str, int] = {}
        self.reports: asyncio.Queue[tuple[str, bool, str]] = asyncio.Queue()
        self.failing: DaemonError | None = None
        self.knows_all = True

    async def note_delivery(
        self, channel: str, provider_id: str, delivered: bool, why: str
    ) -> bool:
        if self.failing is not None:
            raise self.failing
        self.reports.put_nowait((provider_id, delivered, why))
        return self.knows_all

    async def knows(self, channel: str, address: str) -> bool:
        return address in self.bound

    async def wrote_at(self, channel: str, address: str) -> int | None:
        return self.wrote.get(address)
