"""Programs that the bench of the peers knows already, started as it starts them.

gammu-smsd also takes USSD, as a message of its own kind; the others have it in no queue.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from benchmarks.peers_feeder import PeerFeeder
from benchmarks.peers_gammu import GammuFiles
from benchmarks.peers_gsmmodem import PYTHON, GsmModem
from benchmarks.peers_kannel import Kannel
from benchmarks.peers_kind import Peer, absent
from benchmarks.peers_smstools import Smstools
from benchmarks.sessions import Sessions
from tests.clients.client import Client, say
from tests.clients.stand import Stand

# As long as the slowest needs for all models; it is over when the last one is done.
_SMS_SECONDS = 90.0
_USSD_SECONDS = 60.0
_INJECT_SECONDS = 10.0
_DIAL_SECONDS = 60.0


class PeerClient(Client):
    """SMS by one of the bench's peers."""

    peer: ClassVar[type[Peer]]

    @classmethod
    def missing(cls) -> list[str]:
        """What the peer needs."""
        return cls.peer.missing()

    async def drive(self, stand: Stand) -> None:
        """Until every modem has sent one, or nothing more is to be expected."""
        async with running(self.peer, stand.root / "sms", stand.sms_ports) as peer:
            feeding = asyncio.create_task(PeerFeeder(peer, stand.rack.books, 1).run())
            try:
                await stand.until(stand.all_sold_by_sms, _SMS_SECONDS)
            finally:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
        for seat in stand.seats:
            stand.seen[seat.dialect].sms = stand.sold(seat.sms)


class GammuSmsd(PeerClient):
    """A process a modem; USSD is put into its outbox by a program that comes with it."""

    name = "gammu-smsd"
    peer = GammuFiles

    @classmethod
    def missing(cls) -> list[str]:
        """Both programs."""
        return super().missing() + absent(["gammu-smsd-inject"])

    async def drive(self, stand: Stand) -> None:
        """SMS, and then USSD with the other modems."""
        await super().drive(stand)
        root = stand.root / "ussd"
        async with running(self.peer, root, stand.ussd_ports):
            for place in range(len(stand.seats)):
                inject = ["gammu-smsd-inject", "-c", f"gammu{place}.conf", "USSD", stand.code()]
                await say(inject, _INJECT_SECONDS, root)
            await stand.until(stand.all_sold_by_ussd, _USSD_SECONDS)
        for seat in stand.seats:
            stand.seen[seat.dialect].ussd = stand.sold(seat.ussd)


class SmstoolsClient(PeerClient):
    """One program for all."""

    name = "smsd (smstools3)"
    peer = Smstools


class KannelClient(PeerClient):
    """bearerbox and smsbox."""

    name = "Kannel"
    peer = Kannel


class GsmModemClient(PeerClient):
    """The library; USSD is a call of it."""

    name = "python-gsmmodem"
    peer = GsmModem

    async def drive(self, stand: Stand) -> None:
        """SMS, and then USSD with the other modems."""
        await super().drive(stand)
        await asyncio.gather(*(self._dial(stand, place) for place in range(len(stand.seats))))

    async def _dial(self, stand: Stand, place: int) -> None:
        seat = stand.seats[place]
        program = Path(__file__).with_name("gsmmodem_ussd.py")
        call = [str(PYTHON), "-I", str(program), str(seat.ussd.port), stand.code()]
        said = await say(call, _DIAL_SECONDS, stand.root)
        seen = stand.seen[seat.dialect]
        seen.identified = seat.ussd.imei in said
        seen.ussd = stand.sold(seat.ussd)
        seen.answer = stand.has_answer(seat.ussd, said)


@asynccontextmanager
async def running(kind: type[Peer], root: Path, ports: Sequence[Path]) -> AsyncIterator[Peer]:
    """A peer on some ports; none of its processes is left behind."""
    root.mkdir()
    peer = kind(root, ports)
    async with Sessions(root) as sessions:
        try:
            for command in peer.prepare():
                await sessions.start(command)
            yield peer
        finally:
            peer.close()
