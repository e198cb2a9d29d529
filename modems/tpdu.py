"""SMS PDUs read field by field: DELIVER, SUBMIT and STATUS-REPORT (3GPP TS 23.040 9.2.2).

`read_pdu` walks over the octets with a cursor and returns a value for every one of the
three, or `Unreadable`; nothing that a modem or a network can send makes it raise. What
stands before the text must be there; a text that is shorter than its length says is read
as far as it goes and `UserData.fault` says so, since half a text must never pass for a
whole one.

Text is kept twice: as a string, and as `UserData.data`, from which the parts of a long
message are read anew when they are joined, since a sender may part them in the middle of
a character.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pulsarack.modems.at import gsm7
from pulsarack.modems.national_languages import LOCKING_SHIFT, SINGLE_SHIFT

# A service centre's address of 12 octets and a TPDU of 164 (23.040 9.2.3.1, 24.011 8.2.5).
PDU_OCTETS_MAX = 12 + 164


class Kind(Enum):
    """Which PDU it is, and the values of `direction`."""

    DELIVER = "deliver"
    SUBMIT = "submit"
    STATUS_REPORT = "status-report"


class Alphabet(Enum):
    """How the user data is written (23.038 section 4)."""

    GSM7 = "gsm7"
    EIGHT_BIT = "8bit"
    UCS2 = "ucs2"


class DeliveryState(Enum):
    """What TP-ST says of a sent message (23.040 9.2.3.15).

    DELIVERED is the only proof of delivery. FORWARDED: handed on, the service centre cannot
    tell more. TRYING: not yet, it goes on. FAILED: given up, with or without an end.
    """

    DELIVERED = "delivered"
    FORWARDED = "forwarded"
    TRYING = "trying"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Address:
    """A number with ``+`` if it is international, or a name (23.040 9.1.2.5).

    Beyond digits a number holds ``*#abc`` (9.1.2.3).
    """

    text: str
    type_of_address: int


@dataclass(frozen=True, slots=True)
class CodingScheme:
    """TP-DCS read (23.038 section 4); ``message_class`` 0 is a flash message."""

    octet: int
    alphabet: Alphabet
    message_class: int | None
    compressed: bool


@dataclass(frozen=True, slots=True)
class HeaderElement:
    """One information element of the user data header (23.040 9.2.3.24)."""

    identifier: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Which part of which long message; ``reference_bits`` is 8 or 16 (9.2.3.24.1, .8)."""

    reference: int
    reference_bits: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class UserData:
    """The text and what belongs to it.

    data      octets behind the header; of the GSM alphabet one septet an octet
    text      None if it is no text: 8-bit data, or compressed
    language  the national tables: (locking, single shift), 0 for the default ones
    fault     what is wrong with it; empty if it is whole
    """

    coding: CodingScheme
    header: tuple[HeaderElement, ...]
    concatenation: Concatenation | None
    language: tuple[int, int]
    data: bytes
    text: str | None
    fault: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """A received message (9.2.2.1). ``timestamp``: ISO 8601; None if it is no date."""

    service_centre: Address | None
    sender: Address
    protocol_identifier: int
    timestamp: str | None
    user_data: UserData


@dataclass(frozen=True, slots=True)
class Submit:
    """A message to send (9.2.2.2).

    validity: the octet of a relative period, the ISO 8601 date of an absolute one, the
    seven octets of an enhanced one, None if there is none (9.2.3.12).
    """

    service_centre: Address | None
    reference: int
    recipient: Address
    protocol_identifier: int
    validity: int | str | bytes | None
    status_report_wanted: bool
    user_data: UserData


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What became of a sent message (9.2.2.3).

    discharged_at: when that was, ISO 8601. The last two are optional (9.2.3.27), and None
    if they are not there or cannot be read: many service centres write rubbish there.
    """

    service_centre: Address | None
    reference: int
    recipient: Address
    timestamp: str | None
    discharged_at: str | None
    status: int
    protocol_identifier: int | None
    user_data: UserData | None

    @property
    def state(self) -> DeliveryState:
        """What the status means; what is not defined there is taken for given up."""
        return delivery_state(self.status)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No PDU of the kind asked for, and why."""

    reason: str


Tpdu = Deliver | Submit | StatusReport | Unreadable


def read_pdu(pdu: str, direction: Kind | None = None, *, smsc_included: bool = True) -> Tpdu:
    """A PDU in hex, as AT+CMGL, +CMT and +CDS give it and AT+CMGS takes it.

    direction      what it must be; None: what comes from the network, by its type
    smsc_included  the service centre's address stands in front (27.005 3.1 <pdu>)
    """
    try:
        octets = bytes.fromhex(pdu) if pdu.isascii() else b""
    except ValueError:
        return Unreadable("not a string of hex octets")
    if not octets or any(mark.isspace() for mark in pdu):
        return Unreadable("not a string of hex octets")
    if len(octets) > PDU_OCTETS_MAX:
        return Unreadable(f"longer than {PDU_OCTETS_MAX} octets")
    cursor = _Cursor(octets)
    try:
        service_centre = _service_centre(cursor) if smsc_included else None
        return _read_tpdu(cursor, service_centre, direction)
    except _CutShort as error:
        return Unreadable(f"it ends within {error}")


def delivery_state(status: int) -> DeliveryState:
    """What a TP-ST means (23.040 9.2.3.15)."""
    if status in (0x01, 0x02):
        return DeliveryState.FORWARDED
    if status == 0x00:
        return DeliveryState.DELIVERED
    return DeliveryState.TRYING if 0x20 <= status <= 0x3F else DeliveryState.FAILED


def read_coding_scheme(octet: int) -> CodingScheme:
    """TP-DCS (23.038 section 4); what is reserved counts as the default alphabet."""
    group = octet >> 4
    alphabet, message_class, compressed = Alphabet.GSM7, None, False
    if group < 0x8:
        alphabets = (Alphabet.GSM7, Alphabet.EIGHT_BIT, Alphabet.UCS2, Alphabet.GSM7)
        alphabet = alphabets[octet >> 2 & 0x3]
        message_class = octet & 0x3 if octet & 0x10 else None
        compressed = bool(octet & 0x20)
    elif group == 0xE:
        alphabet = Alphabet.UCS2
    elif group == 0xF:
        alphabet = Alphabet.EIGHT_BIT if octet & 0x04 else Alphabet.GSM7
        message_class = octet & 0x3
    return CodingScheme(octet, alphabet, message_class, compressed)


def decode_data(coding: CodingScheme, language: tuple[int, int], data: bytes) -> str | None:
    """The text of `UserData.data`, of one part or of several that follow each other."""
    if coding.compressed or coding.alphabet is Alphabet.EIGHT_BIT:
        return None
    if coding.alphabet is Alphabet.UCS2:
        # UTF-16 in practice: half a pair, the other half being lost, becomes U+FFFD.
        return data.decode("utf-16-be", "replace")
    locking, single = language
    return gsm7.decode(
        list(data),
        LOCKING_SHIFT.get(locking, gsm7.ALPHABET),
        SINGLE_SHIFT.get(single, gsm7.EXTENSION),
    )


# --- how it is read -----------------------------------------------------------------------


class _CutShort(Exception):
    """The octets end within the field named."""


class _Cursor:
    """Takes octets from the front."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def take(self, count: int, field: str) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) < count:
            raise _CutShort(field)
        self._at += count
        return taken

    def octet(self, field: str) -> int:
        return self.take(1, field)[0]

    def rest(self, most: int) -> bytes:
        """What is there, at most so many octets."""
        taken = self._octets[self._at : self._at + most]
        self._at += len(taken)
        return taken


def _read_tpdu(cursor: _Cursor, service_centre: Address | None, direction: Kind | None) -> Tpdu:
    first = cursor.octet("its type")
    # A reserved type is treated as a DELIVER (23.040 9.2.3.1).
    kind = (Kind.DELIVER, Kind.SUBMIT, Kind.STATUS_REPORT, Kind.DELIVER)[first & 0x3]
    if direction is not None and kind is not direction:
        return Unreadable(f"a {kind.value}, not a {direction.value}")
    if kind is Kind.DELIVER:
        return _deliver(cursor, service_centre, first)
    if kind is Kind.SUBMIT:
        return _submit(cursor, service_centre, first)
    return _status_report(cursor, service_centre, first)


def _deliver(cursor: _Cursor, service_centre: Address | None, first: int) -> Deliver:
    sender = _address(cursor, "the sender")
    protocol_identifier = cursor.octet("the protocol identifier")
    coding = read_coding_scheme(cursor.octet("the coding scheme"))
    timestamp = _timestamp(cursor.take(7, "the time stamp"))
    user_data = _user_data(cursor, coding, has_header=bool(first & 0x40))
    return Deliver(service_centre, sender, protocol_identifier, timestamp, user_data)


def _submit(cursor: _Cursor, service_centre: Address | None, first: int) -> Submit:
    reference = cursor.octet("the message reference")
    recipient = _address(cursor, "the recipient")
    protocol_identifier = cursor.octet("the protocol identifier")
    coding = read_coding_scheme(cursor.octet("the coding scheme"))
    return Submit(
        service_centre,
        reference,
        recipient,
        protocol_identifier,
        _validity(cursor, first >> 3 & 0x3),
        bool(first & 0x20),
        _user_data(cursor, coding, has_header=bool(first & 0x40)),
    )


def _status_report(cursor: _Cursor, service_centre: Address | None, first: int) -> StatusReport:
    reference = cursor.octet("the message reference")
    recipient = _address(cursor, "the recipient")
    timestamp = _timestamp(cursor.take(7, "the time stamp"))
    discharged_at = _timestamp(cursor.take(7, "the time of discharge"))
    status = cursor.octet("the status")
    try:
        protocol_identifier, user_data = _optional(cursor, has_header=bool(first & 0x40))
    except _CutShort:
        protocol_identifier, user_data = None, None
    return StatusReport(
        service_centre,
        reference,
        recipient,
        timestamp,
        discharged_at,
        status,
        protocol_identifier,
        user_data,
    )


def _optional(cursor: _Cursor, *, has_header: bool) -> tuple[int | None, UserData | None]:
    """What TP-PI announces (9.2.3.27); it is continued while its highest bit is set."""
    indicator = octet = cursor.octet("the parameter indicator")
    while octet & 0x80:
        octet = cursor.octet("the parameter indicator")
    protocol_identifier = cursor.octet("the protocol identifier") if indicator & 0x1 else None
    # Without a coding scheme the text is of the default alphabet (9.2.3.27).
    coding = read_coding_scheme(cursor.octet("the coding scheme") if indicator & 0x2 else 0)
    if not indicator & 0x4:
        return protocol_identifier, None
    return protocol_identifier, _user_data(cursor, coding, has_header=has_header)


def _service_centre(cursor: _Cursor) -> Address | None:
    octets = cursor.take(cursor.octet("the service centre"), "the service centre")
    if not octets:
        return None
    return Address(_digits(octets[0], octets[1:], 2 * len(octets[1:])), octets[0])


def _address(cursor: _Cursor, field: str) -> Address:
    semi_octets = cursor.octet(field)
    type_of_address = cursor.octet(field)
    octets = cursor.take((semi_octets + 1) // 2, field)
    if type_of_address >> 4 & 0x7 == 0x5:
        return Address(_name(octets, semi_octets), type_of_address)
    return Address(_digits(type_of_address, octets, semi_octets), type_of_address)


def _name(octets: bytes, semi_octets: int) -> str:
    """An alphanumeric address (9.1.2.5): packed septets, the count in semi-octets."""
    septets = gsm7.unpack(octets, semi_octets * 4 // 7)
    if len(septets) % 8 == 0 and septets and septets[-1] == 0:
        # Seven characters leave seven spare bits, which some senders count in.
        del septets[-1]
    return gsm7.decode(septets)


def _digits(type_of_address: int, octets: bytes, semi_octets: int) -> str:
    marks = (mark for octet in octets for mark in (octet & 0xF, octet >> 4))
    said = "".join("0123456789*#abcF"[mark] for mark in marks)[:semi_octets].split("F", 1)[0]
    return "+" + said if type_of_address >> 4 & 0x7 == 0x1 and said else said


def _timestamp(octets: bytes) -> str | None:
    """TP-SCTS (9.2.3.11): swapped digits, the zone in quarters of an hour with a sign."""
    *date, zone = octets
    pairs = [pair for octet in date if (pair := _swapped(octet)) is not None]
    quarters = _swapped(zone & 0xF7)
    if len(pairs) < 6 or quarters is None:
        return None
    year, month, day, hour, minute, second = pairs
    try:
        when = datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001
    except ValueError:
        return None
    sign = "-" if zone & 0x08 else "+"
    return f"{when.isoformat()}{sign}{quarters // 4:02}:{quarters % 4 * 15:02}"


def _swapped(octet: int) -> int | None:
    units, tens = octet >> 4, octet & 0xF
    return 10 * tens + units if units < 10 and tens < 10 else None


def _validity(cursor: _Cursor, form: int) -> int | str | bytes | None:
    """TP-VP by TP-VPF (9.2.3.3): none, enhanced, relative, absolute."""
    if form == 0:
        return None
    if form == 2:
        return cursor.octet("the validity period")
    octets = cursor.take(7, "the validity period")
    return octets if form == 1 else _timestamp(octets) or octets


def _user_data(cursor: _Cursor, coding: CodingScheme, *, has_header: bool) -> UserData:
    """TP-UDL and TP-UD (9.2.3.16, 9.2.3.24): septets are counted from the header's start."""
    length = cursor.octet("the length of the text")
    septets = coding.alphabet is Alphabet.GSM7 and not coding.compressed
    octets = cursor.rest((length * 7 + 7) // 8 if septets else length)
    faults = []
    if len(octets) < ((length * 7 + 7) // 8 if septets else length):
        faults.append("the text is cut short")
    header: tuple[HeaderElement, ...] = ()
    header_octets = 0
    if has_header:
        header_octets = 1 + octets[0] if octets else 1
        whole, header = _header(octets[1:header_octets])
        if not whole or header_octets > len(octets):
            faults.append("its header cannot be read")
    if septets:
        data = bytes(gsm7.unpack(octets, length)[(header_octets * 8 + 6) // 7 :])
    else:
        data = octets[header_octets:]
    if coding.alphabet is Alphabet.UCS2 and not coding.compressed and len(data) % 2:
        faults.append("half a character stands at its end")
    language = _language(header)
    text = decode_data(coding, language, data)
    concatenation = _concatenation(header)
    return UserData(coding, header, concatenation, language, data, text, "; ".join(faults))


def _header(octets: bytes) -> tuple[bool, tuple[HeaderElement, ...]]:
    """The elements as far as they are whole, and whether all of them are."""
    found: list[HeaderElement] = []
    at = 0
    while at < len(octets):
        data = octets[at + 2 : at + 2 + octets[at + 1]] if at + 1 < len(octets) else b""
        if at + 1 >= len(octets) or len(data) < octets[at + 1]:
            return False, tuple(found)
        found.append(HeaderElement(octets[at], data))
        at += 2 + len(data)
    return True, tuple(found)


def _concatenation(header: Iterable[HeaderElement]) -> Concatenation | None:
    """The last valid one counts (9.2.3.24); one that is not valid is ignored (9.2.3.24.1)."""
    found = None
    for element in header:
        data = element.data
        if (element.identifier, len(data)) not in ((0x00, 3), (0x08, 4)):
            continue
        total, number = data[-2:]
        if 1 <= number <= total:
            reference = int.from_bytes(data[:-2], "big")
            found = Concatenation(reference, 8 * len(data) - 16, total, number)
    return found


def _language(header: Iterable[HeaderElement]) -> tuple[int, int]:
    """National language locking shift (0x25) and single shift (0x24; 9.2.3.24.15, .16)."""
    locking = single = 0
    for element in header:
        if len(element.data) == 1 and element.identifier == 0x25:
            locking = element.data[0]
        if len(element.data) == 1 and element.identifier == 0x24:
            single = element.data[0]
    return locking, single
