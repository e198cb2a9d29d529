"""SMS PDUs: writing SUBMIT, reading DELIVER and STATUS-REPORT, joining long messages.

The only file that knows python-gammu. Two of its bugs are worked round: a text with
characters of the GSM extension table comes back longer than it is, with NULs and
foreign memory behind it (cut at the first NUL), and the service centre's address is
written even when it is empty (dropped: the modem's own is used). Its validity of five
minutes is replaced. A hostile PDU becomes an ``Undecodable``, never an exception.

Sources: 3GPP TS 23.040 section 9.2 (PDUs), 9.2.3.24.1 (concatenation), 23.038.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import gammu

from pulsarack.modems.at import gsm7
from pulsarack.modems.results import IncomingSms

# TP-VP, relative (23.040 9.2.3.12.1): (11 + 1) * 5 minutes. An order's text that could
# not be handed over for an hour must not be carried out later.
VALIDITY_ONE_HOUR = 11
PDU_OCTETS_MAX = 12 + 164

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_LIST_HEADER = re.compile(r"\+CMGL:\s*(\d{1,5})\s*,")


@dataclass(frozen=True, slots=True)
class SubmitPdu:
    """One part to send: ``hex`` with the empty service centre, ``length`` without it."""

    hex: str
    length: int


@dataclass(frozen=True, slots=True)
class Part:
    """One DELIVER; ``reference`` and its kin are 0, 1, 1 for a message of one part."""

    index: int | None
    sender: str
    text: str
    sent_at_text: str
    reference: int
    number: int
    total: int
    pdu: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What became of a sent message (23.040 9.2.2.3)."""

    index: int | None
    reference: int
    recipient: str
    delivered: bool
    pdu: str


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A PDU that is none, and why."""

    index: int | None
    reason: str
    pdu: str


Decoded = Part | StatusReport | Undecodable


def encode_submit(to: str, text: str) -> list[SubmitPdu]:
    """The parts of a text; UCS2 only if the GSM alphabet cannot say it.

    ``to`` is a short code, or the digits of a number; eleven digits and more without a
    leading zero are taken as E.164 and sent as an international number.
    ValueError if there is nothing or nobody to send to.
    """
    digits = to.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and 1 <= len(digits) <= 20):
        raise ValueError("the recipient is not a number of 1 to 20 digits")
    international = to.startswith("+") or (len(digits) >= 10 and not digits.startswith("0"))
    plain = gsm7.is_encodable(text)
    info = {
        "Class": -1,
        "Unicode": not plain,
        "Entries": [{"ID": "ConcatenatedTextLong", "Buffer": text}],
    }
    parts: list[SubmitPdu] = []
    for message in gammu.EncodeSMS(info):
        message["SMSC"] = {"Number": ""}
        message["Number"] = f"+{digits}" if international else digits
        parts.append(_trim(bytes(gammu.EncodePDU(message, "Submit"))))
    return parts


def _trim(octets: bytes) -> SubmitPdu:
    """Leave the service centre to the modem (length 0) and set our validity."""
    tpdu = bytearray(octets[1 + octets[0] :])
    address_octets = (tpdu[2] + 1) // 2
    relative_validity = tpdu[0] & 0x18 == 0x10
    if relative_validity:
        tpdu[2 + 2 + address_octets + 2] = VALIDITY_ONE_HOUR
    return SubmitPdu("00" + tpdu.hex().upper(), len(tpdu))


def read_list(lines: Sequence[str]) -> list[Decoded]:
    """The messages in the lines of AT+CMGL (27.005 3.4.2): header, PDU, header, ..."""
    found: list[Decoded] = []
    index: int | None = None
    for line in lines:
        header = _LIST_HEADER.match(line)
        if header:
            index = int(header.group(1))
        elif index is not None:
            found.append(decode(line.strip(), index))
            index = None
    return found


def decode(pdu: str, index: int | None) -> Decoded:
    """One PDU with its service centre, as AT+CMGL and +CMT give it."""
    if not _HEX.fullmatch(pdu):
        return Undecodable(index, "not a string of hex octets", pdu[:400])
    octets = bytes.fromhex(pdu)
    if len(octets) > PDU_OCTETS_MAX:
        return Undecodable(index, f"longer than {PDU_OCTETS_MAX} octets", pdu[:400])
    try:
        read = gammu.DecodePDU(octets, True)
        return _sort(read, index, pdu.upper())
    except (
        gammu.GSMError,
        ValueError,
        OverflowError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        # gammu hands hostile bytes on to Python's own types, which refuse them their way.
        return Undecodable(index, f"{type(error).__name__}: not a message PDU", pdu)


def _sort(read: dict[str, Any], index: int | None, pdu: str) -> Decoded:
    kind = read["Type"]
    if kind == "Status_Report":
        delivered = read["Text"] == "Delivered"
        recipient = _number(read["Number"])
        return StatusReport(index, int(read["MessageReference"]), recipient, delivered, pdu)
    if kind != "Deliver":
        return Undecodable(index, f"a {kind} PDU, not a received message", pdu)
    header = read["UDH"]
    total = max(1, int(header["AllParts"]))
    number = int(header["PartNumber"])
    if total == 1 or not 1 <= number <= total:
        total, number = 1, 1
    reference = max(int(header["ID8bit"]), int(header["ID16bit"]), 0) if total > 1 else 0
    when = read["DateTime"]
    return Part(
        index=index,
        sender=_number(read["Number"]),
        text=_text(read["Text"]),
        sent_at_text=when.isoformat() if when is not None else "",
        reference=reference,
        number=number,
        total=total,
        pdu=pdu,
    )


def _number(said: str) -> str:
    return said.split("\x00", 1)[0].removeprefix("+")


def _text(said: str | bytes) -> str:
    text = said.decode("latin-1") if isinstance(said, bytes) else said
    return text.split("\x00", 1)[0]


def join(parts: Iterable[Part]) -> list[IncomingSms]:
    """Messages in the order of their first part, parts joined by sender and reference.

    References repeat after 256 messages: a part whose place is taken begins another
    message instead of spoiling the first.
    """
    groups: list[dict[int, Part]] = []
    for part in parts:
        group = None if part.total == 1 else _place(groups, part)
        if group is None:
            groups.append({part.number: part})
        else:
            group[part.number] = part
    return [_message(group) for group in groups]


def _place(groups: list[dict[int, Part]], part: Part) -> dict[int, Part] | None:
    for group in groups:
        one = next(iter(group.values()))
        same = (one.sender, one.reference, one.total) == (part.sender, part.reference, part.total)
        if same and part.number not in group:
            return group
    return None


def _message(group: dict[int, Part]) -> IncomingSms:
    parts = [group[number] for number in sorted(group)]
    return IncomingSms(
        indices=tuple(part.index for part in parts if part.index is not None),
        sender=parts[0].sender,
        text="".join(part.text for part in parts),
        sent_at_text=parts[0].sent_at_text,
        complete=len(parts) == parts[0].total,
        fingerprint=fingerprint(part.pdu for part in parts),
        direct=tuple(part.pdu for part in parts if part.index is None),
    )


def fingerprint(pdus: Iterable[str]) -> str:
    """The same for the same PDUs in any order."""
    joined = "\n".join(sorted(pdu.upper() for pdu in pdus))
    return hashlib.sha256(joined.encode("ascii", "replace")).hexdigest()
