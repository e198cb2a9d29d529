"""All lines of a demonstration of the channels: every agent on every channel."""

import asyncio

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.channel_scene import SERVER, XMPP_PASSWORD, Scene
from pulsarack.daemon.demo.line import Line, Sender, TextLine
from pulsarack.daemon.demo.line_http import PROGRAMS, Program
from pulsarack.daemon.demo.line_sms import SmsSender, Telephones
from pulsarack.daemon.demo.line_whatsapp import WhatsAppSender
from pulsarack.daemon.demo.line_xmpp import XmppAgent, XmppSender
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.network import SELLERS, Member
from pulsarack.daemon.demo.prosody import DOMAIN

# Virtual seconds; other channels keep what they took.
_XMPP_AGAIN_SECONDS = 120.0
_ORDERS_MOST = 10_000


class Lines:
    """Made before the daemon is there, opened when it is."""

    def __init__(self, scene: Scene, phones: Telephones, clock: WallClock, link: Link) -> None:
        self._scene = scene
        self._phones = phones
        self._clock = clock
        self._link = link
        self.texts: dict[tuple[str, str], TextLine] = {}
        self._programs: dict[tuple[str, str], Program] = {}
        self._agents: list[XmppAgent] = []
        self._numbers: dict[str, TextLine] = {}
        for member in SELLERS:
            self._make(member)
        scene.api.listeners.append(self._hear_whatsapp)

    def of(self, agent: str, kind: str) -> Line:
        """That of an agent on a channel."""
        return self.texts.get((agent, kind)) or self._programs[agent, kind]

    async def open(self) -> None:
        """Log in where one has to."""
        for agent in self._agents:
            await agent.log_in()

    async def close(self) -> None:
        """Leave."""
        for program in self._programs.values():
            await program.close()
        for agent in self._agents:
            agent.abort()
        await asyncio.sleep(0)

    async def order_of(self, agent: str, reference: str) -> int | None:
        """The order of a reference, as an admin finds it."""
        rows = await self._link.call("order.list", agent=agent, limit=_ORDERS_MOST)
        for row in rows["orders"]:
            if row["client_reference"] == reference:
                return int(row["id"])
        return None

    def _make(self, member: Member) -> None:
        sms = SmsSender(self._phones, member.number)
        self._phones.listen(member.number, self._text(member, "sms", sms).hear)
        whatsapp = WhatsAppSender(self._scene.api, member.number, self._scene.heard)
        self._numbers[member.number] = self._text(member, "whatsapp", whatsapp)
        if self._scene.prosody is not None:
            to = f"{SERVER}@{DOMAIN}"
            user = member.code.lower()
            agent = XmppAgent(self._scene.prosody, user, XMPP_PASSWORD, to)
            self._agents.append(agent)
            line = self._text(member, "xmpp", XmppSender(agent), _XMPP_AGAIN_SECONDS)
            agent.listen(line.hear)
        for kind, make in PROGRAMS.items():
            self._programs[member.code, kind] = make(
                member, self._scene.base, self._clock, self._scene.heard, self.order_of
            )

    def _text(
        self, member: Member, kind: str, sender: Sender, again_seconds: float | None = None
    ) -> TextLine:
        line = TextLine(member, kind, sender, self._scene.heard, self._clock, again_seconds)
        self.texts[member.code, kind] = line
        return line

    def _hear_whatsapp(self, number: str, text: str) -> None:
        line = self._numbers.get(number)
        if line is not None:
            line.hear(text)
