"""SMS PDUs: writing SUBMIT, sorting what came in, joining the parts of long messages.

The only file that knows python-gammu, which writes our PDUs. What it gets wrong there is
put right here: the service centre's address is written even when it is empty (dropped:
the modem's own is used), its validity of five minutes is replaced, and it has no way to
ask for a status report. UCS2 is handed to it as octets, since it reads ``~`` in a UCS2
text as a mark of one maker's telephones and sends something else. Texts are parted here,
as it parts them in the middle of surrogate pairs.

Received PDUs are read by `tpdu.py`. gammu fails on status reports with optional parameters
(23.040 9.2.3.27), reads 184 of the 256 coding schemes otherwise than 23.038 (most of them
reserved, but also the classes of a text that deletes itself), doubles ``~``, turns half a
surrogate pair into U+FFFD before anybody can join it to its other half, knows no national
tables, shows foreign memory behind extension characters, and takes a text that was cut
short for a whole one. Where it is right, tests hold the two against each other.

Sources: 3GPP TS 23.040 section 9.2 (PDUs), 9.2.3.24.1 (concatenation), 23.038.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import gammu

from pulsarack.modems import tpdu
from pulsarack.modems.at import gsm7
from pulsarack.modems.at.message_lines import parse_listed
from pulsarack.modems.results import DeliveryReport, IncomingSms
from pulsarack.modems.tpdu import Alphabet, UserData

# An order's text that could not be handed over for an hour must not be carried out later.
ORDER_VALID_HOURS = 1
VALID_HOURS_MOST = 30 * 24
# TP-SRR of the first octet (9.2.3.5).
STATUS_REPORT_REQUEST = 0x20
# Type of number of an address that is a name (23.040 9.1.2.5).
ALPHANUMERIC = 5
# TP-DCS, general group, without a class (23.038 section 4).
DCS_GSM7, DCS_UCS2 = 0x00, 0x08
# A part's header: its length, and concatenation with a reference of 8 bits (9.2.3.24.1).
CONCATENATION_8BIT = bytes([0x05, 0x00, 0x03])
# What fits into one message, and into one of several (23.040 9.2.3.24.1).
SINGLE_SEPTETS, PART_SEPTETS = 160, 153
SINGLE_UCS2_OCTETS, PART_UCS2_OCTETS = 140, 134
PARTS_MAX = 255
# How far apart the service centre may stamp the parts of one message, taken in one go. More
# would let halves of two reports be one: some centres use a reference again with the next text.
STAMPS_APART_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SubmitPdu:
    """One part to send: ``hex`` with the empty service centre, ``length`` without it."""

    hex: str
    length: int


@dataclass(frozen=True, slots=True)
class Part:
    """One DELIVER; ``reference`` and its kin are 0, 1, 1 for a message of one part.

    fault: what is wrong with its text; empty if it is whole. named: the sender is a name.
    """

    index: int | None
    sender: str
    text: str
    sent_at_text: str
    reference: int
    number: int
    total: int
    pdu: str
    fault: str = ""
    reference_bits: int = 8
    user_data: UserData | None = field(default=None, repr=False)
    named: bool = False


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A PDU that is none, and why."""

    index: int | None
    reason: str
    pdu: str


Decoded = Part | DeliveryReport | Undecodable


# --- writing ------------------------------------------------------------------------------


def encode_submit(
    to: str,
    text: str,
    *,
    reference: int = 0,
    status_report: bool = False,
    valid_hours: int = ORDER_VALID_HOURS,
) -> list[SubmitPdu]:
    """The parts of a text; UCS2 only if the GSM alphabet cannot say it.

    to             a short code, or the digits of a number; ten digits and more without a
                   leading zero are taken as E.164 and sent as an international number
    reference      of a text in several parts, 0 to 255: another for each text
    status_report  ask the service centre what became of it (23.040 9.2.3.5)
    valid_hours    how long the service centre tries to hand it over, to VALID_HOURS_MOST

    ValueError if there is nothing or nobody to send to, or the text needs too many parts.
    """
    digits = to.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and 1 <= len(digits) <= 20):
        raise ValueError("the recipient is not a number of 1 to 20 digits")
    international = to.startswith("+") or (len(digits) >= 10 and not digits.startswith("0"))
    plain = gsm7.is_encodable(text)
    parts = split_text(text)
    if len(parts) > PARTS_MAX:
        raise ValueError(f"the text needs {len(parts)} messages, at most {PARTS_MAX} are sent")
    pdus: list[SubmitPdu] = []
    for number, part in enumerate(parts, 1):
        message: dict[str, object] = {
            "SMSC": {"Number": ""},
            "Number": f"+{digits}" if international else digits,
            "Text": part if plain else _utf16(part),
            "Coding": "Default_No_Compression" if plain else "8bit",
            "Type": "Submit",
            "Class": -1,
            "Folder": 0,
        }
        if len(parts) > 1:
            header = CONCATENATION_8BIT + bytes([reference & 0xFF, len(parts), number])
            message["UDH"] = {"Type": "UserUDH", "Text": header}
        octets = bytes(gammu.EncodePDU(message, "Submit"))
        coding, validity = DCS_GSM7 if plain else DCS_UCS2, _validity(valid_hours)
        pdus.append(_put_right(octets, coding, validity, status_report))
    return pdus


def _validity(hours: int) -> int:
    """TP-VP, relative (23.040 9.2.3.12.1); days above a day are rounded up."""
    if hours <= 12:
        return max(1, hours) * 12 - 1
    if hours <= 24:
        return 143 + (hours - 12) * 2
    return 166 + min(30, -(-hours // 24))


def split_text(text: str) -> list[str]:
    """A text in pieces that fit one message each, no character parted (23.040 9.2.3.24.1)."""
    if gsm7.is_encodable(text):
        size_of, single, several = gsm7.count, SINGLE_SEPTETS, PART_SEPTETS
    else:
        size_of, single, several = _utf16_octets, SINGLE_UCS2_OCTETS, PART_UCS2_OCTETS
    if size_of(text) <= single:
        return [text]
    sizes = [size_of(one) for one in text]
    parts, room = [""], several
    for one, size in zip(text, sizes, strict=True):
        if size > room:
            parts.append("")
            room = several
        parts[-1] += one
        room -= size
    return parts


def _utf16_octets(text: str) -> int:
    return len(_utf16(text))


def _utf16(text: str) -> bytes:
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        raise ValueError("the text holds half a surrogate pair, which cannot be sent") from None


def _put_right(octets: bytes, coding: int, validity: int, status_report: bool) -> SubmitPdu:
    """Leave the service centre to the modem (length 0), set our scheme, validity and TP-SRR.

    A SUBMIT is: type, reference, address, protocol identifier, scheme, validity (9.2.2.2).
    """
    submit = bytearray(octets[1 + octets[0] :])
    behind_address = 2 + 2 + (submit[2] + 1) // 2
    submit[behind_address + 1] = coding
    if submit[0] & 0x18 == 0x10:  # a relative validity
        submit[behind_address + 2] = validity
    if status_report:
        submit[0] |= STATUS_REPORT_REQUEST
    return SubmitPdu("00" + submit.hex().upper(), len(submit))


# --- reading ------------------------------------------------------------------------------


def read_list(lines: Sequence[str], index: int | None = None) -> list[Decoded]:
    """The messages in the lines of AT+CMGL or AT+CMGR (27.005 3.4.2, 3.5.3): header, PDU, ...

    index: the one asked for, which AT+CMGR does not repeat. What stands between the
    header's index and the PDU is not looked at: ZTE leaves fields of it out.
    """
    found: list[Decoded] = []
    for one in parse_listed(lines):
        place = one.header.index if index is None else index
        if one.pdu is not None and place is not None:
            found.append(decode(one.pdu, place))
    return found


def decode(pdu: str, index: int | None) -> Decoded:
    """One PDU with its service centre, as AT+CMGL, +CMT and +CDS give it."""
    read = tpdu.read_pdu(pdu)
    match read:
        case tpdu.Deliver():
            return _part(read, index, pdu.upper())
        case tpdu.StatusReport():
            return DeliveryReport(
                index=index,
                reference=read.reference,
                recipient=read.recipient.text.removeprefix("+"),
                state=read.state,
                status=read.status,
                discharged_at_text=read.discharged_at or "",
                pdu=pdu.upper(),
            )
        case tpdu.Submit():
            return Undecodable(index, "a submit PDU, not a received message", pdu.upper())
        case tpdu.Unreadable(reason=reason):
            return Undecodable(index, reason, pdu[:400])


def _part(read: tpdu.Deliver, index: int | None, pdu: str) -> Decoded:
    data = read.user_data
    if data.coding.compressed:
        return Undecodable(index, "its text is compressed (23.042)", pdu)
    place = data.concatenation
    return Part(
        index=index,
        sender=read.sender.text.removeprefix("+"),
        text=_text([data]),
        sent_at_text=read.timestamp or "",
        reference=place.reference if place and place.total > 1 else 0,
        number=place.number if place else 1,
        total=place.total if place else 1,
        pdu=pdu,
        fault=data.fault,
        reference_bits=place.reference_bits if place else 8,
        user_data=data,
        named=read.sender.type_of_address >> 4 & 7 == ALPHANUMERIC,
    )


def _text(pieces: Sequence[UserData]) -> str:
    """The text of pieces that follow each other.

    A sender may part a surrogate pair, or an escape from what follows it, so pieces written
    alike are read as one. 8-bit data is shown as ISO-8859-1. Some fill up with NUL.
    """
    text, at = "", 0
    while at < len(pieces):
        first, data = pieces[at], b""
        while at < len(pieces) and _written_alike(pieces[at], first):
            data += pieces[at].data
            at += 1
        read = tpdu.decode_data(first.coding, first.language, data)
        text += data.decode("latin-1") if read is None else read
    return text.split("\x00", 1)[0]


def _written_alike(one: UserData, other: UserData) -> bool:
    same = (one.coding.alphabet, one.language) == (other.coding.alphabet, other.language)
    odd = other.coding.alphabet is Alphabet.UCS2 and (len(one.data) % 2 or len(other.data) % 2)
    return one is other or (same and not odd)


# --- joining ------------------------------------------------------------------------------


def join(parts: Iterable[Part]) -> list[IncomingSms]:
    """Messages in the order of their first part, parts joined by sender and reference.

    A part that lies there twice, stamp and all, counts once. One that came with another
    stamp begins another message, the second copy. References repeat (after 256 messages,
    with some senders at once): where parts of one reference and place say different things
    they belong to different messages, and only those stamped in the same second are
    joined; parts stamped far apart are not joined at all. A text made of two is worse than none.
    """
    parts = list(parts)
    muddled = _muddled(parts)
    groups: list[_Group] = []
    for part in parts:
        group = None if part.total == 1 else _place(groups, part, muddled)
        if group is None:
            groups.append({part.number: [part]})
        else:
            group.setdefault(part.number, []).append(part)
    return [_message(group) for group in groups]


# By number: the part, and its copies.
_Group = dict[int, list[Part]]
_Key = tuple[str, int, int, int]


def _key(part: Part) -> _Key:
    return part.sender, part.reference_bits, part.reference, part.total


def _muddled(parts: Sequence[Part]) -> set[_Key]:
    """The references under which parts of different messages lie there."""
    said: dict[tuple[_Key, int], str] = {}
    return {
        _key(part)
        for part in parts
        if part.total > 1 and said.setdefault((_key(part), part.number), part.text) != part.text
    }


def _place(groups: list[_Group], part: Part, muddled: set[_Key]) -> _Group | None:
    key = _key(part)
    for group in groups:
        one, *_ = next(iter(group.values()))
        if _key(one) != key:
            continue
        if part.number in group:
            if group[part.number][0].pdu == part.pdu:
                return group
            continue
        apart = _seconds_apart(one, part)
        if (apart <= STAMPS_APART_SECONDS and key not in muddled) or apart == 0:
            return group
    return None


def _seconds_apart(one: Part, other: Part) -> float:
    """Between the service centre's stamps of two parts; those that no date is are together."""
    try:
        first, second = (datetime.fromisoformat(part.sent_at_text) for part in (one, other))
    except ValueError:
        return STAMPS_APART_SECONDS
    return abs((first - second).total_seconds())


def _message(group: _Group) -> IncomingSms:
    parts = [group[number][0] for number in sorted(group)]
    copies = [part for number in sorted(group) for part in group[number]]
    return IncomingSms(
        indices=tuple(part.index for part in copies if part.index is not None),
        sender=parts[0].sender,
        text=_joined(parts),
        sent_at_text=parts[0].sent_at_text,
        complete=len(parts) == parts[0].total and not any(part.fault for part in parts),
        fingerprint=fingerprint(part.pdu for part in parts),
        direct=tuple(part.pdu for part in copies if part.index is None),
        missing=_missing(parts),
        flash=_is_flash(parts[0]),
        named=parts[0].named,
    )


def _joined(parts: Sequence[Part]) -> str:
    """The text of the parts; only neighbours are read as one."""
    text, run = "", [parts[0]]
    for part in parts[1:]:
        if part.number != run[-1].number + 1:
            text += _run(run)
            run = []
        run.append(part)
    return text + _run(run)


def _run(parts: Sequence[Part]) -> str:
    pieces = [part.user_data for part in parts if part.user_data is not None]
    return _text(pieces) if len(pieces) == len(parts) else "".join(part.text for part in parts)


def _missing(parts: Sequence[Part]) -> str:
    """What is not there, in words; empty if all is."""
    here, total = {part.number for part in parts}, parts[0].total
    absent = [str(number) for number in range(1, total + 1) if number not in here]
    faults = [part.fault for part in parts if part.fault]
    if absent:
        faults.insert(0, f"part {', '.join(absent)} of {total} did not come")
    return "; ".join(faults)


def _is_flash(part: Part) -> bool:
    return part.user_data is not None and part.user_data.coding.message_class == 0


def fingerprint(pdus: Iterable[str]) -> str:
    """The same for the same PDUs in any order."""
    joined = "\n".join(sorted(pdu.upper() for pdu in pdus))
    return hashlib.sha256(joined.encode("ascii", "replace")).hexdigest()
