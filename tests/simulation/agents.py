"""The agents: they order, lose answers and ask again, cancel, and wait to be told.

An agent that got no answer asks again with the same reference (or the same text, whose
natural key does the same) until it gets one. What it was told it acknowledges, now and
then only the second time, as a program does that dies before it read it, or after.
"""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

from pulsarack.daemon.control_protocol import CallError
from tests.simulation.admin import Admin
from tests.simulation.auditor import Wish
from tests.simulation.plan import PlannedOrder
from tests.simulation.texts import Texts
from tests.simulation.texts_plan import SOCKET
from tests.simulation.world import Lost, World

FORGETS = 0.1


class Agents:
    """All agents of a world."""

    def __init__(self, world: World, admin: Admin, texts: Texts) -> None:
        self._world = world
        self._texts = texts
        self._admin = admin
        self._rng = Random(f"agents/{world.plan.seed}")
        self.refused: dict[str, int] = {}

    async def order(self, planned: PlannedOrder) -> None:
        """Place one order and insist on an answer; then what else the agent does about it."""
        order = await self._place(planned)
        if planned.sent_again_after is not None:
            await asyncio.sleep(planned.sent_again_after)
            again = await self._place(planned)
            order = order or again
        if planned.cancelled_after is not None and order is not None:
            await asyncio.sleep(planned.cancelled_after)
            if self._texts.writes(planned.agent):
                await self._texts.cancel(planned)
            else:
                await self._try("order.cancel", id=order)
        if planned.reversal is not None and order is not None:
            await self._admin.reverse(order, planned.reversal)

    async def _place(self, planned: PlannedOrder) -> int | None:
        if self._texts.writes(planned.agent):
            return await self._texts.order(planned)
        world = self._world
        wish = Wish(planned.product, "62" + planned.destination[1:])
        repeat = f"{planned.repeat_index}." if planned.repeat_index > 1 else ""
        text = f"{planned.product}.{repeat}{planned.destination}"
        while True:
            # Each of them counts: what came to nothing is ordered anew by the same text.
            world.auditor.wished(planned.agent, planned.reference, wish)
            try:
                answer = await world.request(
                    "order.new", agent=planned.agent, text=text, client_reference=planned.reference
                )
            except Lost:
                await asyncio.sleep(self._rng.uniform(0.5, 20))
                continue
            except CallError as error:
                self.refused[error.code] = self.refused.get(error.code, 0) + 1
                world.auditor.refused(planned.agent, planned.reference)
                return None
            order_id = int(answer["id"])
            world.trace("accepted", planned.agent, order_id)
            world.auditor.acknowledged(planned.agent, planned.reference, wish, order_id)
            return order_id

    async def _try(self, name: str, **arguments: Any) -> None:
        # Too late for it, or nobody knows: the agent is told what became of the order.
        with suppress(Lost, CallError):
            await self._world.request(name, **arguments)

    async def listen(self, agent: str) -> None:
        """Follow an agent's messages for ever."""
        while True:
            told: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
            try:
                pump = self._world.follow(agent, told.put_nowait)
            except Lost:
                await asyncio.sleep(1.0)
                continue
            pump.add_done_callback(lambda _, told=told: told.put_nowait(None))  # type: ignore[misc]
            while (message := await told.get()) is not None:
                if not await self._take(agent, message):
                    pump.cancel()  # the agent's program died, and comes back

    async def _take(self, agent: str, message: dict[str, Any]) -> bool:
        """Receive a message; False if it is not acknowledged."""
        self._world.trace("told", agent, message)
        if self._rng.random() < FORGETS:
            return False  # before anybody read it
        order, text = message["order"], message["text"]
        self._world.auditor.texts.result(agent, SOCKET, order, text)
        self._world.auditor.was_told(agent, message["id"], order, text)
        if self._rng.random() < FORGETS:
            return False
        try:
            await self._world.request("messages.ack", id=message["id"])
        except Lost:
            return False
        return True
