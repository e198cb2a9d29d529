"""Keeps messages waiting at a peer: what it was given is known here, what it sent in the books."""

import asyncio
from collections import Counter

from benchmarks.peers_kind import Message, Peer
from benchmarks.rack_file import CHIP_PIN, DENOMINATION, XL, destinations
from benchmarks.site import Books

_LOOK_SECONDS = 0.05
# A program that does not listen yet, or is busy with its own tables.
_PATIENCE_SECONDS = 30.0


class PeerFeeder:
    """As many for each modem, or as many for all of them together."""

    def __init__(self, peer: Peer, books: Books, depth: int) -> None:
        """`depth`: messages given and not sent, a modem."""
        self._peer = peer
        self._books = books
        self._depth = depth
        self._numbers = destinations(XL)
        self._given: Counter[int] = Counter()

    async def run(self) -> None:
        """Until cancelled; raises OSError if the peer takes nothing for a long time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_SECONDS
        while True:
            if messages := self.lacking():
                try:
                    await self._hand_over(messages)
                    deadline = loop.time() + _PATIENCE_SECONDS
                except ConnectionError:
                    if loop.time() > deadline:
                        raise
                else:
                    self._given.update(message.place for message in messages)
            await asyncio.sleep(_LOOK_SECONDS)
            self._books.look()

    async def _hand_over(self, messages: list[Message]) -> None:
        """In a thread, which is waited for even when this is cancelled: the peer is closed then."""
        handing = asyncio.ensure_future(asyncio.to_thread(self._peer.queue, messages))
        try:
            await asyncio.shield(handing)
        finally:
            await asyncio.gather(handing, return_exceptions=True)

    def lacking(self) -> list[Message]:
        """What has to be given now."""
        modems = len(self._peer.ports)
        if not self._peer.private:
            short = self._depth * modems - self._given[0] + len(self._books.bookings)
            return [self._message(0) for _ in range(short)]
        done = Counter(place_of(one.chip) for one in self._books.bookings)
        return [
            self._message(place)
            for place in range(modems)
            for _ in range(self._depth - self._given[place] + done[place])
        ]

    def _message(self, place: int) -> Message:
        return Message(place, f"BAGI {next(self._numbers)} {DENOMINATION} {CHIP_PIN}")


def place_of(chip: str) -> int:
    """The modem a chip of the rack is in: rack_file.py numbers the ICCIDs, from 1."""
    return int(chip[len(XL.iccid_prefix) : -1]) - 1
