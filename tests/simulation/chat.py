"""A channel of texts in memory, as XMPP and WhatsApp are: its servers live on, the daemon does not.

What an agent writes is kept at the server and brought until it is acknowledged; it may come late,
twice, twice at once, and after what was written later, and an acknowledgement may be lost. What
the daemon sends may have left although nobody says so, may have been taken and never arrive (a
report says that later), and the connection is lost for a while. The daemon may die with a text in
its hand: then it has left, or it has not.
"""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from pulsarack.daemon.channels.carrier import (
    ChannelState,
    Parcel,
    Sent,
    SentKind,
    Standing,
)
from pulsarack.daemon.channels.front_desk import FrontDesk
from pulsarack.daemon.channels.mailroom import Mailroom
from pulsarack.daemon.errors import DaemonError
from pulsarack.queue.post.inbound import Letter
from tests.simulation.crashes import Killed
from tests.simulation.life import Life

LATE, TWICE, AT_ONCE, LOST_ACK = 0.12, 0.15, 0.1, 0.1
# What becomes of a text that is sent: the shares of those that are not simply there.
FATES = ("arrives", "arrives unsaid", "stays unsaid", "stays", "never", "is lost later")
SHARES = (78, 8, 5, 4, 1, 4)
PATIENCE_SECONDS = (1.0, 90.0)


@dataclass(eq=False)
class Written:
    """What an agent wrote; `acknowledged`: the daemon said that it has it."""

    id: str
    address: str
    text: str
    at_ms: int
    acknowledged: bool = False
    brought: int = 0


class ChatServer:
    """The other side of the channel, for a whole history."""

    def __init__(
        self,
        channel: str,
        rng: Random,
        now_ms: Callable[[], int],
        left: Callable[[str, Parcel], None],
        heard: Callable[[str, Parcel], None],
    ) -> None:
        self.channel = channel
        self.up = True
        self.calm = False
        self.met: Counter[str] = Counter()
        self.written: dict[str, Written] = {}
        self._rng = rng
        self._now_ms = now_ms
        self._left = left
        self._heard = heard
        self._door: ChatCarrier | None = None
        self._reports = 0
        self._under_way = 0
        self.sending = 0  # texts that the daemon has in its hand
        # What the server does is no part of the daemon's life that set it off.
        self._context = contextvars.copy_context()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on its way in, and no report either."""
        return not self._under_way

    def open(self, door: "ChatCarrier") -> None:
        """A daemon is connected."""
        self._door = door

    def shut(self, door: "ChatCarrier") -> None:
        """It is not any more."""
        if self._door is door:
            self._door = None

    def write(self, address: str, text: str) -> Written:
        """An agent writes."""
        written = Written(f"m{len(self.written) + 1}", address, text, self._now_ms())
        self.written[written.id] = written
        self._spawn(self._bring_until_taken(written))
        return written

    def unacknowledged(self) -> list[str]:
        """The ids of what was brought and not acknowledged."""
        return [one.id for one in self.written.values() if one.brought and not one.acknowledged]

    async def send(self, parcel: Parcel) -> Sent:
        """The daemon sends a text: its fate is decided as it leaves."""
        rng = self._rng
        fate = "arrives" if self.calm else rng.choices(FATES, SHARES)[0]
        if not self.up:
            fate = "stays"
        away, back = rng.uniform(0.02, 1.0), rng.uniform(0.02, 1.0)
        if fate.startswith("arrives"):
            self._context.run(self._left, self.channel, parcel)
            loop = asyncio.get_running_loop()
            loop.call_later(away, self._heard, self.channel, parcel, context=self._context)
        self.sending += 1
        try:
            await asyncio.sleep(away + back)
        finally:
            self.sending -= 1
        self.met[fate] += 1
        if fate.endswith("unsaid"):
            return Sent(SentKind.MAYBE, why="no answer")
        if fate == "stays":
            return Sent(SentKind.LATER, why="no connection")
        if fate == "never":
            return Sent(SentKind.NEVER, why="no such address")
        if fate == "arrives" and rng.random() < 0.6:
            return Sent(SentKind.DELIVERED, self._provider_id())
        provider_id = self._provider_id()
        self._spawn(self._report(provider_id, delivered=fate == "arrives"))
        return Sent(SentKind.SENT, provider_id)

    def _provider_id(self) -> str:
        self._reports += 1
        return f"p{self._reports}"

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._under_way += 1
        self._context.run(asyncio.create_task, self._counted(work), name="event")

    async def _counted(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            self._under_way -= 1

    async def _report(self, provider_id: str, *, delivered: bool) -> None:
        """Said until it is noted; perhaps before the daemon knows the id."""
        await asyncio.sleep(self._rng.uniform(0.0, 20.0))
        why = "" if delivered else "not delivered"
        for _ in range(100):  # one that comes too early finds nothing, for a moment
            door = self._door
            if self.up and door is not None:
                noting = door.mailroom.note_delivery(self.channel, provider_id, delivered, why)
                noted = await door.do(noting)
                if noted:
                    self.met["reported"] += 1
                    return
                if noted is False and delivered:
                    return
            await asyncio.sleep(self._rng.uniform(*PATIENCE_SECONDS))

    async def _bring_until_taken(self, written: Written) -> None:
        rng = self._rng
        late = rng.random() < LATE and not self.calm
        await asyncio.sleep(rng.uniform(30, 1200) if late else rng.uniform(0.05, 2))
        self.met["came late"] += late
        if rng.random() < AT_ONCE and not self.calm:
            self.met["twice at once"] += 1
            self._spawn(self._bring_again(written, 0.0))
        while not await self._bring(written) or (rng.random() < LOST_ACK and not self.calm):
            await asyncio.sleep(rng.uniform(*PATIENCE_SECONDS))
        written.acknowledged = True
        if rng.random() < TWICE and not self.calm:
            self.met["came again"] += 1
            self._spawn(self._bring_again(written, rng.uniform(0, 1800)))

    async def _bring_again(self, written: Written, after: float) -> None:
        await asyncio.sleep(after)
        await self._bring(written)

    async def _bring(self, written: Written) -> bool:
        """Whether it was acknowledged."""
        door = self._door
        if not self.up or door is None:
            return False
        written.brought += 1
        xmpp = self.channel == "xmpp"
        letter = Letter(
            channel=self.channel,
            message_id=written.id,
            sender=written.address,
            receiver="shop@chat.example" if xmpp else "100",
            text=written.text,
            # Only what waited at its server says since when.
            sent_at=written.at_ms if not xmpp or written.brought > 1 else None,
            answer_to=f"{written.address}/telephone" if xmpp else None,
        )
        received = await door.do(door.desk.receive(letter))
        if received is not None and received.repeated:
            self.met["known"] += 1
        return received is not None


class ChatCarrier:
    """The end of the channel in one life of the daemon."""

    at_once = 3

    def __init__(self, server: ChatServer, life: Life, desk: FrontDesk, mailroom: Mailroom) -> None:
        self.channel = server.channel
        self.desk = desk
        self.mailroom = mailroom
        self._server = server
        self._life = life

    def state(self) -> ChannelState:
        """How it is doing."""
        return ChannelState(Standing.UP if self._server.up else Standing.DOWN)

    async def run(self) -> None:
        """Be there until cancelled."""
        self._server.open(self)
        try:
            await asyncio.Event().wait()
        finally:
            self._server.shut(self)

    async def send(self, parcel: Parcel) -> Sent:
        """One try."""
        self._life.check()
        return await self._server.send(parcel)

    async def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Something in the daemon's life; None if it died or would not."""
        if self._life.dead:
            work.close()
            return None
        task = self._life.spawn(work, "chat")
        await asyncio.wait([task])
        if self._life.dead or task.cancelled():
            if not task.cancelled():
                task.exception()
            return None
        if isinstance(task.exception(), (Killed, DaemonError)):
            return None
        return task.result()
