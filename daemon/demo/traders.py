"""The agents of a demonstration: they type, resend until answered, and note what they are told.

They type as fast as the rack sells: so many orders are on their way that no chip waits
for one, and no more, so that a kill finds orders in every state and not one long queue.
Undecided orders hold up nobody but their own chip.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from pulsarack.daemon.client import CallFailed
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.workload import Typed

ORDERS_A_CHIP = 3
REFRESH_SECONDS = 0.5
# Events tell all this sooner, but not across a kill.
RECONCILE_SECONDS = 2.0


class Traders:
    """All agents of one run."""

    def __init__(self, link: Link, progress: Progress, chips: int) -> None:
        self._link = link
        self._progress = progress
        self._on_the_way = ORDERS_A_CHIP * chips
        self._unanswered = 0
        self._room = asyncio.Event()
        # By client reference: the order that was acknowledged, or the code of the refusal.
        self.answered: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self.all_typed = False

    async def type_all(self, texts: Iterable[Typed]) -> None:
        """Types everything; returns when all of it is answered."""
        async with asyncio.TaskGroup() as typing:
            for typed in texts:
                await self._wait_for_room()
                typing.create_task(self._type(typed))
        self.all_typed = True

    async def follow_events(self) -> None:
        """Keeps the progress up to date."""
        await self._link.follow("events.follow", self._take_event)

    async def follow_messages(self, agent: str) -> None:
        """Takes an agent's messages and acknowledges each."""
        await self._link.follow("messages.follow", self._take_message, agent=agent)

    async def refresh_chips(self) -> None:
        """Asks for the chips again and again, for the display and for their stock."""
        while True:
            self._progress.chip_rows((await self._link.call("chip.list"))["chips"])
            await asyncio.sleep(REFRESH_SECONDS)

    async def reconcile(self) -> None:
        """Asks for the state of each open order again and again."""
        while True:
            for number in self._progress.open_orders():
                found = await self._link.call("order.show", id=number)
                self._progress.order(number, found["order"]["state"])
            self._room.set()
            await asyncio.sleep(RECONCILE_SECONDS)

    async def _wait_for_room(self) -> None:
        while self._waiting_for >= self._on_the_way:
            self._room.clear()
            await self._room.wait()
        self._unanswered += 1

    @property
    def _waiting_for(self) -> int:
        """Texts that keep a chip busy or will."""
        known = self._progress
        return self._unanswered + known.accepted - known.finished - known.undecided

    async def _type(self, typed: Typed) -> None:
        reference = typed.client_reference
        try:
            order = await self._link.call(
                "order.new", agent=typed.agent, text=typed.text, client_reference=reference
            )
        except CallFailed as refusal:
            self.refused[reference] = refusal.code
            self._progress.refused[refusal.code] += 1
        else:
            self.answered[reference] = order["id"]
            self._progress.acknowledged(order["id"], order["state"])
        self._answered_one()

    def _answered_one(self) -> None:
        self._unanswered -= 1
        self._room.set()

    async def _take_event(self, event: dict[str, Any]) -> None:
        self._progress.event(event)
        self._room.set()

    async def _take_message(self, message: dict[str, Any]) -> None:
        await self._link.call("messages.ack", id=message["id"])
        self._progress.message(message["order"], message["id"])
