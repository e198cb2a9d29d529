"""The air between modems and operators: latencies, USSD sessions, the SMS service centre.

A request travels half its latency, is answered by the operator at that moment, and the answer
travels the rest; what the operator has booked stays booked whatever becomes of the way back. The
service centre keeps an SMS until its modem is there and has room for it.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.operators.answer import Answer, Screen, ScreenStatus, Weather
from pulsarack.modems.simulator.operators.exchange import local_time
from pulsarack.modems.simulator.operators.mobile_operator import Operator
from pulsarack.modems.simulator.pdu import Submit, deliver_pdus
from pulsarack.modems.simulator.rack import Latencies
from pulsarack.modems.simulator.scheduler import Scheduler, Timer

IDLE_SECONDS = 60.0
REMEMBERED_TEXTS = 1000


class UssdTerminal(Protocol):
    """Where screens go."""

    def arrived(self, session: int, status: ScreenStatus, text: str | None) -> None:
        """A screen of a session."""


class Terminal(Protocol):
    """What the network knows of a modem."""

    @property
    def iccid(self) -> str:
        """The SIM it logged on with."""

    @property
    def reachable(self) -> bool:
        """Whether it can take something now."""

    @property
    def ussd(self) -> UssdTerminal:
        """Its USSD part."""

    def message_arrived(self, pdu: str) -> bool:
        """Take an SMS; False to leave it with the service centre."""

    def suffer(self, weather: Weather) -> None:
        """Bear a fault."""


@dataclass
class Session:
    """One open USSD session. then: who takes the next input; None until asked for one."""

    terminal: Terminal
    then: Callable[[str], Answer] | None = None
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
    waiting: deque[str]
    reference: int = 0


class Network:
    """All operators' air in one object; each chip meets only its own operator."""

    def __init__(self, scheduler: Scheduler, latencies: Latencies, seed: int) -> None:
        self._scheduler = scheduler
        self._latencies = latencies
        self._seed = seed
        self._subscribers: dict[str, Subscriber] = {}
        self._terminals: dict[str, Terminal] = {}
        self._sessions: dict[int, Session] = {}
        self._last_session = 0
        self.sent: deque[SentText] = deque(maxlen=REMEMBERED_TEXTS)

    @property
    def dealers(self) -> Mapping[str, Dealer]:
        """All dealers by ICCID."""
        return {iccid: one.dealer for iccid, one in self._subscribers.items()}

    def subscribe(self, operator: Operator, dealer: Dealer) -> None:
        """Let a chip into the network."""
        rng = Random(f"{self._seed}/air/{dealer.iccid}")
        self._subscribers[dealer.iccid] = Subscriber(operator, dealer, rng, deque())

    def join(self, terminal: Terminal) -> None:
        """Say which terminal a chip is in."""
        self._terminals[terminal.iccid] = terminal

    def name_for(self, terminal: Terminal) -> str:
        """The name AT+COPS? shows."""
        return self._subscribers[terminal.iccid].operator.network_name

    def dial(self, terminal: Terminal, code: str) -> int:
        """A USSD code; returns the number of the session it opens."""
        self._last_session += 1
        number = self._last_session
        self._sessions[number] = Session(terminal)
        subscriber = self._subscribers[terminal.iccid]
        dealer, operator = subscriber.dealer, subscriber.operator
        self._travel(number, terminal, lambda: operator.dial(dealer, code))
        return number

    def answer(self, number: int, text: str) -> None:
        """The next input of a session."""
        session = self._sessions.get(number)
        if session is None or session.then is None:
            return
        self._stay_awake(session)
        then, session.then = session.then, None
        self._travel(number, session.terminal, lambda: then(text))

    def drop(self, number: int) -> None:
        """The terminal ends a session. What is under way is still done, but not told."""
        session = self._sessions.pop(number, None)
        if session is not None:
            self._stay_awake(session)

    def submit(self, terminal: Terminal, submit: Submit, accepted: Callable[[], None]) -> None:
        """An SMS from a modem; `accepted` when the service centre has it."""
        subscriber = self._subscribers[terminal.iccid]
        latency = self._ussd_latency(subscriber)

        def received() -> None:
            self.sent.append(SentText(self._scheduler.now(), terminal.iccid, submit))
            answer = Answer()
            if submit.part is None:
                answer = subscriber.operator.texted(subscriber.dealer, submit.to, submit.text)
            self._scheduler.call_later(latency / 2, accepted)
            self._carry(terminal, answer, None, latency / 2)

        self._scheduler.call_later(latency / 2, received)

    def send_text(self, iccid: str, sender: str, text: str, after: float = 0.0) -> None:
        """An SMS to a chip, from anybody."""
        subscriber = self._subscribers[iccid]

        def sent() -> None:
            subscriber.reference += 1
            when = local_time(self._scheduler.now())
            subscriber.waiting.extend(deliver_pdus(sender, text, when, subscriber.reference))
            self._flush(iccid)

        latency = subscriber.rng.uniform(*self._latencies.sms)
        self._scheduler.call_later(latency + after, sent)

    def retry(self, terminal: Terminal) -> None:
        """The terminal is back, or has room again."""
        self._flush(terminal.iccid)

    def _travel(self, number: int, terminal: Terminal, ask: Callable[[], Answer]) -> None:
        latency = self._ussd_latency(self._subscribers[terminal.iccid])

        def reached() -> None:
            answer = ask()
            session = self._sessions.get(number)
            if session is not None:
                session.then = answer.then
            self._carry(terminal, answer, number, latency / 2)

        self._scheduler.call_later(latency / 2, reached)

    def _carry(
        self, terminal: Terminal, answer: Answer, number: int | None, way_back: float
    ) -> None:
        for screen in answer.screens:
            if number is not None:
                self._show_later(number, screen, way_back)
        for report in answer.reports:
            self.send_text(terminal.iccid, report.sender, report.text, report.after)
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

    def _flush(self, iccid: str) -> None:
        terminal, waiting = self._terminals[iccid], self._subscribers[iccid].waiting
        while waiting and terminal.reachable and terminal.message_arrived(waiting[0]):
            waiting.popleft()

    def _ussd_latency(self, subscriber: Subscriber) -> float:
        return subscriber.rng.uniform(*self._latencies.ussd)
