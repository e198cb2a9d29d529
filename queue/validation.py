"""Everything that can be said against an order, or a movement of money, and pure checks.

A refusal is a value: code for programs, message for people, remedy for both. The
checks here need no database; those that need one are in `intake.py` and use the
same value.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import phonenumbers

REGION = "ID"
# Letters are refused here: phonenumbers would turn them into digits as on a telephone's keys.
_TYPED = re.compile(r"\+?[0-9][0-9 ()/-]*|\([0-9][0-9 ()/-]*")

# One zero may be left from the number as it is dialled at home (+62 0812...). Two are a
# slip, or a prefix for calls abroad; what was meant with them would be a guess.
_STRAY_ZEROS = re.compile(r"\+?(?:62)?00")
# As nearly all are typed: nothing about them is left to find out.
_PLAIN = re.compile(r"(?:0|62)(8[0-9]{8,11})", re.ASCII)
_SEPARATORS = str.maketrans("", "", " ()/-")


AIRTIME: Final = "airtime"
METER: Final = "meter"
"""The kinds of products: whose number they are sold to."""
# In front of a meter's digits, so that they are never taken for a telephone's.
_MARK = "m"
# A meter has 11 digits, its customer 12 (PLN); either is taken.
_METER = re.compile(r"[0-9]{11,12}", re.ASCII)


class RefusalCode(StrEnum):
    """Why an order, or what an agent or an admin asked for, was not accepted."""

    BAD_FORMAT = "BAD_FORMAT"
    UNKNOWN_AGENT = "UNKNOWN_AGENT"
    UNKNOWN_PRODUCT = "UNKNOWN_PRODUCT"
    BAD_NUMBER = "BAD_NUMBER"
    FOREIGN_NUMBER = "FOREIGN_NUMBER"
    UNKNOWN_PREFIX = "UNKNOWN_PREFIX"
    WRONG_OPERATOR = "WRONG_OPERATOR"
    INSUFFICIENT_DEPOSIT = "INSUFFICIENT_DEPOSIT"
    REPEATED = "REPEATED"
    REFERENCE_REUSED = "REFERENCE_REUSED"
    TOO_DEAR = "TOO_DEAR"
    BELOW_COST = "BELOW_COST"
    BAD_AMOUNT = "BAD_AMOUNT"
    BAD_NAME = "BAD_NAME"
    NOT_A_DOWNLINE = "NOT_A_DOWNLINE"
    STOPPED = "STOPPED"
    CYCLE = "CYCLE"
    INSUFFICIENT_COMMISSION = "INSUFFICIENT_COMMISSION"
    WEAK_PIN = "WEAK_PIN"
    BAD_SENDER = "BAD_SENDER"
    SENDER_TAKEN = "SENDER_TAKEN"
    TOO_MANY_SENDERS = "TOO_MANY_SENDERS"
    BAD_ACCOUNT = "BAD_ACCOUNT"
    BAD_URL = "BAD_URL"
    BAD_NETWORK = "BAD_NETWORK"
    # Of money that comes in or moves between agents.
    UNKNOWN_BANK = "UNKNOWN_BANK"
    TICKETS_FULL = "TICKETS_FULL"
    TOO_MANY_TICKETS = "TOO_MANY_TICKETS"
    BAD_ROWS = "BAD_ROWS"
    NOT_FOUND = "NOT_FOUND"
    NOT_OPEN = "NOT_OPEN"
    NO_REASON = "NO_REASON"
    SAME_ADMIN = "SAME_ADMIN"
    SAME_AGENT = "SAME_AGENT"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not accepted: nothing was written, nothing was held, nothing was moved."""

    code: RefusalCode
    message: str
    remedy: str


REFERENCE_LIMIT = 64


def check_reference(client_reference: str | None) -> Refusal | None:
    """What is wrong with the form of a client's reference, if anything is."""
    if client_reference is not None and not 1 <= len(client_reference) <= REFERENCE_LIMIT:
        return Refusal(
            RefusalCode.BAD_FORMAT,
            f"the reference does not have 1 to {REFERENCE_LIMIT} characters",
            "give a shorter reference, or none",
        )
    return None


def normalise_destination(typed: str, kind: str = AIRTIME) -> str | Refusal:
    """The destination as E.164 digits without plus, e.g. ``6281234567890``; a meter's as
    ``m12345678901``.

    Accepts what agents type: 0812..., 62812..., +62 812-..., (0812) ..., 1234-5678-901.
    """
    if kind == METER:
        return _meter(typed)
    plain = _PLAIN.fullmatch(typed)
    return f"62{plain[1]}" if plain else _parse(typed)


def any_destination(typed: str) -> str | Refusal:
    """The same where nobody says of which kind it is: a telephone's, or else a meter's."""
    telephone = normalise_destination(typed)
    if isinstance(telephone, str):
        return telephone
    meter = _meter(typed)
    return meter if isinstance(meter, str) else telephone


def _meter(typed: str) -> str | Refusal:
    digits = typed.translate(_SEPARATORS)
    if _METER.fullmatch(digits):
        return _MARK + digits
    shown = typed if len(typed) <= 24 else typed[:21] + "..."
    return Refusal(
        RefusalCode.BAD_NUMBER,
        f"'{shown}' is not the number of a meter or of its customer",
        "write its 11 or 12 digits",
    )


def _parse(typed: str) -> str | Refusal:
    shown = typed if len(typed) <= 24 else typed[:21] + "..."
    if not _TYPED.fullmatch(typed):
        return Refusal(RefusalCode.BAD_NUMBER, f"'{shown}' is not a number", "write it as 08...")
    if _STRAY_ZEROS.match(typed.translate(_SEPARATORS)):
        return Refusal(
            RefusalCode.BAD_NUMBER, f"'{shown}' has zeros too many in front", "write it as 08..."
        )
    text = "+" + typed if typed.startswith("62") else typed
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return Refusal(
            RefusalCode.BAD_NUMBER, f"'{shown}' is not a telephone number", "write it as 08..."
        )
    if number.country_code != phonenumbers.country_code_for_region(REGION):
        return Refusal(
            RefusalCode.FOREIGN_NUMBER,
            f"'{shown}' is a foreign number",
            "only Indonesian numbers can be topped up",
        )
    digits = str(number.national_number)
    if not digits.startswith("8") or not 9 <= len(digits) <= 12 or number.extension:
        return Refusal(
            RefusalCode.BAD_NUMBER,
            f"'{shown}' is not a mobile number of 10 to 13 digits",
            "check the number and send the order again",
        )
    return f"{number.country_code}{digits}"


def show_destination(destination: str) -> str:
    """``6281234567890`` as people write it: ``081234567890``; a meter's digits as they are."""
    if destination.startswith(_MARK):
        return destination.removeprefix(_MARK)
    return "0" + destination.removeprefix("62")
