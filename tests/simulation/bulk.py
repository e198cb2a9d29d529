"""The agent who sends many orders with one request, and the whole request again if he must.

Of each order the answer tells in its place what becomes of it. Whatever the others are: what is
right is taken once, what is wrong is refused, and who hears nothing asks again (bulk_plan.py).
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from pulsarack.daemon.control_protocol import CallError
from tests.simulation.auditor import Wish
from tests.simulation.bulk_plan import AGENT, USED, Bad, Good, Request
from tests.simulation.crashes import CrashPoint
from tests.simulation.world import Lost, World


class Bulk:
    """The agent's program: it sends one request after the other."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._auditor = world.auditor
        self._rng = Random(f"bulk/{world.plan.seed}/life")
        self._taken: dict[str, int] = {}  # orders that were acknowledged, by their reference
        self._one_at_a_time = asyncio.Lock()
        self.met: Counter[str] = Counter()

    async def act(self, planned: Request) -> None:
        """Send one request at its time."""
        await asyncio.sleep(planned.at)
        await self._send(planned.orders, planned.dies)
        if planned.sent_again_after is None:
            return
        await asyncio.sleep(planned.sent_again_after)
        if not planned.alone:
            await self._send(planned.orders)
            return
        for one in planned.orders:
            if isinstance(one, Good):
                await self._send([one], alone=True)

    async def _send(
        self,
        planned: Sequence[Good | Bad],
        dies: tuple[CrashPoint, int] | None = None,
        *,
        alone: bool = False,
    ) -> None:
        """Until it is answered. `alone`: the only one, by the call that takes no other."""
        async with self._one_at_a_time:
            asked = [one for one in planned if one != USED or self._taken]
            said = [self._arguments(one) for one in asked]
            if dies is not None and asked:
                self._world.armed.arm(*dies)
            while asked:
                self._wish(asked)
                try:
                    answers = await (self._ask_alone(*said) if alone else self._ask(said))
                except Lost:
                    await self._lost(asked)
                    continue
                self._heard(asked, answers)
                return

    async def _ask(self, orders: list[Any]) -> Sequence[dict[str, Any]]:
        self.met["requests"] += 1
        try:
            answer = await self._world.request("order.new_many", orders=orders)
        except CallError as error:
            return [{"error": {"code": f"all at once: {error.code}"}}]
        found: Sequence[dict[str, Any]] = answer["orders"]
        return found

    async def _ask_alone(self, order: dict[str, Any]) -> Sequence[dict[str, Any]]:
        try:
            return [{"order": await self._world.request("order.new", **order)}]
        except CallError as error:
            return [{"error": {"code": error.code}}]

    def _arguments(self, one: Good | Bad) -> Any:
        if isinstance(one, Good):
            counter = f"{one.repeat_index}." if one.repeat_index > 1 else ""
            text = f"{one.product}.{counter}{one.destination}"
            return {"agent": AGENT, "text": text, "client_reference": one.reference}
        if one == USED:
            # For a number to which this agent has no order.
            used = self._rng.choice(sorted(self._taken))
            return {"agent": AGENT, "text": "S5.081299999999", "client_reference": used}
        return {"agent": AGENT, **one.said} if isinstance(one.said, dict) else one.said

    def _wish(self, asked: Sequence[Good | Bad]) -> None:
        """Each of them counts: what came to nothing is ordered anew by the same text."""
        for one in asked:
            if isinstance(one, Good):
                self._auditor.wished(AGENT, one.reference, _wish(one))

    async def _lost(self, asked: Sequence[Good | Bad]) -> None:
        """The agent cannot know what the daemon did; the coverage can."""
        self.met["lost"] += 1
        sql = f"SELECT client_reference FROM orders WHERE agent = '{AGENT}'"
        there = {reference for (reference,) in self._auditor.history(sql)}
        unheard = there - self._taken.keys()
        self.met["lost, though taken"] += any(
            isinstance(one, Good) and one.reference in unheard and one.reference is not None
            for one in asked
        )
        await asyncio.sleep(self._rng.uniform(0.5, 20))

    def _heard(self, asked: Sequence[Good | Bad], answers: Sequence[dict[str, Any]]) -> None:
        if len(answers) != len(asked):
            self._auditor.find("P8", f"{len(asked)} orders were answered by {answers}")
        for one, answer in zip(asked, answers, strict=False):
            if "error" in answer:
                self._refused(one, answer["error"]["code"])
            elif isinstance(one, Bad):
                self._auditor.find("P8", f"{one} was taken: {answer}")
            else:
                self._acknowledge(one, answer["order"])

    def _refused(self, one: Good | Bad, code: str) -> None:
        self.met[code] += 1
        if code == "INTERNAL":
            self._auditor.find("P8", f"{one} met a fault of the daemon")
        if isinstance(one, Good):
            self._auditor.refused(AGENT, one.reference)

    def _acknowledge(self, one: Good, row: dict[str, Any]) -> None:
        order_id, repeated = int(row["id"]), row["repeated"]
        self._world.trace("accepted", AGENT, order_id)
        self._auditor.acknowledged(AGENT, one.reference, _wish(one), order_id)
        self.met["repeated" if repeated else "taken"] += 1
        if one.reference is None:
            return
        known = self._taken.setdefault(one.reference, order_id)
        if known != order_id:
            self._auditor.find("P2", f"{one} is order {known}, and order {order_id}")


def _wish(one: Good) -> Wish:
    return Wish(one.product, "62" + one.destination[1:])
