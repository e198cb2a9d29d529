"""The air between modems and operators: latencies, USSD sessions, and the way of the texts.

A request travels half its latency, is answered by the operator at that moment, and the answer
travels the rest; what the operator has booked stays booked whatever becomes of the way back. A
request belongs to the chip that was in the modem when it left, even if another is there by now.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from pulsarack.modems.simulator.books import Books
from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.menu_weather import MenuFault, MenuWeather
from pulsarack.modems.simulator.operators.answer import Answer, Screen, ScreenStatus
from pulsarack.modems.simulator.operators.mobile_operator import Operator
from pulsarack.modems.simulator.pdu import Submit
from pulsarack.modems.simulator.rack import Rack
from pulsarack.modems.simulator.scheduler import Scheduler, Timer
from pulsarack.modems.simulator.service_centre import ServiceCentre
from pulsarack.modems.simulator.sms_weather import SmsWeather
from pulsarack.modems.simulator.telephones import RECEIVED, Telephones, is_telephone
from pulsarack.modems.simulator.terminal import Terminal

IDLE_SECONDS = 60.0
REMEMBERED_TEXTS = 1000
DELIVERY_REPORT_SECONDS = 4.0


@dataclass
class Session:
    """One open USSD session of a chip. shown: the answer that waits for the next input; None
    until there is one.
    """

    terminal: Terminal
    iccid: str
    shown: Answer | None = None
    idle: Timer | None = None


@dataclass(frozen=True)
class SentText:
    """An SMS some chip sent, for whoever wants to look. at: virtual Unix seconds."""

    at: float
    iccid: str
    submit: Submit


@dataclass
class Subscriber:
    """One chip's place in the network."""

    operator: Operator
    dealer: Dealer
    rng: Random


class Network:
    """All operators' air in one object; each chip meets only its own operator."""

    def __init__(self, scheduler: Scheduler, rack: Rack, seed: int, books: Books) -> None:
        self._scheduler = scheduler
        self._latencies = rack.latencies
        self._seed = seed
        self._books = books
        self._menus = MenuWeather(rack.menu_mix, seed, self.note)
        self._texts = ServiceCentre(
            scheduler, rack.latencies.sms, SmsWeather(rack.sms_mix, seed, self.note)
        )
        self._subscribers: dict[str, Subscriber] = {}
        self._sessions: dict[int, Session] = {}
        self._last_session = 0
        self._parts: dict[tuple[str, str, int, int], dict[int, str]] = {}
        self.sent: deque[SentText] = deque(maxlen=REMEMBERED_TEXTS)
        self.telephones: Telephones | None = None

    @property
    def dealers(self) -> Mapping[str, Dealer]:
        """All dealers by ICCID."""
        return {iccid: one.dealer for iccid, one in self._subscribers.items()}

    def subscribe(self, operator: Operator, dealer: Dealer) -> None:
        """Let a chip into the network."""
        rng = Random(f"{self._seed}/air/{dealer.iccid}")
        self._subscribers[dealer.iccid] = Subscriber(operator, dealer, rng)
        self._texts.open(dealer.iccid, rng)

    def join(self, terminal: Terminal) -> None:
        """Say which terminal a chip is in."""
        self._texts.join(terminal.iccid, terminal)

    def note(self, fault: str, chip: str | None, **fields: object) -> None:
        """Put some weather into the books."""
        self._books.weather(self._scheduler.now(), fault, chip, fields)

    def operator_of(self, iccid: str) -> Operator:
        """Whose chip it is."""
        return self._subscribers[iccid].operator

    def name_for(self, terminal: Terminal) -> str:
        """The name AT+COPS? shows."""
        return self._subscribers[terminal.iccid].operator.network_name

    def menu_fault(self, terminal: Terminal, number: int | None, text: str) -> MenuFault | None:
        """What strikes the next step: a code to be dialled, or the input of a session."""
        if number is None:
            struck = not self.operator_of(terminal.iccid).decides(text)
        else:
            session = self._sessions.get(number)
            shown = session.shown if session is not None else None
            struck = shown is not None and not shown.decides
        fault = self._menus.draw(terminal.iccid) if struck else None
        if fault is not None:
            self._menus.strikes(terminal.iccid, fault)
        return fault

    def text_fault(self, terminal: Terminal) -> MenuFault | None:
        """What may strike the next SMS of a chip that sells by SMS; only a refusal is sure."""
        if not self.operator_of(terminal.iccid).sells_by_text:
            return None
        fault = self._menus.draw(terminal.iccid)
        if fault is MenuFault.REFUSED:
            self._menus.strikes(terminal.iccid, fault)
        return fault

    def dial(self, terminal: Terminal, code: str, fault: MenuFault | None = None) -> int:
        """A USSD code; returns the number of the session it opens."""
        self._last_session += 1
        number = self._last_session
        iccid = terminal.iccid
        session = self._sessions[number] = Session(terminal, iccid)
        subscriber = self._subscribers[iccid]
        dealer, operator = subscriber.dealer, subscriber.operator
        if fault is not None:
            self._travel(number, session, lambda: self._menus.screen(iccid, fault, None))
        else:
            self._travel(number, session, lambda: operator.dial(dealer, code))
        return number

    def answer(self, number: int, text: str, fault: MenuFault | None = None) -> None:
        """The next input of a session."""
        session = self._sessions.get(number)
        if session is None or session.shown is None or session.shown.then is None:
            return
        self._stay_awake(session)
        shown, then = session.shown, session.shown.then
        session.shown = None
        if fault is not None:
            iccid = session.iccid
            self._travel(number, session, lambda: self._menus.screen(iccid, fault, shown))
        else:
            self._travel(number, session, lambda: then(text))

    def drop(self, number: int) -> None:
        """The terminal ends a session. What is under way is still done, but not told."""
        session = self._sessions.pop(number, None)
        if session is not None:
            self._stay_awake(session)

    def submit(
        self,
        terminal: Terminal,
        submit: Submit,
        accepted: Callable[[], None],
        fault: MenuFault | None = None,
    ) -> None:
        """An SMS from a modem; `accepted` when the service centre has it."""
        iccid = terminal.iccid
        latency = self._ussd_latency(self._subscribers[iccid])

        def received() -> None:
            self.sent.append(SentText(self._scheduler.now(), iccid, submit))
            answer = self._answer_to_text(iccid, submit, fault)
            self._scheduler.call_later(latency / 2, accepted)
            self._carry(terminal, iccid, answer, None, latency / 2)

        self._scheduler.call_later(latency / 2, received)

    def send_text(self, iccid: str, sender: str, text: str, after: float = 0.0) -> None:
        """An SMS to a chip, from anybody."""
        self._texts.send(iccid, sender, text, after)

    def report_delivery(self, terminal: Terminal, to: str, reference: int) -> None:
        """The service centre tells what became of an SMS."""
        status = self.telephones.delivery_status(to) if self.telephones else RECEIVED
        self._texts.report(terminal.iccid, to, reference, DELIVERY_REPORT_SECONDS, status)

    def retry(self, terminal: Terminal) -> None:
        """The terminal is back, or has room again."""
        self._texts.flush(terminal.iccid)

    def _answer_to_text(self, iccid: str, submit: Submit, fault: MenuFault | None) -> Answer:
        subscriber = self._subscribers[iccid]
        operator = subscriber.operator
        if submit.part is not None:
            whole = self._join(iccid, submit, submit.part)
            if whole is None:
                return Answer()
            submit = whole
        if self.telephones is not None and is_telephone(submit.to):
            self.telephones.arrive(iccid, submit.to, submit.text)
            return Answer()
        if fault in (MenuFault.LOST, MenuFault.UNPARSED) and operator.is_question(
            submit.to, submit.text
        ):
            self._menus.strikes(iccid, fault)
            return self._menus.text(iccid, fault, operator.sender)
        return operator.texted(subscriber.dealer, submit.to, submit.text)

    def _join(self, iccid: str, submit: Submit, part: tuple[int, int, int]) -> Submit | None:
        """The long SMS that this part makes whole, if it does; all others are kept meanwhile."""
        reference, parts, place = part
        key = (iccid, submit.to, reference, parts)
        here = self._parts.setdefault(key, {})
        here[place] = submit.text
        if len(here) < parts:
            return None
        del self._parts[key]
        return Submit(submit.to, "".join(here[at] for at in sorted(here)), None)

    def _travel(self, number: int, session: Session, ask: Callable[[], Answer]) -> None:
        iccid = session.iccid
        latency = self._ussd_latency(self._subscribers[iccid])

        def reached() -> None:
            answer = ask()
            session.shown = answer if answer.then is not None else None
            self._carry(session.terminal, iccid, answer, number, latency / 2)

        self._scheduler.call_later(latency / 2, reached)

    def _carry(
        self, terminal: Terminal, iccid: str, answer: Answer, number: int | None, way_back: float
    ) -> None:
        for screen in answer.screens:
            if number is not None:
                self._show_later(number, screen, way_back)
        for report in answer.reports:
            self.send_text(iccid, report.sender, report.text, report.after)
        if number is not None and answer.then is None:
            last = max((screen.after for screen in answer.screens), default=0.0)
            self._scheduler.call_later(way_back + last + 1.0, lambda: self.drop(number))
        # The weather comes last: it may drop the very session it strikes.
        for weather in answer.weather:
            terminal.suffer(weather)

    def _show_later(self, number: int, screen: Screen, way_back: float) -> None:
        session = self._sessions.get(number)
        if session is None:
            return
        terminal = session.terminal

        def show() -> None:
            if number not in self._sessions:
                return
            if screen.status is ScreenStatus.ACTION_REQUIRED:
                session.idle = self._scheduler.call_later(
                    IDLE_SECONDS, lambda: self._expire(number)
                )
            terminal.ussd.arrived(number, screen.status, screen.text)

        self._scheduler.call_later(way_back + screen.after, show)

    def _expire(self, number: int) -> None:
        session = self._sessions.pop(number, None)
        if session is not None:
            session.terminal.ussd.arrived(number, ScreenStatus.TERMINATED_BY_NETWORK, None)

    def _stay_awake(self, session: Session) -> None:
        if session.idle is not None:
            session.idle.cancel()
            session.idle = None

    def _ussd_latency(self, subscriber: Subscriber) -> float:
        return subscriber.rng.uniform(*self._latencies.ussd)
