"""The calls about channels: how each is doing, what came in, what waits to go out."""

from dataclasses import asdict
from typing import Any

from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.control_channels import ChannelList, InboxList, OutboxList
from pulsarack.daemon.control_protocol import Calls, Peer
from pulsarack.queue.post import inbound, outgoing

LIST_LIMIT = 50


class ChannelCalls:
    """Answers what is asked about channels."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._context = office.context

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("channel.list", self.list)
        calls.add("inbox.list", self.inbox)
        calls.add("outbox.list", self.outbox)

    async def list(self, _args: ChannelList, _peer: Peer) -> dict[str, Any]:
        """Every channel, how it is doing, and how much waits for it."""
        waiting = await self._context.store.read(outgoing.count_waiting)
        return {
            "channels": [
                {
                    "channel": name,
                    "state": state.standing.value,
                    "why": state.why,
                    "remedy": state.remedy,
                    "waiting": waiting.get(name, 0),
                }
                for name, state in sorted(self._office.channels().items())
            ]
        }

    async def inbox(self, args: InboxList, _peer: Peer) -> dict[str, Any]:
        """The newest of what came in."""
        rows = await self._context.store.read(
            lambda db: inbound.listed(db, channel=args.channel, limit=args.limit or LIST_LIMIT)
        )
        return {"messages": [asdict(row) for row in rows]}

    async def outbox(self, args: OutboxList, _peer: Peer) -> dict[str, Any]:
        """What waits to go out, or the newest of all."""
        rows = await self._context.store.read(
            lambda db: outgoing.listed(db, waiting=not args.all, limit=args.limit or LIST_LIMIT)
        )
        return {"messages": [row._asdict() for row in rows]}
