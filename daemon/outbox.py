"""The outbox of the control socket: final results on their way to whoever follows.

A message is delivered when its reader has acknowledged it; until then it is handed
out again to every new follower (at least once, with an id that makes a repeat
harmless).
"""

import asyncio
from collections.abc import AsyncGenerator

from pulsarack.daemon.context import Context
from pulsarack.queue import messages
from pulsarack.queue.messages import Message

# How often to look without being rung, should ever a message be written without an event.
LOOK_SECONDS = 30.0


class Outbox:
    """Messages that wait for their agents."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def follow(self, agent: str) -> AsyncGenerator[Message, None]:
        """The agent's messages that are not delivered, then new ones as they are written."""
        last = 0
        bell = asyncio.Event()
        listening = asyncio.create_task(self._listen(bell))
        try:
            while True:
                bell.clear()
                found = await self._next(agent, last)
                for message in found:
                    last = message.id
                    yield message
                if not found:
                    await self._wait(bell)
        finally:
            listening.cancel()

    async def acknowledge(self, message_id: int) -> bool:
        """Note that a message has reached its agent; False if there is none of that id."""
        now_ms = self._context.clock.now_ms()
        return await self._context.store.write(
            lambda db: messages.delivered(db, message_id, now_ms=now_ms)
        )

    async def _next(self, agent: str, after: int) -> list[Message]:
        found = await self._context.store.read(lambda db: messages.waiting(db, agent, after=after))
        if found:
            ids = [message.id for message in found]
            await self._context.store.write(lambda db: messages.count_try(db, ids))
        return found

    async def _listen(self, bell: asyncio.Event) -> None:
        async for event in self._context.events.follow():
            if event["kind"] in ("order", "lost"):
                bell.set()

    async def _wait(self, bell: asyncio.Event) -> None:
        clock = self._context.clock
        timer = clock.call_at(clock.monotonic() + LOOK_SECONDS, bell.set)
        try:
            await bell.wait()
        finally:
            timer.cancel()
