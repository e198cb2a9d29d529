"""Phones that do not speak AT, through python-gammu's state machine.

The driver has the interface of `Modem`. gammu's calls block, so each phone has a thread
(call_thread.py); the event loop drives it call by call and keeps every deadline. After a
call that hangs the phone is gone, and its path is not opened again before the thread is
back.

gammu tells no ICCID, only the IMSI. A chip is known by its ICCID, so the configuration
says which card is in the phone, both numbers, and a phone that shows another IMSI holds
another card.

The money rule: of an error only those that say that gammu has no such function, or no
phone, prove that nothing left. A request whose end nobody saw may have left.
"""

import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gammu

from pulsarack.modems import card_lock, registration, sms
from pulsarack.modems.at import gsm7
from pulsarack.modems.at.events import Response
from pulsarack.modems.at.ussd_request import Settles, nothing_settles
from pulsarack.modems.call_thread import CallThread
from pulsarack.modems.card_lock import LockedCard, Opened, SimPin
from pulsarack.modems.driver import Driver, OnEvent
from pulsarack.modems.errors import (
    CallHangs,
    ModemRefused,
    PortStuck,
    SimBarred,
    SimMissing,
    SimPinNeeded,
)
from pulsarack.modems.identity import NAME_CHARACTERS_MAX, parse_imei
from pulsarack.modems.profile import Profile, Profiles
from pulsarack.modems.results import (
    ChipIdentity,
    Identity,
    IncomingSms,
    NetworkPlace,
    PortLost,
    Refused,
    Registration,
    Silence,
    SmsResult,
    SmsSent,
    UssdAnswer,
    UssdArrived,
    UssdResult,
)
from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Trace
from pulsarack.ussd.status import UssdStatus

INIT_SECONDS = 60.0  # a silent port keeps gammu for 12 s
CALL_SECONDS = 30.0
POLL_SECONDS = 0.5
SETTLE_SECONDS = 0.5
MESSAGES_MAX = 500
TEXT_CHARACTERS_MAX = 2000
ANSWERS_MAX = 50  # that nobody has taken yet

_NOT_LEFT = frozenset({"ERR_NOTSUPPORTED", "ERR_NOTIMPLEMENTED", "ERR_NOTCONNECTED"})
_STATUSES = {
    "NoActionNeeded": UssdStatus.NO_FURTHER_ACTION,
    "ActionNeeded": UssdStatus.ACTION_REQUIRED,
    "Terminated": UssdStatus.TERMINATED_BY_NETWORK,
    "AnotherClient": UssdStatus.OTHER_CLIENT_RESPONDED,
    "NotSupported": UssdStatus.NOT_SUPPORTED,
    "Timeout": UssdStatus.NETWORK_TIMEOUT,
}
_FAILURES = (UssdStatus.NOT_SUPPORTED, UssdStatus.NETWORK_TIMEOUT)
_NEED_TEXT = (UssdStatus.TERMINATED_BY_NETWORK,)
_STATES = {
    "HomeNetwork": Registration.HOME,
    "RoamingNetwork": Registration.ROAMING,
    "RequestingNetwork": Registration.SEARCHING,
    "NoNetwork": Registration.NOT_REGISTERED,
    "RegistrationDenied": Registration.DENIED,
}
_LOCKS = {"PIN": card_lock.WANTS_PIN, "PUK": card_lock.BLOCKED, "Phone": "PH-SIM PIN"}


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """How gammu reaches a phone, and which card is in it."""

    device: str
    connection: str
    model: str  # empty: gammu finds out
    iccid: str
    imsi: str


class GammuPhones:
    """The phones of one process: one thread for each that is open."""

    def __init__(self) -> None:
        self._threads: dict[str, CallThread] = {}

    def open(self, settings: PhoneSettings, clock: Clock) -> "GammuPort":
        """A phone for us alone; PortStuck while an earlier call hangs in it."""
        old = self._threads.get(settings.device)
        if old is not None and old.alive:
            raise PortStuck(settings.device, CALL_SECONDS)
        thread = CallThread(f"gammu {Path(settings.device).name}", clock)
        self._threads[settings.device] = thread
        return GammuPort(settings, thread)


class GammuPort:
    """An opened phone: a port that brings its driver, and carries no bytes."""

    def __init__(self, settings: PhoneSettings, thread: CallThread) -> None:
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self._settings = settings
        self._thread = thread

    def write(self, data: bytes) -> None:
        """Nothing goes to a phone as bytes."""

    def close(self) -> None:
        """End the thread."""
        self._thread.end()

    def driver(self, clock: Clock, profiles: Profiles, on_event: OnEvent) -> Driver:
        """The driver of the phone."""
        return GammuPhone(self._settings, self._thread, clock, profiles, on_event)


class GammuPhone:
    """See the module's text, and `Modem` for what each method means."""

    def __init__(
        self,
        settings: PhoneSettings,
        thread: CallThread,
        clock: Clock,
        profiles: Profiles,
        on_event: OnEvent,
        machine: Any = None,
    ) -> None:
        self.profile: Profile = replace(profiles.generic, name="gammu", reset="")
        self._settings = settings
        self._thread = thread
        self._clock = clock
        self._on_event = on_event
        self._machine = gammu.StateMachine() if machine is None else machine
        self._said: list[UssdAnswer] = []  # appended by gammu's thread, taken by the loop's
        self._asking = self._open = False
        self._doubtful = True  # somebody else may have left a session open

    async def identify(self) -> Identity:
        """Connect, and ask the phone who it is."""
        values = {"Device": self._settings.device, "Connection": self._settings.connection}
        if self._settings.model:
            values["Model"] = self._settings.model
        self._machine.SetConfig(0, values)
        await self._need("Init", INIT_SECONDS)
        maker, model = await self._try("GetManufacturer", ""), await self._try("GetModel", ("", ""))
        firmware, imei = await self._try("GetFirmware", ("",)), await self._try("GetIMEI", "")
        named = next((part for part in reversed(model) if part), "")
        return Identity(_name(maker), _name(named), _name(firmware[0]), parse_imei((str(imei),)))

    async def initialise(self, sim_pin: SimPin | None = None, opened: Opened | None = None) -> None:
        """Unlock the card, and let the phone tell of USSD."""
        lock = await self._try("GetSecurityStatus", None)
        if lock == "PIN":
            await self._unlock(sim_pin)
            if opened is not None:
                await opened()
        elif lock is not None and lock not in ("PIN2", "PUK2"):
            state = _LOCKS.get(lock, str(lock))
            raise SimBarred(state, *card_lock.remedy(state))
        self._machine.SetIncomingCallback(self._incoming)
        await self._try("SetIncomingUSSD", None, True)

    async def read_chip(self) -> ChipIdentity:
        """The card that the configuration says, if its IMSI is in the phone."""
        said = str(await self._need("GetSIMIMSI", CALL_SECONDS))
        if said != self._settings.imsi:
            where = f"[[port]] {self._settings.device}"
            raise SimMissing(f"its IMSI is not the one of {where}; correct iccid and imsi there")
        return ChipIdentity(self._settings.iccid, said)

    async def read_iccid(self) -> str:
        """The card's number, likewise."""
        return (await self.read_chip()).iccid

    async def registration(self) -> Registration:
        """How the phone stands with the network."""
        return (await self.place()).registration

    async def place(self) -> NetworkPlace:
        """Network, area and cell."""
        told: dict[str, Any] = await self._need("GetNetworkInfo", CALL_SECONDS)
        state = _STATES.get(str(told.get("State")), Registration.UNKNOWN)
        operator = _name(str(told.get("NetworkName") or told.get("NetworkCode") or ""))
        area, cell = _hex(told.get("LAC")), _hex(told.get("CID"))
        return NetworkPlace(state, area, cell, "", operator)

    async def select_network(self) -> bool:
        """Not through gammu."""
        return False

    async def why_no_network(self, state: Registration) -> str:
        """Why there is no network, in words."""
        return registration.explain(state)

    async def signal_quality(self) -> int | None:
        """0 to 31, as +CSQ has it."""
        told = await self._try("GetSignalQuality", {})
        percent = told.get("SignalPercent", -1)
        return round(percent * 31 / 100) if 0 <= percent <= 100 else None

    async def dial_ussd(
        self, text: str, within_seconds: float, settles: Settles = nothing_settles
    ) -> UssdResult:
        """Begin a USSD session; an old one, and what is late of it, must be out of the way."""
        if self._open or self._doubtful:
            try:
                await self._end_old()
            except CallHangs:
                return Silence(left=False)
        return await self._ask(text, within_seconds)

    async def answer_ussd(
        self, text: str, within_seconds: float, settles: Settles = nothing_settles
    ) -> UssdResult:
        """Answer within the open session."""
        if not self._open:
            return Refused("no USSD session is open any more", None, left=False)
        return await self._ask(text, within_seconds)

    async def cancel_ussd(self) -> None:
        """End the open session."""
        with contextlib.suppress(CallHangs):
            await self._end_old()

    async def send_sms(
        self,
        to: str,
        text: str,
        within_seconds: float,
        before_body: Callable[[], Awaitable[None]],
        *,
        delivery_report: bool = False,
        valid_hours: int = sms.ORDER_VALID_HOURS,
    ) -> SmsResult:
        """Send one SMS; ``before_body`` is awaited right before the call that sends it.

        No report is asked for, whatever is wished: phones keep them where gammu reads none. How
        long it is valid is the phone's own setting.
        """
        if not gsm7.is_encodable(text) or len(sms.split_text(text)) > 1:
            why = (
                "the text does not fit into one message of the GSM alphabet, which is what is sent"
            )
            return Refused(why, None, left=False)
        await before_body()
        message = {"Text": text, "SMSC": {"Location": 1}, "Number": to}
        try:
            reference = await self._call("SendSMS", within_seconds, message)
        except CallHangs:
            return Silence(left=True)
        except gammu.GSMError as error:
            return _refused(error)
        return SmsSent(reference if isinstance(reference, int) and 0 <= reference <= 255 else 0)

    async def ask_for_reports(self) -> None:
        """Phones keep them where gammu reads none."""

    async def read_sms(self) -> list[IncomingSms]:
        """All received messages, the parts of each joined."""
        found: list[list[dict[str, Any]]] = []
        where: dict[str, Any] = {"Start": True}
        while len(found) < MESSAGES_MAX:
            try:
                message = await self._call("GetNextSMS", CALL_SECONDS, Folder=0, **where)
            except gammu.ERR_EMPTY:
                break
            except gammu.GSMError as error:
                raise ModemRefused("GetNextSMS", _error_name(error)) from None
            found.append(message)
            where = {"Location": message[0]["Location"]}
        received = [one for one in found if one and one[0].get("InboxFolder", 1)]
        return [_message(parts) for parts in gammu.LinkSMS(received)] if received else []

    async def delete_sms(self, indices: Sequence[int], direct: Sequence[str] = ()) -> None:
        """Delete messages; one that is not there is no error."""
        for index in indices:
            try:
                await self._call("DeleteSMS", CALL_SECONDS, 0, index)
            except (gammu.ERR_EMPTY, gammu.ERR_INVALIDLOCATION):
                continue
            except gammu.GSMError as error:
                raise ModemRefused("DeleteSMS", _error_name(error)) from None

    async def card_answers(self) -> bool:
        """gammu tells only by trying, so nothing is said against it."""
        return True

    async def run_command(self, text: str, within_seconds: float) -> Response:
        """A phone that gammu drives takes no AT commands; raises ModemRefused."""
        raise ModemRefused(text, "the phone is driven by gammu, which passes no AT commands on")

    def listen(self, trace: Trace | None) -> None:
        """There is nothing to hear: gammu's bytes do not pass through here."""

    def close(self) -> None:
        """Leave the phone, without waiting for it."""
        self._thread.end(self._terminate)

    def _terminate(self) -> None:
        with contextlib.suppress(gammu.GSMError):
            self._machine.Terminate()

    async def _end_old(self) -> None:
        """A phone ends a session as it ends a call. What comes within a moment is late."""
        await self._try("CancelCall", None, 0, True)
        await self._try("ReadDevice", None)
        await self._clock.sleep(SETTLE_SECONDS)
        await self._try("ReadDevice", None)
        self._open = self._doubtful = False

    async def _unlock(self, sim_pin: SimPin | None) -> None:
        card = LockedCard(self._settings.iccid, None, read=False)
        pin = await sim_pin(card) if sim_pin is not None else None
        if pin is None:
            raise SimPinNeeded(refused=False)
        try:
            await self._call("EnterSecurityCode", CALL_SECONDS, "PIN", pin)
        except gammu.GSMError:
            # Its text could hold what was entered.
            raise SimPinNeeded(refused=True) from None

    async def _ask(self, text: str, within_seconds: float) -> UssdResult:
        until = self._clock.monotonic() + within_seconds
        self._asking, self._open, self._doubtful = True, False, True
        dialled = False
        try:
            await self._call("DialService", within_seconds, text)
            dialled = True
            answer = await self._answer(until)
        except CallHangs:
            return Silence(left=True)
        except gammu.GSMError as error:
            # Of an error while the answer is awaited nothing proves that the request stayed.
            return replace(_refused(error), left=True) if dialled else _refused(error)
        finally:
            self._asking = False
        if answer is None:
            return Silence(left=True)
        self._doubtful = False
        self._open = answer.status is UssdStatus.ACTION_REQUIRED
        if answer.status in _FAILURES or (answer.status in _NEED_TEXT and not answer.text.strip()):
            return Refused(f"USSD: {answer.raw}", None, left=True)
        return answer

    async def _answer(self, until: float) -> UssdAnswer | None:
        """The first answer that is one, if it comes in time."""
        while True:
            while self._said:
                answer = self._said.pop(0)
                if answer.status is not UssdStatus.OTHER_CLIENT_RESPONDED:
                    return answer
            left = until - self._clock.monotonic()
            if left <= 0:
                return None
            await self._call("ReadDevice", CALL_SECONDS)
            if not self._said:
                await self._clock.sleep(min(POLL_SECONDS, left))

    def _incoming(self, _machine: Any, kind: str, data: Any) -> None:
        """Called by gammu, in the phone's thread."""
        if kind != "USSD" or not isinstance(data, dict) or len(self._said) >= ANSWERS_MAX:
            return
        status = _STATUSES.get(str(data.get("Status")), UssdStatus.OTHER_CLIENT_RESPONDED)
        raw = f"{data.get('Status')}"[:NAME_CHARACTERS_MAX]
        self._said.append(UssdAnswer(status, _text(data.get("Text")), None, raw))

    async def _need(self, name: str, seconds: float) -> Any:
        try:
            return await self._call(name, seconds)
        except gammu.GSMError as error:
            raise ModemRefused(name, _error_name(error)) from None

    async def _try(self, name: str, otherwise: Any, *arguments: Any) -> Any:
        try:
            return await self._call(name, CALL_SECONDS, *arguments)
        except gammu.GSMError:
            return otherwise

    async def _call(self, name: str, seconds: float, *arguments: Any, **named: Any) -> Any:
        try:
            return await self._thread.call(
                name, seconds, lambda: getattr(self._machine, name)(*arguments, **named)
            )
        except CallHangs as error:
            self._on_event(PortLost(str(error)))
            raise
        finally:  # a call that fails may have brought something, too
            while self._said and not self._asking:
                self._on_event(UssdArrived(self._said.pop(0)))


def _refused(error: Exception) -> Refused:
    name = _error_name(error)
    return Refused(name, None, left=name not in _NOT_LEFT)


def _error_name(error: Exception) -> str:
    """ERR_TIMEOUT and so on; gammu's own text may quote what was sent."""
    told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return str(gammu.ErrorNumbers.get(told.get("Code"), type(error).__name__))


def _name(said: object) -> str:
    shown = "".join(char if char.isprintable() else " " for char in str(said))
    return " ".join(shown.split())[:NAME_CHARACTERS_MAX]


def _hex(said: object) -> int | None:
    try:
        return int(str(said), 16)
    except ValueError:
        return None


def _message(parts: list[dict[str, Any]]) -> IncomingSms:
    parts = sorted(parts, key=lambda part: int(part["UDH"]["PartNumber"]))
    first, total = parts[0], max(1, int(parts[0]["UDH"]["AllParts"]))
    when = first["DateTime"]
    mark = "\n".join(f"{one['Number']} {one['DateTime']} {one['Text']!r}" for one in parts)
    return IncomingSms(
        indices=tuple(int(part["Location"]) for part in parts),
        sender=_text(first["Number"]).removeprefix("+"),
        text="".join(_text(part["Text"]) for part in parts),
        sent_at_text=when.isoformat() if when is not None else "",
        complete=len(parts) >= total,
        fingerprint=hashlib.sha256(mark.encode("utf-8", "replace")).hexdigest(),
        missing="" if len(parts) >= total else f"{total - len(parts)} of {total} parts",
        flash=first["Class"] == 0,
    )


def _text(said: object) -> str:
    """Behind a NUL gammu may show what lay in memory."""
    text = said.decode("latin-1") if isinstance(said, bytes) else str(said or "")
    return text.split("\x00", 1)[0][:TEXT_CHARACTERS_MAX]
