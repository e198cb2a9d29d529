"""The XMPP channel: an account that agents write to as to a person.

Texts come as chat messages, and the answer goes to the resource that asked: an agent's program is
one resource of an account on which its owner chats with another. A resource that has gone is
remembered, and the answer goes to the account instead, whose server knows where its owner is or
keeps it for him. `R#ref` in texts is the grammar's; nothing here looks into a text.

A lost connection is made anew for ever, sooner or later as `endings.py` says. Who is bound to an
agent may see when we are here; nobody else may, and we ask nobody for the same.
"""

import re
from collections import OrderedDict
from xml.etree.ElementTree import Element

from slixmpp import ClientXMPP

from pulsarack.daemon import log as logging
from pulsarack.daemon.channels import retry
from pulsarack.daemon.channels.carrier import ChannelState, Parcel, Sent, SentKind, Standing
from pulsarack.daemon.channels.incoming import Incoming
from pulsarack.daemon.channels.marks import Marks
from pulsarack.daemon.channels.wanted import Desk, Post
from pulsarack.daemon.channels.xmpp import endings, reading, stream
from pulsarack.daemon.channels.xmpp.endings import HELD_SECONDS, Ending
from pulsarack.daemon.channels.xmpp.reading import CHANNEL, Report
from pulsarack.daemon.channels.xmpp.session import Fate, Session, Verdict
from pulsarack.daemon.config_xmpp import XmppSection
from pulsarack.daemon.errors import Busy
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.secrets import Secret
from pulsarack.modems.timing import Clock

AT_ONCE = 8
# The database may be busy for a moment; the server would have to send everything again.
KEEP_TRIES = 5
KEEP_PAUSE_SECONDS = 1.0
# Resources that have gone, in memory: who is forgotten is found gone again.
GONE_REMEMBERED = 1000
# Not allowed in XML 1.0 (section 2.2): one of them would cost us the connection.
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class XmppChannel:
    """A carrier, see `carrier.py`. `settings.jid` is there."""

    channel = CHANNEL
    at_once = AT_ONCE

    def __init__(
        self,
        settings: XmppSection,
        password: Secret | None,
        clock: Clock,
        pressure: Pressure,
        desk: Desk,
        post: Post,
        marks: Marks,
    ) -> None:
        """`marks`: what messages are known again by."""
        self._settings = settings
        self._password = password
        self._clock = clock
        self._pressure = pressure
        self._desk = desk
        self._post = post
        self._marks = marks
        self._log = logging.get(channel=CHANNEL)
        own = reading.jid_of(settings.jid)
        self._own = own.bare if own is not None else ""
        self._state = ChannelState(Standing.DOWN, "it has not been connected yet")
        self._session: Session | None = None
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._up_since: float | None = None

    def state(self) -> ChannelState:
        """How it is doing."""
        return self._state

    async def run(self) -> None:
        """Keep connected until cancelled."""
        failures = 0
        while True:
            self._up_since = None
            ending = await self._once()
            self._session = None
            failures = 1 if self._held() else failures + 1
            self._tell(ending)
            await self._clock.sleep(retry.pause_seconds(ending.standing, failures))

    async def send(self, parcel: Parcel) -> Sent:
        """One try, to the resource that asked or, if that is gone, to its account."""
        to = reading.jid_of(parcel.address)
        if to is None or not to.user:
            return Sent(SentKind.NEVER, why="it is no address of XMPP")
        text = _NO_XML.sub(" ", parcel.text)
        stanza_id = f"pulsarack-{parcel.id}-{parcel.created_at:x}"
        addresses = [to.bare] if to.full in self._gone else [to.full, to.bare]
        condition = ""
        for address in dict.fromkeys(addresses):
            session = self._session
            if session is None or not session.is_ready:
                return Sent(SentKind.LATER, why=self._state.why or "it is not connected")
            verdict = await session.send(address, stanza_id, text)
            if verdict.fate is not Fate.BOUNCED:
                return self._sent(verdict, address, stanza_id)
            condition = verdict.condition
            self._forget_resource(address)
        return Sent(endings.of_bounce(condition), why=f"it came back: {condition}")

    # -- what the session tells --------------------------------------------------------------

    async def take(self, stanza: Element) -> bool:
        """A message has come; True if it was a letter."""
        found = reading.read(
            stanza,
            self._own,
            self._marks,
            now_ms=self._clock.now_ms(),
            limit_ms=round(self._settings.delayed_limit_seconds * 1000),
        )
        if isinstance(found, Incoming):
            await self._keep(found)
            return True
        if isinstance(found, Report):
            await self._report(found)
        elif found.odd:
            self._pressure.refused(found.kind)
        return False

    async def may_subscribe(self, bare: str) -> bool:
        """Only agents see when we are here."""
        return await self._post.knows(CHANNEL, bare)

    def is_up(self, managed: bool) -> None:
        """The connection is made."""
        self._up_since = self._clock.monotonic()
        why = "" if managed else "the server offers no stream management (XEP-0198)"
        remedy = "" if managed else "switch it on: without it a crash can lose a message"
        self._state = ChannelState(Standing.UP, why, remedy)
        self._log.info("xmpp.up", jid=self._own, stream_management=managed)

    # -- inside ------------------------------------------------------------------------------

    async def _once(self) -> Ending:
        """One connection, from the beginning to its end."""
        if self._password is None:
            remedy = "name its file: [xmpp] password_file, or give the credential xmpp_password"
            return endings.misconfigured("there is no password", remedy)
        try:
            context = stream.tls_context(self._settings.ca_file)
        except OSError as error:
            why = f"{self._settings.ca_file} cannot be used: {error.strerror or error.args[0]}"
            return endings.misconfigured(why, "name a file of PEM certificates: [xmpp] ca_file")
        client = stream.build(self._settings, self._password, context)
        self._session = self._open(client)
        return await self._session.run(self._settings.server, self._settings.port)

    def _open(self, client: ClientXMPP) -> Session:
        return Session(client, self._clock, self, self._settings.keepalive_seconds)

    def _held(self) -> bool:
        up = self._up_since
        return up is not None and self._clock.monotonic() - up >= HELD_SECONDS

    def _tell(self, ending: Ending) -> None:
        """Into the log what is new."""
        if ending.state != self._state:
            self._log.warning(
                "xmpp.down", standing=ending.standing, why=ending.why, remedy=ending.remedy
            )
        self._state = ending.state

    async def _keep(self, found: Incoming) -> None:
        if found.letter.answer_to is not None:
            self._gone.pop(found.letter.answer_to, None)  # whoever writes is there
        for _ in range(KEEP_TRIES - 1):
            try:
                await found.hand_in(self._desk)
                return
            except Busy:
                await self._clock.sleep(KEEP_PAUSE_SECONDS)
        await found.hand_in(self._desk)

    async def _report(self, report: Report) -> None:
        bare = report.address.partition("/")[0]
        session = self._session
        if session is not None and session.told(bare, report.stanza_id, report.condition):
            return
        if report.condition is None:
            await self._post.note_delivery(CHANNEL, report.provider_id, True, "")
            return
        self._forget_resource(report.address)
        why = f"it came back: {report.condition}"
        await self._post.note_delivery(CHANNEL, report.provider_id, False, why)

    def _sent(self, verdict: Verdict, address: str, stanza_id: str) -> Sent:
        if verdict.fate is Fate.UNKNOWN:
            return Sent(SentKind.MAYBE, why="the connection was lost before the server answered")
        kind = SentKind.DELIVERED if verdict.fate is Fate.ARRIVED else SentKind.SENT
        return Sent(kind, reading.provider_id(address, stanza_id))

    def _forget_resource(self, address: str) -> None:
        if "/" in address:
            self._gone[address] = None
            while len(self._gone) > GONE_REMEMBERED:
                self._gone.popitem(last=False)
