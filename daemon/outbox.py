"""The outbox of the control socket: final results on their way to whoever follows.

A message is delivered when its reader has acknowledged it; until then it is handed
out again to every new follower (at least once, with an id that makes a repeat
harmless).

Messages wait in the database, and a follower has one page of them in memory. A finished
order wakes its agent's followers and nobody else's: with a thousand agents following, one
of them reads, not a thousand. Each agent's reading takes its own turn; what it finds is noted as
handed out in the same job.
"""

from collections.abc import AsyncGenerator

from peewee import Database

from pulsarack.daemon.bell import Bell
from pulsarack.daemon.context import Context
from pulsarack.daemon.outside import CALLER
from pulsarack.queue import messages
from pulsarack.queue.messages import Message
from pulsarack.queue.orders import Order

# How often to look without being rung, should ever a message be written without an event.
LOOK_SECONDS = 30.0
PAGE = 100
"""Most messages of one follower in memory."""


class Outbox:
    """Messages that wait for their agents."""

    def __init__(self, context: Context) -> None:
        self._context = context
        # By agent; a dict of bells for its order, which is that of the followers' coming.
        self._bells: dict[str, dict[Bell, None]] = {}
        context.events.listen(self._ring)

    async def follow(self, agent: str) -> AsyncGenerator[Message, None]:
        """The agent's messages that are not delivered, then new ones as they are written."""
        last, clock = 0, self._context.clock
        bell = Bell(clock)
        self._bells.setdefault(agent, {})[bell] = None
        try:
            while True:
                found = await self._next(agent, last, rang=bell.take())
                for message in found:
                    last = message.id
                    yield message
                if len(found) < PAGE:  # what was written since has rung
                    await bell.wait_until(clock.monotonic() + LOOK_SECONDS)
        finally:
            self._leave(agent, bell)

    async def acknowledge(self, message_id: int) -> bool:
        """Note that a message has reached its agent; False if there is none of that id."""
        now_ms = self._context.clock.now_ms()
        return await self._context.store.write_for(
            CALLER.get(), lambda db: messages.delivered(db, message_id, now_ms=now_ms)
        )

    async def _next(self, agent: str, after: int, *, rang: bool) -> list[Message]:
        """A page, noted as handed out. If nobody rang there is hardly one, and to find that out
        must not keep the writing thread from others."""
        store = self._context.store
        turn = f"messages of {agent}"  # not in the turn of what the agent orders
        if not rang and not await store.read_for(
            turn, lambda db: messages.any_waiting(db, agent, after=after)
        ):
            return []
        return await store.write_for(
            turn, lambda db: messages.hand_out(db, _page(db, agent, after))
        )

    def _ring(self, order: Order) -> None:
        if order.channel == messages.SOCKET:
            for bell in self._bells.get(order.agent, ()):
                bell.ring()

    def _leave(self, agent: str, bell: Bell) -> None:
        left = self._bells[agent]
        del left[bell]
        if not left:
            del self._bells[agent]


def _page(db: Database, agent: str, after: int) -> list[Message]:
    return messages.waiting(db, agent, after=after, limit=PAGE)
