"""One connection to the XMPP server, from the first byte until it is lost.

    connecting --> negotiating (TLS, login, stream management) --> up --> over

`run` goes through it once and says how it ended; who calls it decides about the next one. A
message that has come is worked on in a task of its own, and counts as handled when that is done:
if we die before, the server delivers it again. If it cannot be kept the connection is given up,
for the same reason. When many are being worked on no more are read: TCP tells the server.

A message that we send is followed by a ping to our own server. Stanzas are processed in order (RFC
6120 section 10.1), so the answer says that the message has been taken over, or has bounced. The
same ping, alone, finds connections of which only our half is left (XEP-0199).
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol
from xml.etree.ElementTree import Element, SubElement

from slixmpp import JID, ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Message, Presence
from slixmpp.xmlstream.stanzabase import StanzaBase

from pulsarack.daemon import log as logging
from pulsarack.daemon.channels.within import within
from pulsarack.daemon.channels.xmpp import endings
from pulsarack.daemon.channels.xmpp.endings import Ending
from pulsarack.daemon.channels.xmpp.reading import REQUEST, jid_of
from pulsarack.daemon.channels.xmpp.stream import COUNTED, StreamManagement
from pulsarack.daemon.errors import DaemonError
from pulsarack.modems.timing import Clock

CONNECT_SECONDS = 60.0
PING_SECONDS = 20.0
# So many messages are worked on at the same time before no more are read, and are again.
MOST_AT_WORK = 64
FEW_AT_WORK = 32


class Fate(Enum):
    """What is known of a message of ours."""

    ARRIVED = auto()  # its receiver has said so
    TAKEN = auto()  # the server answers for it
    BOUNCED = auto()  # the server, or the other one, sent it back
    UNKNOWN = auto()  # it may have left


@dataclass(frozen=True, slots=True)
class Verdict:
    """`condition`: why it bounced."""

    fate: Fate
    condition: str = ""


class Visitor(Protocol):
    """Who is told what happens on a connection."""

    async def take(self, stanza: Element) -> bool:
        """Work on a message; when this returns it is handled. Raises DaemonError.

        True: its sender may be told that it has come.
        """

    async def may_subscribe(self, bare: str) -> bool:
        """Whether that address may see when we are here. Raises DaemonError."""

    def is_up(self, managed: bool) -> None:
        """Messages come and go from now on; `managed`: what is lost on the way comes again."""


class Session:
    """See the module's text."""

    def __init__(
        self, client: ClientXMPP, clock: Clock, visitor: Visitor, keepalive_seconds: float
    ) -> None:
        self._client = client
        self._clock = clock
        self._visitor = visitor
        self._keepalive_seconds = keepalive_seconds
        self._log = logging.get()
        self._over: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._ready = asyncio.Event()
        self._refused_login: Ending | None = None
        self._unreachable = ""
        self._at_work: set[asyncio.Task[None]] = set()
        self._under_way: dict[tuple[str, str], asyncio.Future[Verdict]] = {}
        management = client.plugin[StreamManagement.name]  # type: ignore[literal-required]
        self._management: StreamManagement = management
        self._listen()

    @property
    def is_ready(self) -> bool:
        """Whether messages can be sent."""
        return self._ready.is_set() and not self._over.done()

    async def run(self, host: str | None, port: int) -> Ending:
        """Connect, and stay until it is over; how it ended."""
        try:
            async with within(self._clock, CONNECT_SECONDS):
                await self._connect(host, port)
        except TimeoutError:
            self._end(endings.down(f"the server did not answer within {CONNECT_SECONDS:.0f} s"))
        try:
            if not self._over.done():
                await self._keep_alive()
            return await self._over
        finally:
            self._close()

    async def send(self, to: str, stanza_id: str, text: str) -> Verdict:
        """Send a chat message, and wait until it is known what became of it."""
        key = (to.partition("/")[0], stanza_id)
        told: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._under_way[key] = told
        fence: asyncio.Task[bool] | None = None
        try:
            message = self._client.make_message(mto=JID(to), mbody=text, mtype="chat")
            message["id"] = stanza_id
            SubElement(message.xml, REQUEST)
            message.send()
            fence = asyncio.ensure_future(self._ping())
            await _any_of(told, fence)
            if told.done():
                return told.result()
            return Verdict(Fate.TAKEN if fence.result() else Fate.UNKNOWN)
        finally:
            del self._under_way[key]
            if fence is not None:
                fence.cancel()

    def told(self, bare: str, stanza_id: str, condition: str | None) -> bool:
        """A report about a message of ours has come; whether somebody waits for that."""
        waiting = self._under_way.get((bare, stanza_id))
        if waiting is None or waiting.done():
            return False
        arrived = condition is None
        waiting.set_result(Verdict(Fate.ARRIVED if arrived else Fate.BOUNCED, condition or ""))
        return True

    # -- the life of the connection ----------------------------------------------------------

    async def _connect(self, host: str | None, port: int) -> None:
        attempt = self._client.connect(host, port) if host else self._client.connect()
        await _any_of(attempt)
        if not self._client.is_connected() and not self._over.done():
            self._end(endings.down(self._unreachable or "the server cannot be reached"))
        negotiated = asyncio.ensure_future(self._ready.wait())
        try:
            await _any_of(negotiated, self._over)
        finally:
            negotiated.cancel()

    async def _keep_alive(self) -> None:
        while not self._over.done():
            pause = asyncio.ensure_future(self._clock.sleep(self._keepalive_seconds))
            try:
                await _any_of(pause, self._over)
            finally:
                pause.cancel()
            if not self._over.done() and not await self._ping():
                self._end(endings.down("the server does not answer any more"))

    async def _ping(self) -> bool:
        """Whether the server has processed all that was sent before."""
        ping = self._client.plugin["xep_0199"].send_ping(
            JID(self._client.boundjid.domain), timeout=PING_SECONDS
        )
        try:
            async with within(self._clock, PING_SECONDS):
                await _any_of(ping, self._over)
                if not ping.done():
                    return False
                await ping
        except IqError:
            return True  # it does not know pings, but it has read this one
        except (IqTimeout, TimeoutError):
            return False
        finally:
            ping.cancel()
        return True

    def _end(self, ending: Ending) -> None:
        if not self._over.done():
            self._over.set_result(ending)

    def _close(self) -> None:
        self._end(endings.down("the channel was stopped"))
        for task in self._at_work:
            task.cancel()
        self._client.cancel_connection_attempt()
        self._client.abort()
        # The library leaves its sender running.
        if (sender := self._client._run_out_filters) is not None:
            sender.cancel()

    # -- what the library tells --------------------------------------------------------------

    def _listen(self) -> None:
        handlers: dict[str, Callable[[Any], None]] = {
            "connection_failed": self._cannot_reach,
            "ssl_invalid_chain": self._tls_failed,
            "failed_auth": self._login_refused,
            "no_auth": lambda error: self._end(endings.NO_SAFE_LOGIN),
            "failed_all_auth": self._login_failed,
            "stream_error": self._stream_error,
            "stream_negotiated": self._negotiated,
            "disconnected": self._disconnected,
        }
        for event, handler in handlers.items():
            self._client.add_event_handler(event, handler)
        self._client.add_filter("in", self._incoming)

    def _cannot_reach(self, error: object) -> None:
        if isinstance(error, ssl.SSLError):
            self._tls_failed(error)
        self._unreachable = f"the server cannot be reached: {str(error)[:160]}"

    def _tls_failed(self, error: object) -> None:
        if isinstance(error, ssl.SSLCertVerificationError):
            self._end(endings.BAD_CERTIFICATE)
        else:
            self._end(endings.down(f"no TLS with the server: {str(error)[:160]}"))

    def _login_refused(self, failure: Any) -> None:
        condition = str(failure["condition"])
        passing = condition in endings.PASSING_FAILURES
        self._refused_login = (
            endings.down(f"the login failed: {condition}") if passing else endings.WRONG_PASSWORD
        )

    def _login_failed(self, _: object) -> None:
        self._end(self._refused_login or endings.NO_SAFE_LOGIN)

    def _stream_error(self, error: Any) -> None:
        self._end(endings.of_stream_error(str(error["condition"])))

    def _negotiated(self, _: object) -> None:
        if "bind" not in self._client.features:
            self._end(endings.down("the server gives us no resource"))
            return
        # Only now: what had been waiting for us comes when we are seen to be here, and it must
        # not come before stream management is on.
        self._client.send_presence()
        self._visitor.is_up(self._management.enabled_in)
        self._ready.set()

    def _disconnected(self, reason: object) -> None:
        if isinstance(reason, ssl.SSLError):
            self._tls_failed(reason)
        why = f": {str(reason)[:160]}" if reason else ""
        self._end(endings.down(f"the connection was lost{why}"))

    # -- what comes in -----------------------------------------------------------------------

    def _incoming(self, stanza: StanzaBase) -> StanzaBase | None:
        counter = self._management.counter
        if not isinstance(stanza, COUNTED):
            return stanza
        if isinstance(stanza, Message):
            self._work(self._message(stanza.xml))
            return None
        if isinstance(stanza, Presence):
            # The library would keep a record of everybody who sends one.
            if stanza.xml.get("type") == "subscribe":
                self._work(self._answer_subscription(jid_of(stanza.xml.get("from"))))
            else:
                counter.pass_over()
            return None
        counter.pass_over()
        return stanza

    def _work(self, work: Awaitable[None]) -> None:
        number = self._management.counter.begin()
        task = asyncio.ensure_future(self._worked_on(work, number))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        if len(self._at_work) == MOST_AT_WORK and self._client.transport is not None:
            self._client.transport.pause_reading()

    async def _worked_on(self, work: Awaitable[None], number: int) -> None:
        try:
            await work
        except DaemonError as error:
            self._end(endings.down(f"a message could not be kept: {error.message}"))
            return
        except Exception as error:  # noqa: BLE001 - one message must not end the channel
            # It would come again for ever. Nothing was done, and nobody is told that it was.
            self._log.error("xmpp.message_failed", exc_info=error)
        self._management.counter.end(number)
        if self._management.enabled_in and not self._management.counter.waiting:
            self._management.send_ack()
        transport = self._client.transport
        if len(self._at_work) <= FEW_AT_WORK and transport is not None:
            transport.resume_reading()

    async def _message(self, stanza: Element) -> None:
        if await self._visitor.take(stanza):
            self._give_receipt(stanza)

    def _give_receipt(self, stanza: Element) -> None:
        stanza_id, sender = stanza.get("id"), jid_of(stanza.get("from"))
        if stanza.find(REQUEST) is None or not stanza_id or sender is None:
            return
        receipt = self._client.make_message(mto=sender, mtype="normal")
        SubElement(receipt.xml, "{urn:xmpp:receipts}received", {"id": stanza_id})
        receipt.send()

    async def _answer_subscription(self, sender: JID | None) -> None:
        if sender is None:
            return
        may = await self._visitor.may_subscribe(sender.bare)
        self._client.send_presence_subscription(
            pto=sender.bare, ptype="subscribed" if may else "unsubscribed"
        )


async def _any_of(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
