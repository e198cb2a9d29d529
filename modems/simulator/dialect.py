"""How one model of modem speaks: a table of facts, and no code.

Where models differ, the difference is a field here; the code of the virtual modem asks the field,
never the vendor.
"""

from dataclasses import dataclass, field
from enum import Enum


class UssdSpelling(Enum):
    """How a model writes USSD strings on the line."""

    BY_CHARSET = "by charset"  # as AT+CSCS says: plain, or UCS2 in hex
    PACKED = "packed"  # packed septets in hex, whatever AT+CSCS says


class Order(Enum):
    """Whether +CUSD comes after the OK of its command, or before it with the port blocked."""

    OK_FIRST = "ok first"
    ANSWER_FIRST = "answer first"


@dataclass(frozen=True)
class BootLine:
    """An unsolicited line, so many virtual seconds after power-up."""

    after: float
    line: str


@dataclass(frozen=True)
class Dialect:
    """One model. Lines are written without their CR LF."""

    name: str
    manufacturer: str
    model: str
    revision: str | None  # None: AT+CGMR answers ERROR
    information: tuple[str, ...]  # ATI

    iccid_command: str
    iccid_line: str  # with {iccid}
    memories: tuple[str, ...]
    capacity: int
    default_charset: str = "GSM"
    charsets: tuple[str, ...] = ("GSM", "IRA", "UCS2", "HEX")

    ussd_spelling: UssdSpelling = UssdSpelling.BY_CHARSET
    ussd_order: Order = Order.OK_FIRST
    ussd_dcs: int = 15
    ussd_answers_ucs2: bool = False  # whatever AT+CSCS says, with dcs 72
    ussd_failure_is_cusd_4: bool = False
    plain_refusal: int | None = None  # code of the error to a plain request where PACKED
    cancel_without_session_fails: bool = False

    unknown_command: str = "ERROR"
    unknown_code: int | None = None  # a +CME ERROR instead of unknown_command
    prompt: str = "\r\n> "
    line_end: str = "\r\n"  # what surrounds an unsolicited line, but for the next
    lines_with_one_cr: tuple[str, ...] = ()  # beginnings of those that CR LF surrounds as usual
    cpin_without_ok: bool = False
    tells_locked_iccid: bool = False  # the card's number before its PIN was entered
    pin_tries_command: str = ""
    pin_tries_line: str = ""  # with {pin}, the tries that are left
    most_memories_set: int = 3  # arguments AT+CPMS= takes
    indication_modes: tuple[int, ...] = (0, 1, 2, 3)  # <mode> of AT+CNMI (27.005 3.4.1)

    full_notice: str | None = None  # what it says when the card has no room for an SMS

    boot_lines: tuple[BootLine, ...] = ()
    busy_seconds: float = 2.0
    busy_code: int = 14
    registers_after: float = 5.0
    deaf_until_first_line: bool = False  # automatic baud rate: the first AT is swallowed
    leaves_bus_on_reset: float = 0.0  # seconds away after AT+CFUN=1,1

    chatter: tuple[str, ...] = ()
    chatter_off: str | None = None  # the command that silences it
    chatter_seconds: float = 20.0
    storm: tuple[str, ...] = ("+CREG: 1",)
    extra_commands: dict[str, tuple[str, ...]] = field(default_factory=dict)  # name to answer
