"""What comes of dialling, texting and reading, as values to be matched exhaustively.

The one question that counts about a failure is whether the request may have left for
the network: ``left=False`` is a proof that it did not, ``left=True`` only the lack of
such a proof.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from pulsarack.modems.tpdu import DeliveryState
from pulsarack.ussd.status import UssdStatus


class UssdAnswer(NamedTuple):
    """A message of the network. ``raw`` is the modem's own line, ``at`` when it came, if known."""

    status: UssdStatus
    text: str
    dcs: int | None
    raw: str
    at: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Refused:
    """An error instead of an answer; ``code`` is a CME or CMS number."""

    error: str
    code: int | None
    left: bool


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer within the time; ``left`` is False if nothing that counts was written."""

    left: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """The port vanished."""

    left: bool


@dataclass(frozen=True, slots=True)
class SmsSent:
    """The network took the message; ``reference`` is its TP-MR (27.005 3.5.1).

    ``more``: those of its other parts, if it had to be sent in several.
    """

    reference: int
    more: tuple[int, ...] = ()


UssdResult = UssdAnswer | Refused | Silence | Gone
SmsResult = SmsSent | Refused | Silence | Gone


@dataclass(frozen=True, slots=True)
class IncomingSms:
    """One received message, its parts joined.

    indices       where its parts are stored, for ``delete_sms``; empty if not stored
    sender        digits without plus, or the name of an alphanumeric address
    sent_at_text  the service centre's time stamp, ISO 8601, or empty if unreadable
    complete      all parts are here; otherwise ``text`` holds those that are
    fingerprint   the same for the same PDUs, for deduplication
    direct        the PDUs of its parts that are stored nowhere but in the driver
    missing       why it is not complete, in words
    flash         of message class 0, meant to be shown at once (23.038 section 4)
    named         the sender is a name, though it may look like a number (23.040 9.1.2.5)
    """

    indices: tuple[int, ...]
    sender: str
    text: str
    sent_at_text: str
    complete: bool
    fingerprint: str
    direct: tuple[str, ...] = ()
    missing: str = ""
    flash: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of a sent message; an event (23.040 9.2.2.3).

    index               where it is stored, for ``delete_sms``; None if it came directly
    reference           of `SmsSent`, repeated after 256 messages
    status              TP-ST, of which ``state`` is the meaning
    discharged_at_text  when that was, ISO 8601, or empty if unreadable
    """

    index: int | None
    reference: int
    recipient: str
    state: DeliveryState
    status: int
    discharged_at_text: str
    pdu: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The modem; ``imei`` is empty if it does not tell."""

    manufacturer: str
    model: str
    revision: str
    imei: str


@dataclass(frozen=True, slots=True)
class ChipIdentity:
    """The SIM card; ``imsi`` is None if it does not tell."""

    iccid: str
    imsi: str | None


class Registration(Enum):
    """How the modem stands with the network (+CREG <stat>, 27.007 7.2)."""

    NOT_REGISTERED = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    UNKNOWN = 4
    ROAMING = 5


@dataclass(frozen=True, slots=True)
class NetworkPlace:
    """Where a modem is registered; empty or None is what it does not tell.

    area        <lac>, or the <tac> of LTE
    cell        <ci>
    technology  of the cell: GSM, UMTS, LTE and so on
    operator    the network's name as the modem says it
    """

    registration: Registration
    area: int | None
    cell: int | None
    technology: str
    operator: str


@dataclass(frozen=True, slots=True)
class PortLost:
    """The port vanished; said once."""

    reason: str


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A message was stored or came directly: read them."""


@dataclass(frozen=True, slots=True)
class UssdArrived:
    """A USSD message with no request open: the network began, or an answer came late."""

    answer: UssdAnswer


@dataclass(frozen=True, slots=True)
class SimRemoved:
    """The modem says that its SIM card is out."""


@dataclass(frozen=True, slots=True)
class MessageUnreadable:
    """A stored PDU that could not be decoded on two readings, or one that came directly.

    Said once; deletion is the receiver's choice.
    """

    index: int | None
    reason: str
    pdu: str


@dataclass(frozen=True, slots=True)
class ListingHung:
    """AT+CMGL brought no answer; messages are read one by one from now on. Said once a life.

    Known of several Huawei models, which need a reset in the end.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class StorageFull:
    """The modem or its card has no room for another message: read and delete. As it said."""

    said: str


ModemEvent = (
    PortLost
    | MessageArrived
    | UssdArrived
    | SimRemoved
    | MessageUnreadable
    | DeliveryReport
    | ListingHung
    | StorageFull
)
