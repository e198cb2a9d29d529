"""The hand of the admin on the tree of agents, in the histories that have one.

Agents stand below each other, uplines add to prices and draw what they earn, levels have prices
of their own; all of that changes while orders run, and agents are moved and turned off and on
(network_plan.py). The admin does one thing after the other, each until the daemon answers, so
that the auditor knows which rules an order may have met (network_books.py).
"""

import asyncio
from typing import Any

from pulsarack.daemon.control_protocol import CallError
from tests.simulation.network_plan import Act
from tests.simulation.world import World


class Network:
    """The hand of the admin on the tree."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._books = world.auditor.network
        self._one_at_a_time = asyncio.Lock()

    async def act(self, planned: Act) -> None:
        """Do one thing at its time."""
        await asyncio.sleep(planned.at)
        async with self._one_at_a_time:
            said = dict(planned.said)
            self._world.trace("network", planned.name, planned.said)
            if planned.name == "commission.exchange":
                self._books.asked(said["agent"], said["id"], said["amount"])
                await self._do(planned.name, said)
                return
            rules = self._books.newest.changed(planned.name, said)
            if rules is not None:
                self._books.may_be(rules)
            done = await self._do(planned.name, said)
            if done != (rules is not None):
                self._books.find("P3", f"{planned.name} {said}: done {done}, not as the rules say")
            self._books.is_so()

    async def _do(self, name: str, said: dict[str, Any]) -> bool:
        try:
            await self._world.insist(name, **said)
        except CallError:
            return False
        return True

    async def grow(self) -> None:
        """What there is before the first order."""
        for one in self._world.plan.network:
            if one.at == 0.0:
                await self.act(one)

    def later(self) -> list[Act]:
        """What comes after it."""
        return [one for one in self._world.plan.network if one.at > 0.0]
