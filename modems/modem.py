"""One opened port with one modem behind it: the driver that the daemon talks to.

Everything is serialised by one lock, so that callers may ask at any time. What the
modem says unasked becomes an event. Deadlines are seconds of the clock handed in.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence

from pulsarack.modems.at.events import AtCommand, Response
from pulsarack.modems.at.operators import HeardNetwork
from pulsarack.modems.at.results import Final
from pulsarack.modems.at.sim_state import is_card_out
from pulsarack.modems.at.ussd_request import Settles, nothing_settles
from pulsarack.modems.card_lock import Opened, SimPin
from pulsarack.modems.conversation import Conversation
from pulsarack.modems.learned import kind_of
from pulsarack.modems.network import Network
from pulsarack.modems.profile import Profile, Profiles
from pulsarack.modems.results import (
    ChipIdentity,
    Identity,
    IncomingSms,
    MessageArrived,
    ModemEvent,
    NetworkPlace,
    PortLost,
    Registration,
    SimRemoved,
    SmsResult,
    StorageFull,
    UssdArrived,
    UssdResult,
)
from pulsarack.modems.sms import ORDER_VALID_HOURS
from pulsarack.modems.sms_exchange import SmsExchange
from pulsarack.modems.startup import Startup
from pulsarack.modems.survey import Survey, Surveyor
from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Port, Trace
from pulsarack.modems.ussd_session import UssdSession

_MESSAGE_STORED = ("+CMTI:", "+CDSI:")
_MESSAGE_DIRECT = ("+CMT:", "+CDS:")
_STORAGE_FULL = re.compile(r"smmemfull|sms ?full", re.IGNORECASE)
_NO_CARD = "+CME ERROR: 10"


class Modem:
    """See the module's text. Results are values; the rest raises ModemError."""

    def __init__(
        self,
        port: Port,
        clock: Clock,
        profiles: Profiles,
        on_event: Callable[[ModemEvent], None],
        trace: Trace | None = None,
    ) -> None:
        self._profiles = profiles
        self._on_event = on_event
        self._lock = asyncio.Lock()
        self._conversation = Conversation(
            port, clock, self._notice, self._stray, self._vanished, trace
        )
        generic = profiles.generic
        self._manufacturer = ""
        self._startup = Startup(self._conversation, generic)
        self._network = Network(self._conversation, generic)
        self._sms = SmsExchange(self._conversation, generic, on_event)
        self._ussd = UssdSession(
            self._conversation, profiles, lambda answer: on_event(UssdArrived(answer))
        )

    @property
    def profile(self) -> Profile:
        """The profile in use; the generic one until the modem is identified."""
        return self._startup.profile

    def listen(self, trace: Trace | None) -> None:
        """Hand every byte both ways to this from now on; None: to nobody."""
        self._conversation.trace = trace

    async def run_command(self, text: str, within_seconds: float) -> Response:
        """One AT command of a person; ModemSilent, NotAModem, PortGone."""
        async with self._lock:
            name = text.removeprefix("AT").split("=")[0].split("?")[0]
            expects = (f"{name}:",) if len(name) > 1 else ()
            return await self._conversation.run(AtCommand(text, expects=expects), within_seconds)

    async def identify(self) -> Identity:
        """Wake the modem, ask who it is, and pick its profile."""
        async with self._lock:
            identity = await self._startup.identify()
            profile = self._profiles.choose(identity.manufacturer, identity.model)
            self._manufacturer = identity.manufacturer
            self._startup.profile = profile
            self._network.profile = profile
            self._sms.profile = profile
            self._ussd.profile = profile
            self._ussd.kind = kind_of(identity.model, identity.revision)
            self._conversation.settle_seconds = profile.settle_seconds
            return identity

    async def initialise(self, sim_pin: SimPin | None = None, opened: Opened | None = None) -> None:
        """Unlock the card (``sim_pin`` is asked only if it wants a PIN) and set up."""
        async with self._lock:
            await self._startup.initialise(sim_pin, opened)

    async def read_chip(self) -> ChipIdentity:
        """ICCID and IMSI of the card."""
        async with self._lock:
            return await self._startup.read_chip()

    async def card_answers(self) -> bool:
        """One look whether a SIM card is in, open or locked; nothing is entered."""
        async with self._lock:
            return await self._startup.card_answers()

    async def read_iccid(self) -> str:
        """The number of the card alone."""
        async with self._lock:
            return await self._startup.read_iccid()

    async def registration(self) -> Registration:
        """How the modem stands with the network."""
        async with self._lock:
            return await self._network.registration()

    async def place(self) -> NetworkPlace:
        """Where the modem is registered: operator, technology, area and cell."""
        async with self._lock:
            return await self._network.place()

    async def select_network(self) -> bool:
        """Let the modem choose its network; True if it had been told otherwise."""
        async with self._lock:
            return await self._network.select_automatically()

    async def why_no_network(self, state: Registration) -> str:
        """Why there is no network, in words and with a remedy."""
        async with self._lock:
            return await self._network.why_not(state)

    async def signal_quality(self) -> int | None:
        """<rssi> of AT+CSQ, 0 to 31; None if not known."""
        async with self._lock:
            return await self._network.signal_quality()

    async def scan_networks(self) -> tuple[HeardNetwork, ...]:
        """The networks that it hears; takes up to three minutes."""
        async with self._lock:
            return await self._network.scan()

    async def survey(self) -> Survey:
        """What it says it can do, and what its profile wants that it does not list."""
        async with self._lock:
            return await Surveyor(self._conversation, self.profile, self._manufacturer).ask()

    async def dial_ussd(
        self, text: str, within_seconds: float, settles: Settles = nothing_settles
    ) -> UssdResult:
        """Begin a USSD session; a text that ``settles`` it is not waited behind."""
        async with self._lock:
            return await self._ussd.dial(text, within_seconds, settles)

    async def answer_ussd(
        self, text: str, within_seconds: float, settles: Settles = nothing_settles
    ) -> UssdResult:
        """Answer within the open session, likewise."""
        async with self._lock:
            return await self._ussd.answer(text, within_seconds, settles)

    async def cancel_ussd(self) -> None:
        """End the open session; harmless if there is none."""
        async with self._lock:
            await self._ussd.cancel()

    async def send_sms(
        self,
        to: str,
        text: str,
        within_seconds: float,
        before_body: Callable[[], Awaitable[None]],
        *,
        delivery_report: bool = False,
        valid_hours: int = ORDER_VALID_HOURS,
    ) -> SmsResult:
        """Send an SMS; ``before_body`` is awaited between the prompt and the first body.

        With ``delivery_report`` what becomes of it is told by a `DeliveryReport`. The service
        centre tries for ``valid_hours`` to hand it over.
        """
        async with self._lock:
            return await self._sms.send(
                to,
                text,
                within_seconds,
                before_body,
                delivery_report=delivery_report,
                valid_hours=valid_hours,
            )

    async def ask_for_reports(self) -> None:
        """Hear delivery reports from now on, also of what was sent before this life."""
        async with self._lock:
            await self._sms.ask_for_reports()

    async def read_sms(self) -> list[IncomingSms]:
        """All received messages; nothing is deleted."""
        async with self._lock:
            return await self._sms.read()

    async def delete_sms(self, indices: Sequence[int], direct: Sequence[str] = ()) -> None:
        """Delete stored messages, and those that came directly by their PDUs."""
        async with self._lock:
            await self._sms.delete(indices, direct)

    def close(self) -> None:
        """Close the port; whoever still waits learns that it is gone."""
        self._conversation.close()
        self._ussd.port_gone()

    def _notice(self, line: str) -> None:
        if line.startswith("+CUSD:"):
            self._ussd.notice(line)
        elif line.startswith(_MESSAGE_STORED):
            self._sms.announced(line)
            self._on_event(MessageArrived())
        elif line.startswith(_MESSAGE_DIRECT):
            self._sms.came_directly(line)
            if line.startswith("+CMT:"):
                self._on_event(MessageArrived())
        elif _STORAGE_FULL.search(line):
            self._on_event(StorageFull(line))
        elif is_card_out(line) or line == _NO_CARD:
            self._on_event(SimRemoved())

    def _stray(self, final: Final) -> None:
        self._ussd.stray(final)

    def _vanished(self, reason: str) -> None:
        self._ussd.port_gone()
        self._on_event(PortLost(reason))
