"""The mailroom: what a channel asks the daemon about addresses, and what it learns of deliveries.

A report is on disk when `note_delivery` returns; only then may a channel acknowledge it.
"""

from collections.abc import Callable

from peewee import Database

from pulsarack.daemon.context import Context
from pulsarack.queue.identity import senders
from pulsarack.queue.post import inbound, outgoing


class Mailroom:
    """One for all channels."""

    def __init__(self, context: Context, ring: Callable[[str], None]) -> None:
        """`ring` is told of a channel for which something waits."""
        self._context = context
        self._ring = ring

    async def note_delivery(
        self, channel: str, provider_id: str, delivered: bool, why: str
    ) -> bool:
        """A text that was sent has arrived, or has not and is sent again; False: it is none of
        ours, or that is known. Raises a DaemonError if it could not be noted."""
        now_ms = self._context.clock.now_ms()

        def job(db: Database) -> int | None:
            return outgoing.reported(
                db, channel, provider_id, delivered=delivered, why=why, now_ms=now_ms
            )

        found = await self._context.store.write(job)
        if found is not None and not delivered:
            self._context.log.warning("post.not_delivered", channel=channel, parcel=found, why=why)
            self._ring(channel)
        return found is not None

    async def knows(self, channel: str, address: str) -> bool:
        """Whether an agent is bound to the address."""
        found = await self._context.store.read(lambda db: senders.find(db, channel, address))
        return found is not None

    async def wrote_at(self, channel: str, address: str) -> int | None:
        """When the address wrote last, milliseconds UTC; None if never."""
        return await self._context.store.read(lambda db: inbound.newest_from(db, channel, address))
