"""The front desk, the mailroom and the postman over a real database, for one channel that talks to
a real other side: what comes in is carried out, and what is answered goes out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pulsarack.daemon.channels.carrier import Carrier, Standing
from pulsarack.daemon.channels.mailroom import Mailroom
from pulsarack.daemon.channels.postman import Postman
from pulsarack.daemon.clock import WallClock
from pulsarack.queue.identity import senders
from tests.daemon.channels.desk_world import AGENT, DeskWorld

SECONDS = 30
# Not faster: a busy machine must answer a ping within its twenty seconds.
SPEED = 4.0


class ChatHouse(DeskWorld):
    """A desk whose answers are carried."""

    postman: Postman | None = None

    def ring(self, channel: str) -> None:
        super().ring(channel)
        if self.postman is not None:
            self.postman.ring(channel)

    @property
    def mailroom(self) -> Mailroom:
        """What the channel asks about addresses."""
        return Mailroom(self.context, self.ring)

    @asynccontextmanager
    async def carried_by(self, carrier: Carrier) -> AsyncIterator[None]:
        """As long as it lasts the channel is up, and the post goes."""
        self.postman = Postman(self.context, [carrier])
        running = asyncio.create_task(self.postman.run())
        try:
            await comes(lambda: carrier.state().standing is Standing.UP)
            self.ring(carrier.channel)  # else it looks again only after a while
            yield
        finally:
            self.postman = None
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def bind(self, channel: str, address: str) -> None:
        """The agent may write from there."""
        self.store.run_inline(
            lambda db: senders.bind(db, channel, address, AGENT, by="test", now_ms=1)
        )

    def outcomes(self) -> list[str]:
        """What became of the messages, oldest first."""
        return [row[0] for row in self.sql("SELECT outcome FROM inbound ORDER BY id")]

    def states(self) -> list[str]:
        """Where the texts stand that were written, oldest first."""
        return [row[0] for row in self.sql("SELECT state FROM outgoing ORDER BY id")]


@asynccontextmanager
async def house(place: Path, settings: str = "") -> AsyncIterator[ChatHouse]:
    found = await ChatHouse.open(place, settings, WallClock(SPEED))
    try:
        yield found
    finally:
        found.close()


async def comes(reached: Callable[[], Any]) -> None:
    """Wait for what the database shows; it tells nobody."""
    async with asyncio.timeout(SECONDS):
        while not reached():
            await asyncio.sleep(0.01)
