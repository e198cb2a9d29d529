"""What a dialogue asks its worker to do, and what the worker brings back.

The worker performs one action, hands back one event, and gets the next action. An
AwaitText whose `continued` is set, in answer to an event, means "nothing new to do:
go on with what you were waiting for, until the deadline you already have".
"""

from dataclasses import dataclass
from typing import NamedTuple

from pulsarack.ussd.outcome import OutcomeKind, Reason
from pulsarack.ussd.reply import Reply
from pulsarack.ussd.spoken import Spoken
from pulsarack.ussd.status import UssdStatus


class Outcome(NamedTuple):
    """How a dialogue ended.

    kind: what is proved. reason: of everything but DONE. reply: the text that
    decided, or that came last. why: one sentence for a technician, without secrets.
    """

    kind: OutcomeKind
    reason: Reason | None
    reply: Reply | None
    why: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a USSD session. commits: after this the money may have moved."""

    text: Spoken
    commits: bool
    within_seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Reply in the open USSD session."""

    text: Spoken
    commits: bool
    within_seconds: float


@dataclass(frozen=True, slots=True)
class SendText:
    """Send an SMS. within_seconds: for handing it over, not for the answer.

    delivery_report: ask the service centre what became of it.
    """

    to: str
    text: Spoken
    commits: bool
    within_seconds: float
    delivery_report: bool = False


@dataclass(frozen=True, slots=True)
class AwaitText:
    """Wait for an SMS. continued: the wait that runs already goes on."""

    within_seconds: float
    continued: bool = False


class Finished(NamedTuple):
    """The dialogue is over. cancel_session: the USSD session may still be open."""

    outcome: Outcome
    cancel_session: bool


Action = Dial | Answer | SendText | AwaitText | Finished


class Screen(NamedTuple):
    """A USSD answer, with the <m> of +CUSD (27.007 section 7.15)."""

    status: UssdStatus
    text: str


@dataclass(frozen=True, slots=True)
class TextIn:
    """An SMS that came while the dialogue runs."""

    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The SMS was handed over to the network."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Silence, a refusal, a port gone.

    left: whether what was to be sent may have left for the network; False only with
    proof. In a wait for a text it says nothing. why: MODEM_LOST, NO_REPLY ...
    """

    left: bool
    why: Reason


Event = Screen | TextIn | Sent | NoAnswer
